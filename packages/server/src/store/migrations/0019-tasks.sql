-- Runs whose end is asked for later: what a task has beside its run. As a request, a row is nothing
-- without its work.
create table tasks (
  run_id     text collate "C" primary key,
  kind       text not null,
  -- The caller's own, JSON text: the database only keeps it.
  metadata   text,
  -- When whoever does it first said how far it is, and what was said last: a share from 0 to 1.
  started_at timestamptz,
  progress   double precision check (progress between 0 and 1),
  noted_at   timestamptz
);

-- Files that a provider made for a run belong to whoever asked for it.
alter table assets add column run_id text collate "C";
create index assets_run on assets(run_id) where run_id is not null;
