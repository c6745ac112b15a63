-- Payments by Stripe beside the development rail. A top-up is still paid by its transfer alone: what is here says
-- where it is paid, what the payment is called, and that nothing more is expected of it.
alter table topups drop constraint topups_rail_check;
alter table topups add constraint topups_rail_check check (rail in ('dev', 'stripe'));
alter table topups add column checkout_url text;
alter table topups add column reference text collate "C";     -- the rail's word for the money, which disputes name
alter table topups add column failure text check (failure in ('expired', 'declined', 'amount_mismatch'));
alter table topups add column closed_at timestamptz;
create index topups_unclosed on topups(id) where closed_at is null;
create index topups_reference on topups(reference) where reference is not null;

-- Payments that were called back. A wallet is frozen as long as one of its disputes is open, or was lost at the
-- house's expense and the operator has not let it go.
create table disputes (
  id            text collate "C" primary key,
  topup_id      text collate "C" not null references topups,
  rail          text not null check (rail in ('stripe')),
  rail_id       text collate "C" not null,
  amount_micros bigint not null check (amount_micros > 0),
  state         text not null check (state in ('open', 'won', 'lost')),
  taken_micros  bigint check (taken_micros >= 0),
  lost_micros   bigint check (lost_micros >= 0),
  opened_at     timestamptz not null,
  closed_at     timestamptz,
  released_at   timestamptz,
  constraint disputes_rail unique (rail, rail_id),
  check ((state = 'open') = (closed_at is null)),
  check ((state = 'lost') = (taken_micros is not null and lost_micros is not null))
);
create index disputes_topup on disputes(topup_id);
