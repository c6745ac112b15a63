-- The ledger: work, accounts, budgets, holds and transfers. Only 0002-posting.sql changes their rows.
-- No foreign keys here: each would lock a parent row for every insert, and the hottest rows are parents.
-- What they would promise, the function checks before it writes and `admin ledger verify` checks after.

-- What runs, sessions, slots, auctions and bids have in common; what a shape has of its own is in its table.
create table work (
  id              text collate "C" primary key,
  deadline_at     timestamptz,          -- null once the work is over, and only then
  opened_at       timestamptz not null,
  updated_at      timestamptz not null,
  version         int not null check (version > 0),
  attempt         int not null,
  shape           text not null check (shape in ('run', 'session', 'broadcast', 'slot', 'auction', 'bid')),
  state           text not null,
  process_id      text collate "C",
  workspace_id    text collate "C" not null,
  operation       text not null,
  idempotency_key text,
  request_hash    text
) with (fillfactor = 50);
create unique index work_idempotency on work(workspace_id, operation, idempotency_key)
  where idempotency_key is not null;
-- Live work, by deadline. Work changes often and must not drag indexes along: a column that is in an
-- index, or in its predicate, turns off HOT updates for every change of it. So this is the only index
-- on anything that changes; whoever wants the live work of a process reads all live work through it.
create index work_deadline on work(deadline_at) where deadline_at is not null;

create table accounts (
  id            text collate "C" primary key,
  kind          text not null check (kind in ('wallet', 'issuance', 'fees', 'losses', 'payouts')),
  posted_micros bigint not null default 0,
  held_micros   bigint not null default 0 check (held_micros >= 0),
  frozen_at     timestamptz,            -- set by a payment dispute
  created_at    timestamptz not null,
  check (kind in ('issuance', 'losses') or posted_micros >= held_micros)
) with (fillfactor = 40, autovacuum_vacuum_scale_factor = 0.02);

insert into accounts(id, kind, created_at)
select id, kind, statement_timestamp() from (values
  ('000000000000000000000001', 'fees'),
  ('000000000000000000000002', 'losses'),
  ('000000000000000000000003', 'payouts'),
  ('000000000000000000000011', 'issuance'),   -- bought
  ('000000000000000000000012', 'issuance'),   -- play
  ('000000000000000000000013', 'issuance'),   -- grant
  ('000000000000000000000014', 'issuance'),   -- voucher
  ('000000000000000000000015', 'issuance')    -- referral
) house(id, kind);

create table budgets (
  id           text collate "C" primary key,  -- a digest of the next three columns
  scope        text not null,
  owner_id     text collate "C" not null,
  window_start timestamptz,
  limit_micros bigint not null check (limit_micros >= 0),
  held_micros  bigint not null default 0 check (held_micros >= 0),
  spent_micros bigint not null default 0 check (spent_micros >= 0)
) with (fillfactor = 40, autovacuum_vacuum_scale_factor = 0.02);

-- Money of its payer that is promised to a work. What is left when it closes is available again.
create table holds (
  work_id          text collate "C" not null,
  id               text collate "C" not null,
  account_id       text collate "C" not null,
  amount_micros    bigint not null check (amount_micros >= 0),
  captured_micros  bigint not null,
  fee_basis_points int not null check (fee_basis_points between 0 and 9999),
  budget_ids       text collate "C" not null,   -- separated by spaces: half the size of an array
  deadline_at      timestamptz,
  closed_at        timestamptz,
  primary key (work_id, id),
  check (captured_micros between 0 and amount_micros)
) with (fillfactor = 50);

-- Immutable. `reference` is the work, or the operation where there is none; `name` is the step in it,
-- or the outside reference. A capture's transfers name its hold; hiring oneself, they may end where
-- they began. `seq` tells the books in which order to read: rows become visible out of its order, but
-- none below a number that was drawn after every older transaction had ended.
create table transfers (
  seq           bigint not null generated always as identity,
  amount_micros bigint not null check (amount_micros > 0),
  at            timestamptz not null,
  reference     text collate "C" not null,
  name          text collate "C" not null,
  hold_id       text collate "C",
  debit_id      text collate "C" not null,
  credit_id     text collate "C" not null,
  primary key (reference, name),
  check (debit_id <> credit_id or hold_id is not null)
);
create index transfers_seq on transfers using brin (seq) with (pages_per_range = 32);

-- The last batch of each writer and what it was answered: see step 1 of the function.
create table ledger_writers (
  id      text collate "C" primary key,
  batch   bigint not null,
  answers text not null,
  at      timestamptz not null
) with (fillfactor = 40, autovacuum_vacuum_scale_factor = 0.02);
-- Compressed, but never moved out of the row: that would be two more tables to write a batch.
alter table ledger_writers alter column answers set storage main;
