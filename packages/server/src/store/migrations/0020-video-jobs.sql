-- Interfaces that make videos, as OpenAI's does.
alter table upstreams drop constraint upstreams_kind_check;
alter table upstreams add constraint upstreams_kind_check
  check (kind in ('openai', 'anthropic', 'gemini', 'openai-videos'));

-- Videos that an interface makes for runs: who has been asked, and when to look next. The row goes with
-- the end of its run.
create table video_jobs (
  run_id      text collate "C" primary key,
  -- By the name under which its routes are known.
  model       text not null,
  -- Where it is being handed over, since when, and by which id it is known there once it was taken: with
  -- the one and without the other, nobody knows.
  endpoint_id text collate "C",
  handed_at   timestamptz,
  upstream_id text,
  -- Looks and failures since it was handed over, which say how long to wait for the next.
  tries       int not null default 0,
  next_at     timestamptz not null
);
create index video_jobs_next on video_jobs(next_at);
