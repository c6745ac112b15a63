-- What a chain's owner is told and decides: that a request met the ceiling, that it was raised, that the
-- chain is over. Money is decided by the chain's budget alone.
alter table chains add column refused_at timestamptz;
alter table chains add column refused_micros bigint;   -- what the refused request would have cost
alter table chains add column approved_at timestamptz;
alter table chains add column closed_at timestamptz;
create index chains_workspace on chains(workspace_id, id);
