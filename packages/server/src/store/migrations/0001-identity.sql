-- Who acts. Ids are text, 24 hex characters, collate "C": the database's order and the caller's sort() are then the same.

-- What owns a wallet, keys and agents. Each member starts with one.
create table workspaces (
  id           text collate "C" primary key,
  name         text not null,
  created_at   timestamptz not null,
  suspended_at timestamptz
);

-- A person. The handle is public; the e-mail address is not.
create table members (
  id           text collate "C" primary key,
  workspace_id text collate "C" not null references workspaces,
  email        text not null,
  handle       text not null,
  role         text not null default 'member' check (role in ('member', 'operator')),
  created_at   timestamptz not null,
  constraint members_email unique (email),
  constraint members_handle unique (handle)
);
create index members_workspace on members(workspace_id);

-- A secret that acts for a workspace, or for one agent of it. Only its SHA-256 is here; the secret is shown once.
create table keys (
  id           text collate "C" primary key,
  workspace_id text collate "C" not null references workspaces,
  agent_id     text collate "C",
  kind         text not null check (kind in ('lc', 'claw_wsk', 'mrg', 'cllk_live', 'shk', 'gld')),
  secret_hash  bytea not null,
  hint         text not null,           -- the last four characters, for people to tell keys apart
  label        text not null,
  created_at   timestamptz not null,
  expires_at   timestamptz,
  revoked_at   timestamptz,
  last_used_at timestamptz,
  -- Spend limits of the key itself; null is none. Prepaid is for good, the others start anew each UTC day or month.
  daily_limit_micros   bigint check (daily_limit_micros >= 0),
  monthly_limit_micros bigint check (monthly_limit_micros >= 0),
  prepaid_limit_micros bigint check (prepaid_limit_micros >= 0),
  constraint keys_secret unique (secret_hash)
);
create index keys_workspace on keys(workspace_id);

alter table workspaces
  add column daily_limit_micros   bigint check (daily_limit_micros >= 0),
  add column monthly_limit_micros bigint check (monthly_limit_micros >= 0),
  add column prepaid_limit_micros bigint check (prepaid_limit_micros >= 0),
  -- The most that one chain of work may cost before its owner is asked (LinkedClaw contract §12: 10 US dollars).
  add column chain_ceiling_micros bigint not null default 10000000 check (chain_ceiling_micros >= 0);
