-- Interfaces of others that the server calls itself for models. Each is an agent and a node beside.
create table upstreams (
  agent_id      text collate "C" primary key references agents on delete cascade,
  kind          text not null check (kind in ('openai', 'anthropic', 'gemini')),
  has_responses boolean not null,
  updated_at    timestamptz not null
);

-- Where one is asked, and with which key: sealed, for the record upstream-endpoint/<id>/key.
create table upstream_endpoints (
  id         text collate "C" primary key,
  agent_id   text collate "C" not null references upstreams on delete cascade,
  url        text not null,
  sealed_key text,
  weight     int not null check (weight > 0),
  created_at timestamptz not null
);
create index upstream_endpoints_agent on upstream_endpoints(agent_id);

-- What callers call a model, what the interface does, and which models stand in for it, in order.
create table upstream_models (
  agent_id       text collate "C" not null references upstreams on delete cascade,
  model          text collate "C" not null,
  upstream_model text not null,
  fallbacks      text[] not null,
  primary key (agent_id, model)
);
