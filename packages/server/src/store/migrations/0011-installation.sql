-- What this database is: made once, when its first server starts on it.
create table installation (
  is_only    boolean primary key default true check (is_only),
  id         text not null,              -- keeps installations apart that share a NATS server
  mode       text not null check (mode in ('development', 'production')),
  created_at timestamptz not null
);
