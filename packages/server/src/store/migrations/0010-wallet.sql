-- Money that comes and goes other than for work: vouchers, top-ups, payouts, the operator's corrections.
-- Whether one happened is said by its transfer, which is unique for ever; a row here only says what it was about.

-- What a wallet's owner is shown. Transfers for work are not in these indexes: they are many, and every index on
-- them slows the ledger down; what work cost or earned is in its receipts. The list is OPERATIONS in domain/wallet.ts.
create index transfers_into on transfers(credit_id, seq)
  where reference in ('play', 'credit', 'voucher', 'topup', 'payout', 'referral', 'reversal');
create index transfers_out_of on transfers(debit_id, seq)
  where reference in ('play', 'credit', 'voucher', 'topup', 'payout', 'referral', 'reversal');

-- Why the operator moved money.
create table transfer_reasons (
  reference text collate "C" not null,
  name      text collate "C" not null,
  reason    text not null,
  at        timestamptz not null,
  primary key (reference, name)
);

-- A code that is worth money once. Redeemed is who has the transfer ('voucher', id).
create table vouchers (
  id            text collate "C" primary key,
  code_hash     bytea not null constraint vouchers_code unique,
  amount_micros bigint not null check (amount_micros > 0),
  created_at    timestamptz not null,
  expires_at    timestamptz
);

-- Money that is being paid in. Paid is what has the transfer ('topup', rail:payment_id).
create table topups (
  id            text collate "C" primary key,
  workspace_id  text collate "C" not null references workspaces,
  rail          text not null check (rail in ('dev')),
  payment_id    text collate "C" not null,
  amount_micros bigint not null check (amount_micros > 0),
  created_at    timestamptz not null,
  constraint topups_payment unique (rail, payment_id)
);
create index topups_workspace on topups(workspace_id, id);

-- Money that is to leave. It leaves the wallet when it is asked for; whether it was covered by money that may be
-- paid out is decided afterwards, by the order in which transfers were made.
create table payouts (
  id            text collate "C" primary key,
  workspace_id  text collate "C" not null references workspaces,
  amount_micros bigint not null check (amount_micros > 0),
  state         text not null check (state in ('pending', 'requested', 'refused', 'returned', 'paid')),
  gift_micros   bigint check (gift_micros between 0 and amount_micros), -- what it took of money that may not be paid out
  created_at    timestamptz not null,
  changed_at    timestamptz not null,
  settled_at    timestamptz             -- nothing more is going to happen to it
);
create index payouts_workspace on payouts(workspace_id, id);
create index payouts_unsettled on payouts(id) where settled_at is null;

-- Where each wallet's money came from, as far as the transfers were followed.
create table wallet_origins (
  account_id    text collate "C" primary key,
  earned_micros bigint not null check (earned_micros >= 0),  -- earned or bought: may be paid out
  gift_micros   bigint not null check (gift_micros >= 0)     -- given: may only be spent
) with (fillfactor = 70);

create table wallet_follower (
  is_only boolean primary key default true check (is_only),
  seq     bigint not null               -- the last transfer that wallet_origins knows
);
insert into wallet_follower(seq) values (0);
