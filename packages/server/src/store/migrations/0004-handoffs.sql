-- A sign-in that starts in a program and is approved by a person in a browser.
create table handoffs (
  id           text collate "C" primary key,
  kind         text not null check (kind in ('loopback', 'device', 'registration', 'pairing', 'install-code')),
  state        text not null check (state in ('pending', 'approved', 'delivered', 'finalised', 'denied', 'expired', 'revoked')),
  client_id    text not null,
  key_kind     text not null check (key_kind in ('lc', 'claw_wsk', 'mrg', 'cllk_live', 'shk', 'gld')),
  label        text not null,           -- what the program calls itself
  address      text not null,           -- where it asked from
  user_code    text,                    -- as shown; compared without punctuation
  redirect_uri text,
  lookup_hash  bytea not null,          -- SHA-256 of what the program shows to find this row
  proof_hash   bytea not null,          -- SHA-256 of what proves that it started it
  member_id    text collate "C" references members,
  workspace_id text collate "C" references workspaces,
  key_id       text collate "C" references keys,
  wrong_proofs integer not null default 0,
  poll_seconds integer,
  polled_at    timestamptz,
  created_at   timestamptz not null,
  expires_at   timestamptz not null,
  constraint handoffs_lookup unique (lookup_hash)
);
-- A code names one sign-in for as long as it can be approved.
create unique index handoffs_user_code on handoffs(replace(user_code, '-', '')) where state = 'pending';
create index handoffs_expiry on handoffs(expires_at);
