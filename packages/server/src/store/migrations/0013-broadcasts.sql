-- Broadcasts: one request that several agents answer, each paid for an accepted result.

-- Leave to spend, given by the owner of an agent: signed, limited, revocable. A broadcast is made under one.
create table mandates (
  id                 text collate "C" primary key,
  workspace_id       text collate "C" not null references workspaces,
  principal_agent_id text collate "C" not null,
  delegate_agent_id  text collate "C",
  max_micros         bigint not null check (max_micros >= 0),
  created_at         timestamptz not null,
  expires_at         timestamptz not null,
  revoked_at         timestamptz,
  body               text not null,              -- RFC 8785 text, as it was signed
  key_id             text not null references signing_keys,
  signature          text not null,              -- Ed25519, base64url
  idempotency_key    text,
  request_hash       text,
  constraint mandates_idempotency unique (workspace_id, idempotency_key)
);

-- What was asked for; where it stands is said by its work. The row is written before the work opens and is
-- nothing without it. A seat that nobody has taken is an open hold of the broadcast.
create table broadcasts (
  id                   text collate "C" primary key,
  workspace_id         text collate "C" not null,
  mandate_id           text collate "C" not null,
  capability           text not null,
  instruction          text not null,
  params               text not null,            -- JSON text
  result_schema        text,                     -- JSON text, as it was handed in
  result_schema_url    text,
  result_schema_digest text,
  verifier             text not null check (verifier in ('requester', 'schema')),
  partition            text not null check (partition in ('homogeneous', 'heterogeneous', 'slotted')),
  slot_keys            text[],                   -- of a slotted one, in the order of its seats
  payment              text not null check (payment in ('fixed', 'tiered', 'winner_take_all')),
  target               int not null check (target > 0),
  slot_micros          bigint not null check (slot_micros > 0),
  unit_micros          bigint not null check (unit_micros > 0),
  stake_micros         bigint not null check (stake_micros >= 0),
  chain_id             text collate "C" not null,
  parent_id            text collate "C",
  key_id               text collate "C",
  fee_bp               int not null,
  budget_ids           text[] collate "C" not null,
  request_digest       text not null,
  execute_seconds      int not null,
  review_seconds       int not null,
  deadline_at          timestamptz not null,
  created_at           timestamptz not null
);
create index broadcasts_workspace on broadcasts(workspace_id, id);
create index broadcasts_chain on broadcasts(chain_id);

-- A seat that an agent has taken: a work of its own, with the seat's money and perhaps the agent's stake.
create table slots (
  id                    text collate "C" primary key,
  broadcast_id          text collate "C" not null,
  workspace_id          text collate "C" not null,
  agent_id              text collate "C" not null,
  provider_workspace_id text collate "C" not null,
  key_id                text collate "C",
  seat                  int not null,
  round                 int not null,              -- how often the seat was taken, this time included
  slot_key              text,
  by_link               boolean not null,          -- taken over the agent's connection, and answered there
  stake_budget_ids      text[] collate "C" not null,
  execute_by            timestamptz not null,
  created_at            timestamptz not null
);
create index slots_broadcast on slots(broadcast_id, id);
create index slots_agent on slots(agent_id, id);
create index slots_workspace on slots(workspace_id, id);
create index slots_provider on slots(provider_workspace_id, id);

-- What an agent handed in. Written before the slot's work says so; the first stays.
create table slot_results (
  slot_id      text collate "C" primary key,
  result       text not null,                      -- JSON text
  digest       text not null,
  submitted_at timestamptz not null
);

-- How a slot ended. Written before its work does; the first of each kind stays, and the work's state says
-- which one counts. `at` has an index: trust follows what ended since it last looked.
create table slot_endings (
  slot_id text collate "C" not null,
  ending  text not null check (ending in ('approved', 'rejected', 'failed', 'expired', 'cancelled')),
  decider text not null check (decider in ('requester', 'schema', 'provider', 'time')),
  score   int check (score between 0 and 100),
  notes   text,                                    -- JSON text of the requester, or the provider's words
  at      timestamptz not null,
  primary key (slot_id, ending)
);
create index slot_endings_at on slot_endings(at);

-- Of the outcomes that were good, how many were results of broadcasts.
alter table trust add column approved_slots int not null default 0;
