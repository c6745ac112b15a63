-- What a call of a model costs; the operator edits it. Micros for a million tokens, and for a request.
create table model_prices (
  model          text collate "C" primary key,
  input_micros   bigint not null check (input_micros >= 0),
  cached_micros  bigint not null check (cached_micros >= 0),
  output_micros  bigint not null check (output_micros >= 0),
  request_micros bigint not null check (request_micros >= 0),
  updated_at     timestamptz not null
);

-- Agents that run models, as they described themselves last: programs that connect (node), and
-- interfaces of others that the server calls itself (upstream).
create table nodes (
  agent_id      text collate "C" primary key references agents on delete cascade,
  via           text not null check (via in ('node', 'upstream')),
  kinds         text[] not null,
  models        text[] not null,
  default_model text,
  labels        jsonb not null,
  concurrency   int not null check (concurrency > 0),
  updated_at    timestamptz not null
);

-- Which models an agent may offer by their own names: nobody gets strangers' prompts by claiming one.
create table model_grants (
  agent_id   text collate "C" not null references agents on delete cascade,
  model      text collate "C" not null,
  granted_at timestamptz not null,
  primary key (agent_id, model)
);

-- What makes a run the call of a model: the prices that it froze, and what we took its input for.
create table model_calls (
  run_id         text collate "C" primary key,
  via            text not null,
  model          text not null,
  is_streamed    boolean not null,
  input_tokens   bigint not null,
  input_micros   bigint not null,
  cached_micros  bigint not null,
  output_micros  bigint not null,
  request_micros bigint not null
);

-- How much of a streamed answer had been handed on, lately: what it is charged by if its server dies.
create table call_progress (
  run_id        text collate "C" primary key,
  output_tokens bigint not null
);

-- The tokens that the call of a model was charged for. What it was charged is what the books say.
alter table run_results
  add column input_tokens  bigint,
  add column cached_tokens bigint,
  add column output_tokens bigint;
