-- Server processes. Each renews one lease of its own; what it holds or drives is alive while that is.
create table processes (
  id          text collate "C" primary key,
  started_at  timestamptz not null,
  lease_until timestamptz not null
);

-- Where each agent's provider is connected, or was last. The row stays, so that the epoch only grows:
-- an answer by an older connection is known as such for ever.
create table provider_links (
  agent_id     text collate "C" primary key references agents on delete cascade,
  epoch        int not null check (epoch > 0),  -- raised at each identification
  process_id   text collate "C" not null,       -- the process may be gone, and its row with it
  key_id       text collate "C",                -- what it identified with: revoking it ends the link
  wire         text not null,
  client       text not null,
  concurrency  int,
  connected_at timestamptz not null,
  last_seen_at timestamptz not null,
  ended_at     timestamptz                      -- said goodbye, or was not seen for too long
);
create index provider_links_unended on provider_links(last_seen_at) where ended_at is null;
