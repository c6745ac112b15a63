-- What the server keeps for its members: files, and the schemas of what they offer.

-- A stored file. Its bytes are elsewhere, in the blob whose key is this id.
create table assets (
  id           text collate "C" primary key,
  workspace_id text collate "C" not null references workspaces,
  mime         text not null,
  bytes        integer not null check (bytes >= 0),
  sha256       bytea not null check (length(sha256) = 32),
  filename     text not null,
  -- arriving: the blob is about to be written; stored; leaving: the blob is about to be removed. So there is never
  -- a blob without a row, whenever a process dies.
  state        text not null check (state in ('arriving', 'stored', 'leaving')),
  created_at   timestamptz not null,
  -- When it was uploaded or last used in work, to the hour: a file goes some time after that. While it arrives or
  -- leaves, when that began.
  used_at      timestamptz not null
);
create index assets_workspace on assets(workspace_id);
create index assets_used on assets(used_at);

-- Who may read a file beside its owner: whoever was given work that uses it.
create table asset_grants (
  asset_id     text collate "C" not null references assets on delete cascade,
  workspace_id text collate "C" not null references workspaces,
  granted_at   timestamptz not null,
  primary key (asset_id, workspace_id)
);

-- Schemas by the SHA-256 of their bytes, which are kept as they came: a digest is over bytes.
create table schemas (
  digest       text collate "C" primary key check (digest ~ '^[0-9a-f]{64}$'),
  content      bytea not null,
  -- Whoever brought it first: it counts for them.
  workspace_id text collate "C" not null references workspaces,
  created_at   timestamptz not null
);
create index schemas_workspace on schemas(workspace_id);
