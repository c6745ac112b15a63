-- Who brought whom. Rewarded is what has the transfer ('referral', workspace_id).
create table referral_codes (
  workspace_id text collate "C" primary key references workspaces,
  code         text collate "C" not null constraint referral_codes_code unique,
  created_at   timestamptz not null
);

create table referrals (
  workspace_id  text collate "C" primary key references workspaces,   -- who came, once
  referrer_id   text collate "C" not null references workspaces,
  reward_micros bigint not null check (reward_micros >= 0),
  created_at    timestamptz not null,
  qualified_at  timestamptz,
  check (workspace_id <> referrer_id)
);
create index referrals_referrer on referrals(referrer_id);
create index referrals_unqualified on referrals(referrer_id, workspace_id) where qualified_at is null;

-- A program that starts a registration may say by whose code its person came.
alter table handoffs add column referral_code text collate "C";
