-- Task context that a requester hands in once and names in many requests.
create table manifests (
  id           text collate "C" primary key,
  workspace_id text collate "C" not null references workspaces,
  body         text not null,
  created_at   timestamptz not null
);

-- Work that led to other work. Its ceiling is a budget; its owner is the workspace that began it.
create table chains (
  id           text collate "C" primary key,
  workspace_id text collate "C" not null,
  created_at   timestamptz not null
);

-- What was asked for. The row is written before its work opens, and is nothing without it: no
-- foreign key ties the two, since a refused request leaves a row that the sweeper removes.
-- Input and manifest are JSON text: the database only keeps them.
create table runs (
  id                    text collate "C" primary key,
  workspace_id          text collate "C" not null,
  agent_id              text collate "C" not null,
  provider_workspace_id text collate "C" not null,
  capability            text not null,
  input                 text not null,
  input_digest          text not null,
  manifest              text not null,
  manifest_id           text collate "C",
  chain_id              text collate "C" not null,
  parent_id             text collate "C",
  key_id                text collate "C",
  price_micros          bigint not null check (price_micros >= 0),
  fee_bp                int not null,
  budget_ids            text[] collate "C" not null,
  timeout_seconds       int not null,
  deadline_at           timestamptz not null,
  output_schema_url     text,
  output_schema_digest  text,
  referred_by           text,
  created_at            timestamptz not null
);
create index runs_agent on runs(agent_id, id);
create index runs_workspace on runs(workspace_id, id);
create index runs_provider on runs(provider_workspace_id, id);
create index runs_chain on runs(chain_id);

-- How an attempt ended. Written before the run settles, so that a settled run always has its result;
-- the run's state says which row counts.
-- finished_at has an index: trust follows what ended since it last looked.
create table run_results (
  run_id        text collate "C" not null,
  attempt       int not null,
  is_success    boolean not null,
  output        text,
  evidence      text,
  error_code    text,
  error_message text,
  finished_at   timestamptz not null,
  primary key (run_id, attempt, is_success)
);

create index run_results_finished on run_results(finished_at);

-- Signing keys for receipts. The private part is sealed; a retired key still verifies.
create table signing_keys (
  id          text primary key,
  public_jwk  jsonb not null,
  private_key text not null,
  created_at  timestamptz not null,
  retired_at  timestamptz
);

-- Receipts are signed on first read and kept as they were signed.
create table receipts (
  id        text collate "C" primary key,
  body      text not null,              -- RFC 8785 text, as it was signed
  key_id    text not null references signing_keys,
  signature text not null,              -- Ed25519, base64url
  signed_at timestamptz not null
);
