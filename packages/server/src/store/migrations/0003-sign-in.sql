-- How people sign in. The tables named auth_ are better-auth's: it reads and writes them, we only number them.

-- The id is the member's: one person, one id.
create table auth_users (
  id             text collate "C" primary key references members on delete cascade,
  name           text not null,
  email          text not null,
  email_verified boolean not null,
  image          text,
  created_at     timestamptz not null,
  updated_at     timestamptz not null,
  constraint auth_users_email unique (email)
);

create table auth_sessions (
  id         text collate "C" primary key,
  user_id    text collate "C" not null references auth_users on delete cascade,
  token      text not null,
  ip_address text,
  user_agent text,
  expires_at timestamptz not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  constraint auth_sessions_token unique (token)
);
create index auth_sessions_user on auth_sessions(user_id);
create index auth_sessions_expiry on auth_sessions(expires_at);

-- A way in: a password, or a person's account at another provider. Nobody's tokens are kept here: the columns
-- for them are better-auth's, and stay empty.
create table auth_accounts (
  id                       text collate "C" primary key,
  user_id                  text collate "C" not null references auth_users on delete cascade,
  provider_id              text not null,
  account_id               text not null,
  password                 text,
  access_token             text,
  refresh_token            text,
  id_token                 text,
  access_token_expires_at  timestamptz,
  refresh_token_expires_at timestamptz,
  scope                    text,
  created_at               timestamptz not null,
  updated_at               timestamptz not null,
  constraint auth_accounts_identity unique (provider_id, account_id)
);
create index auth_accounts_user on auth_accounts(user_id);

create table auth_verifications (
  id         text collate "C" primary key,
  identifier text not null,
  value      text not null,
  expires_at timestamptz not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index auth_verifications_identifier on auth_verifications(identifier);
create index auth_verifications_expiry on auth_verifications(expires_at);

-- A link that proves an e-mail address: whoever opens it may choose a password, once.
create table sign_in_links (
  id         text collate "C" primary key,
  email      text not null,
  purpose    text not null check (purpose in ('join', 'invite', 'reset')),
  token_hash bytea not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at    timestamptz,
  constraint sign_in_links_token unique (token_hash)
);
create index sign_in_links_email on sign_in_links(email);
create index sign_in_links_expiry on sign_in_links(expires_at);

-- When somebody tried something lately: a limit on attempts holds across processes and restarts.
create table attempts (
  subject    text collate "C" primary key,
  times      timestamptz[] not null,
  expires_at timestamptz not null
);
create index attempts_expiry on attempts(expires_at);
