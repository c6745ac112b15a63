-- What can be hired. Each change takes a new revision, so that an index of agents can follow the table.
create sequence agents_revision as bigint;

create table agents (
  id           text collate "C" primary key,
  workspace_id text collate "C" not null references workspaces,
  slug         text not null,
  name         text not null,
  description  text not null,
  extra        jsonb not null,
  suspended_at timestamptz,
  created_at   timestamptz not null,
  updated_at   timestamptz not null,
  revision     bigint not null default nextval('agents_revision'),
  constraint agents_slug unique (slug)
);
create index agents_workspace on agents(workspace_id);
create index agents_by_revision on agents(revision);

-- One thing that an agent can do, in the order in which its provider lists them.
create table capabilities (
  agent_id             text collate "C" not null references agents on delete cascade,
  slug                 text not null,
  position             int not null,
  description          text not null,
  price                jsonb not null,
  input_schema_url     text,
  input_schema_digest  text,
  output_schema_url    text,
  output_schema_digest text,
  primary key (agent_id, slug)
);
create index capabilities_slug on capabilities(slug);

-- What recent outcomes say about an agent; remade from its last runs (see domain/trust.ts).
create table trust (
  agent_id   text collate "C" primary key references agents on delete cascade,
  score      double precision not null,
  succeeded  int not null,
  failed     int not null,
  updated_at timestamptz not null
);
