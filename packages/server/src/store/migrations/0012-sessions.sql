-- Sessions: paid work in many turns. What was agreed (`sessions`) never changes; where it stands is its
-- `work`, which only the ledger writes; what was said is `session_events`, which only grows; and
-- `session_logs` is the log's head: one narrow row a session, rewritten by every message.

-- Written before the session's work opens, and nothing without it: as with runs, no foreign key.
create table sessions (
  id                    text collate "C" primary key,
  workspace_id          text collate "C" not null,
  agent_id              text collate "C" not null,
  provider_workspace_id text collate "C" not null,
  capability            text not null,
  chain_id              text collate "C" not null,
  parent_id             text collate "C",     -- the work that asked for it
  previous_id           text collate "C",     -- the leg that it goes on from
  key_id                text collate "C",
  shape                 text not null
    check (shape in ('free', 'per_session', 'per_task', 'per_message', 'open_quote')),
  amount_micros         bigint not null check (amount_micros >= 0),   -- a session, task or message; of an open quote the estimate
  ceiling_micros        bigint check (ceiling_micros >= 0),           -- of an open quote, where the requester named it
  tier_index            int,
  tier_name             text,
  schedule              text not null,        -- JSON: the price as listed when the first leg opened
  messages_max          int not null check (messages_max > 0),
  fee_bp                int not null,
  referred_by           text,
  mandate_id            text collate "C",
  created_at            timestamptz not null
);
create index sessions_agent on sessions(agent_id, id);
create index sessions_workspace on sessions(workspace_id, id);
create index sessions_provider on sessions(provider_workspace_id, id);
create index sessions_chain on sessions(chain_id);

-- Every message is an update of one of these. No index is on anything that a message changes: that
-- would turn off HOT updates.
create table session_logs (
  session_id    text collate "C" primary key,
  next_position int not null default 0,
  last_seq      int not null default 0,       -- the highest number that a requester gave a message
  last_number   int not null default 0,       -- the last number of a provider's message
  used          int not null default 0,       -- messages that count against the cap
  answered      int not null default 0,       -- turns with a final reply: what is paid for
  open_turns    text not null default ',',    -- ",3,4,": turns without one
  bytes         bigint not null default 0,
  last_at       timestamptz not null,         -- the last message
  warned_at     timestamptz,                  -- told that it is idle; cleared by a message
  cap_hit_at    timestamptz,
  told          text not null default 'pending',  -- the state that the log was told of last
  offered_until timestamptz,                  -- how long the provider may take to accept
  activated_at  timestamptz,
  closing       text,                         -- what ends it; from here on nothing is added
  closing_at    timestamptz
) with (fillfactor = 40, autovacuum_vacuum_scale_factor = 0.05);
create index session_logs_capped on session_logs(cap_hit_at)
  where cap_hit_at is not null and closing is null;
create index session_logs_closing on session_logs(closing_at)
  where closing is not null and told <> 'over' and told <> 'settled';

-- Positions are dense from 0 in each session. `seq` is the requester's own number of a message, or the
-- turn that a provider's message answers.
create table session_events (
  session_id text collate "C" not null,
  position   int not null,
  seq        int,
  is_final   boolean not null,
  author     text not null check (author in ('requester', 'provider', 'system')),
  kind       text not null,
  at         timestamptz not null,
  payload    text not null,                   -- JSON, as it was said
  primary key (session_id, position)
);
create unique index session_events_seq on session_events(session_id, seq) where author = 'requester';

-- Why and how a session ends; written with the mark in its log, before its money moves.
create table session_endings (
  session_id      text collate "C" primary key,
  event           text not null,
  reason          text not null,
  declared_count  int,                        -- what the requester says it sent; stored, not believed
  final_output    text,
  continuation_id text collate "C",
  note            text,                       -- the provider's own words, where it declined
  at              timestamptz not null
);
create index session_endings_at on session_endings(at);

-- An open quote's proposal. A later one replaces it until one is accepted.
create table session_quotes (
  session_id          text collate "C" primary key,
  revision            int not null,
  amount_micros       bigint not null check (amount_micros >= 0),
  ceiling_micros      bigint not null check (ceiling_micros >= amount_micros),
  lines               text,                   -- JSON
  note                text,
  proposed_at         timestamptz not null,
  accepted_at         timestamptz,
  silent_bound_micros bigint
);

create table session_invoices (
  session_id   text collate "C" primary key,
  id           text collate "C" not null,
  total_micros bigint not null check (total_micros >= 0),
  lines        text,                          -- JSON
  note         text,
  submitted_at timestamptz not null
);

-- What a provider has to say against a session; it moves no money.
create table session_flags (
  id         text collate "C" primary key,
  session_id text collate "C" not null,
  reason     text not null,
  note       text,
  at         timestamptz not null
);
create index session_flags_session on session_flags(session_id);

-- Idempotency keys of requests that open no work, and so have no row to stand on.
create table request_keys (
  workspace_id text collate "C" not null,
  operation    text not null,
  key          text not null,
  request_hash text not null,
  at           timestamptz not null,
  primary key (workspace_id, operation, key)
);
create index request_keys_at on request_keys(at);

-- Of an agent's good outcomes, those that were sessions.
alter table trust add column ended_sessions int not null default 0;

-- append_events: decides in order what is added to the logs of many sessions, and adds it.
--
--   1. Heads of logs are locked, in the order of s_ids, which is sorted and distinct. Whatever else is
--      needed is read after that, so it is not older than the lock.
--   2. Each item is decided on arrays, after those before it.
--   3. What was added is written: one insert, one update.
--
-- Items name their session by its position in s_ids, from 1. Whoever is not a requester's message is
-- given its number by the log where i_number is 0; i_seq of a provider is the turn that it answers, 0
-- for none. i_epoch is the connection that a provider's message came by.
--
-- Returns "codes;positions;used", each a list separated by commas. An item's code:
--   0 added (at position)   1 was there already (at position, or -1)   2 no such session
--   3 the number was used for another message   4 not active   5 the cap is reached
--   6 too many turns wait for a reply   7 the log is full   8 not by this connection
--   9 the turn is over, or the session   10 a message before it is missing   11 about to be known
create function append_events(
  s_ids text[], batch_at timestamptz, bytes_max bigint, turns_max int, briefs_max int,
  i_session int[], i_author text[], i_kind text[], i_seq int[], i_number int[], i_final boolean[],
  i_agent text[], i_epoch int[], i_payload text[]
) returns text
language plpgsql as $f$
#variable_conflict use_variable
declare
  n int := cardinality(i_session);
  s_next int[]; s_last int[]; s_number int[]; s_used int[]; s_answered int[]; s_open text[];
  s_bytes bigint[]; s_capped timestamptz[]; s_told text[]; s_closing text[]; s_touched int[];
  s_agent text[]; s_max int[]; s_quoted boolean[]; s_state text[]; s_epoch int[]; s_warned timestamptz[];
  d_position int[]; d_same boolean[];
  codes int[] := array_fill(0, array[n]); positions int[] := array_fill(-1, array[n]);
  useds int[] := array_fill(0, array[n]); kinds text[] := i_kind;
  -- Beside its payload, about what an event takes up: many small ones are bounded as well.
  row_bytes constant int := 1000;
  i int; j int; s int; code int; place int; is_repeat boolean := false; is_same boolean; turn text;
begin
  -- 1. Lock, then look.
  select array_agg(l.next_position), array_agg(l.last_seq), array_agg(l.last_number),
         array_agg(l.used), array_agg(l.answered), array_agg(l.open_turns), array_agg(l.bytes),
         array_agg(l.cap_hit_at), array_agg(l.warned_at), array_agg(l.told), array_agg(l.closing),
         array_agg(0)
    into s_next, s_last, s_number, s_used, s_answered, s_open, s_bytes, s_capped, s_warned, s_told,
         s_closing, s_touched
    from unnest(s_ids) u(id)
    left join lateral (select t.* from session_logs t where t.session_id = u.id
                          for no key update) l on true;
  select array_agg(f.agent_id), array_agg(f.messages_max), array_agg(f.shape = 'open_quote'),
         array_agg(w.state), array_agg(k.epoch)
    into s_agent, s_max, s_quoted, s_state, s_epoch
    from unnest(s_ids) u(id)
    left join lateral (select t.* from sessions t where t.id = u.id offset 0) f on true
    left join lateral (select t.* from work t where t.id = u.id offset 0) w on true
    left join lateral (select t.* from provider_links t where t.agent_id = f.agent_id offset 0) k on true;
  for i in 1..n loop
    if i_author[i] = 'requester' and i_seq[i] <= s_last[i_session[i]] then is_repeat := true; end if;
  end loop;
  if is_repeat then
    select array_agg(e.position), array_agg(e.payload = u.payload) into d_position, d_same
      from unnest(i_session, i_author, i_seq, i_payload) u(session, author, seq, payload)
      left join lateral (select t.* from session_events t
                          where t.session_id = s_ids[u.session] and t.seq = u.seq
                            and t.author = 'requester' and u.author = 'requester' offset 0) e on true;
  end if;

  -- 2. Decide.
  for i in 1..n loop
    s := i_session[i]; code := 0; place := s_next[s];
    if place is null or s_state[s] is null then code := 2;
    elsif i_author[i] = 'requester' then
      place := null;
      if i_seq[i] <= s_last[s] then
        if is_repeat then place := d_position[i]; is_same := d_same[i]; end if;
        if place is null then
          for j in 1..i - 1 loop
            if i_session[j] = s and i_author[j] = 'requester' and i_seq[j] = i_seq[i] and codes[j] = 0 then
              place := positions[j]; is_same := i_payload[j] = i_payload[i];
            end if;
          end loop;
        end if;
      end if;
      if place is not null then
        if is_same then code := 1; else code := 3; end if;
      elsif s_closing[s] = 'extend' then code := 11;
      elsif s_closing[s] is not null then code := 4;
      elsif s_bytes[s] + octet_length(i_payload[i]) > bytes_max then code := 7;
      elsif s_state[s] = 'active' then
        if s_used[s] >= s_max[s] then code := 5;
        elsif length(s_open[s]) - length(replace(s_open[s], ',', '')) - 1 >= turns_max then code := 6;
        else
          s_used[s] := s_used[s] + 1; s_open[s] := s_open[s] || i_seq[i] || ',';
        end if;
      elsif s_state[s] = 'pending' and s_quoted[s] then
        if s_next[s] >= briefs_max then code := 6; else kinds[i] := 'brief'; end if;
      else code := 4;
      end if;
      if code = 0 then
        place := s_next[s]; s_last[s] := greatest(s_last[s], i_seq[i]);
        s_touched[s] := 2; s_warned[s] := null;
      end if;
    elsif i_author[i] = 'provider' then
      turn := ',' || i_seq[i] || ',';
      if s_agent[s] <> i_agent[i] or s_epoch[s] is distinct from i_epoch[i] then code := 8;
      elsif i_number[i] > 0 and i_number[i] <= s_number[s] then code := 1; place := -1;
      elsif s_closing[s] = 'extend' then code := 11;
      elsif s_closing[s] is not null or s_state[s] not in ('active', 'interrupted') then code := 9;
      elsif i_number[i] > s_number[s] + 1 then code := 10;
      else
        if i_seq[i] > 0 and position(turn in s_open[s]) = 0 then code := 9;
        elsif i_kind[i] = 'message' and s_bytes[s] + octet_length(i_payload[i]) > bytes_max then code := 7;
        elsif i_seq[i] > 0 and i_final[i] then
          s_open[s] := replace(s_open[s], turn, ',');
          if i_kind[i] = 'message' then s_answered[s] := s_answered[s] + 1; end if;
          if s_used[s] >= s_max[s] and s_open[s] = ',' then
            s_capped[s] := coalesce(s_capped[s], batch_at);
          end if;
        end if;
        -- Its number is used up either way, so that the next one is not missed.
        s_number[s] := s_number[s] + 1; s_touched[s] := greatest(s_touched[s], 1);
        if code = 0 then s_touched[s] := 2; s_warned[s] := null; end if;
      end if;
    elsif i_kind[i] = 'idle' then
      if s_warned[s] is null and s_closing[s] is null then s_warned[s] := batch_at; else code := 1; end if;
    elsif i_kind[i] = 'activated' then
      if s_told[s] = 'pending' then s_told[s] := 'active'; s_touched[s] := 2; else code := 1; end if;
    elsif i_kind[i] = 'disconnected' then
      if s_told[s] = 'active' then s_told[s] := 'interrupted'; else code := 1; end if;
    elsif i_kind[i] = 'reconnected' then
      if s_told[s] = 'interrupted' then s_told[s] := 'active'; else code := 1; end if;
    elsif i_kind[i] in ('ended', 'cancelled') then
      if s_told[s] not in ('over', 'settled') then s_told[s] := 'over'; else code := 1; end if;
    elsif i_kind[i] = 'settled' then
      if s_told[s] <> 'settled' then s_told[s] := 'settled'; else code := 1; end if;
    end if;
    if code = 0 then
      s_next[s] := s_next[s] + 1;
      s_bytes[s] := s_bytes[s] + octet_length(i_payload[i]) + row_bytes;
      s_touched[s] := greatest(s_touched[s], 1);
    end if;
    codes[i] := code; positions[i] := coalesce(place, -1); useds[i] := coalesce(s_used[s], 0);
  end loop;

  -- 3. Write.
  if 0 = any(codes) then
    insert into session_events(session_id, position, seq, is_final, author, kind, at, payload)
      select s_ids[u.session], u.place, nullif(u.seq, 0), u.final, u.author, u.kind, batch_at, u.payload
        from unnest(i_session, positions, i_seq, i_final, i_author, kinds, i_payload, codes)
             u(session, place, seq, final, author, kind, payload, code)
       where u.code = 0;
  end if;
  if s_touched <> array_fill(0, array[cardinality(s_ids)]) then
    update session_logs t
       set next_position = u.next, last_seq = u.last, last_number = u.number, used = u.used,
           answered = u.answered, open_turns = u.open, bytes = u.bytes, cap_hit_at = u.capped,
           told = u.told,
           warned_at = u.warned,
           activated_at = case when t.told = 'pending' and u.told = 'active' then batch_at
                               else t.activated_at end,
           last_at = case when u.touched = 2 then batch_at else t.last_at end
      from unnest(s_ids, s_next, s_last, s_number, s_used, s_answered, s_open, s_bytes, s_capped,
                  s_warned, s_told, s_touched)
           u(id, next, last, number, used, answered, open, bytes, capped, warned, told, touched)
     where t.session_id = u.id and u.touched > 0;
  end if;
  return array_to_string(codes, ',') || ';' || array_to_string(positions, ',') || ';'
      || array_to_string(useds, ',');
end $f$;
-- As with commit_commands: plans made while the tables were empty would scan them for ever after.
alter function append_events set enable_seqscan = off;
alter function append_events set enable_hashjoin = off;
alter function append_events set enable_mergejoin = off;
alter function append_events set plan_cache_mode = force_generic_plan;
