-- A leg that was gone on from is over, and its log says so: what comes to it later is told at once that the
-- session is not active. Only while its work is open is it about to be known whether it goes on.
--
-- append_events is as in migration 0012, but for when it answers 11.
create or replace function append_events(
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
      elsif s_closing[s] = 'extend' and s_state[s] in ('active', 'interrupted') then code := 11;
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
      elsif s_closing[s] = 'extend' and s_state[s] in ('active', 'interrupted') then code := 11;
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
-- Replacing a function forgets these.
alter function append_events set enable_seqscan = off;
alter function append_events set enable_hashjoin = off;
alter function append_events set enable_mergejoin = off;
alter function append_events set plan_cache_mode = force_generic_plan;
