-- commit_commands: decides commands in their order, each all or nothing, and writes what they did. The
-- tables are those of 0002-ledger.sql.
--
--   1. A batch is done once. A writer numbers its batches; where it lost the connection it sends the
--      same batch under the same number, and gets the answers of the first time if there was one.
--   2. Rows are locked and loaded into arrays: work, holds, budgets, accounts, each in list order.
--   3. Commands are decided one after the other, on the arrays alone.
--   4. What changed is written: one statement a table and kind, in the order of the locks.
--
-- The caller sorts the ids that the batch touches into one list a table (k_ids: keys, or workspaces
-- that act without one; w_ids, h_ids with h_works, b_ids, a_ids; distinct). All else names a row by
-- its position there, from 1; 0 is none. Lists are sorted, so list order is the order of ids.
--   offers    g_agents/g_revisions: the agents that commands rely on, as they were when they were read.
--   holds     h_works/h_ids, and what the caller says that the row froze, or will: h_account, h_fee,
--             h_due, h_budgets (as stored), and h_bud[h_bud_first .. h_bud_last] (positions).
--   openings  o_...: one for each command that opens work; o_keyed: whether any has an idempotency key.
--   commands  c_work 0: changes no work; c_expect: the expected version, 0 opens; c_offer: the offer
--             relied on, 0 none; c_last: position of the command's last step, the steps being stored
--             in command order.
--             c_work to c_attempt go on with one for each further work that a command changes, in
--             command order; x_command says whose it is.
--   steps     s_op 1 open hold       2 reduce hold     3 capture s_amount of hold from s_from to s_to,
--                                                        the fee to s_house
--                  4 close hold      5 transfer s_amount from s_from to s_to
--                  6 set the limit of budget s_from to s_amount
--             s_ref/s_name: a transfer's reference and name; the fee of a capture is name || ':fee'.
--             s_seek: whether any of them may be in the books already.
-- Instants (h_due, c_due) are milliseconds since 1970.
--
-- Returns "codes;details;openings", each a list separated by commas. A command's code and detail:
--   0 ok (new version)       1 duplicate (version now)    2 insufficient_funds (account)
--   3 budget_exceeded (budget)        4 version_conflict (version now; 0: no such work)
--   5 key_revoked            6 workspace_suspended        7 hold_closed (hold)
--   8 hold_exceeded (hold)   9 unknown_row (step)        10 bad_amount (step)
--  11 hold_exists (hold)    12 already_opened            13 transfer_exists (step)
--  14 account_frozen (account)         15 offer_changed
-- `openings` has "work:hash" for each 12, in order.
create function commit_commands(
  writer text, batch_number bigint, batch_at timestamptz,
  k_ids text[], g_agents text[], g_revisions bigint[], w_ids text[],
  h_works text[], h_ids text[], h_account int[], h_fee int[], h_due bigint[],
  h_budgets text[], h_bud_first int[], h_bud_last int[], h_bud int[],
  b_ids text[], a_ids text[],
  o_workspace text[], o_operation text[], o_key text[], o_hash text[], o_keyed boolean,
  c_key int[], c_offer int[], c_work int[], c_expect int[], c_opening int[], c_shape text[], c_state text[],
  c_due bigint[], c_process text[], c_attempt int[], c_last int[], x_command int[], s_seek boolean,
  s_op int[], s_hold int[], s_from int[], s_to int[], s_house int[], s_amount bigint[],
  s_ref text[], s_name text[]
) returns text
language plpgsql as $f$
-- Every column is qualified; a bare word is a variable.
#variable_conflict use_variable
declare
  n int := cardinality(c_last);  ns int := cardinality(s_op);  nx int := cardinality(x_command);
  done bigint; answers text; codes int[]; details bigint[]; opened text[] := '{}';
  k_bad int[];                                  -- 0 fine, else the refusal
  g_same boolean[];                             -- whether the agent is as it was
  w_ver int[]; w_old int[];                     -- version now (0 absent), and when the batch began
  w_cmd int[]; w_ins int[];                     -- the command that changed it last; that inserted it
  -- Where the rows are: locked, they stay there, and an update need not look them up again.
  w_row tid[]; h_row tid[]; b_row tid[]; a_row tid[];
  o_found text[]; o_same text[];                -- work that the idempotency key opened, and its hash
  h_state int[]; h_old int[];                   -- 0 absent, 1 open, 2 closed, -1 not as described
  h_amount bigint[]; h_captured bigint[];
  b_limit bigint[]; b_held bigint[]; b_spent bigint[];
  a_post bigint[]; a_held bigint[]; a_min bigint[];  -- a_min: the least that may be available
  s_known int[]; has_known boolean := false;    -- 0 not in the books, 1 just like this, 2 otherwise
  s_fee bigint[];                               -- null: moved nothing
  i int; j int; dir int; first int := 1; last int; w int; h int; a int; b int; x int; op int;
  moves int; known int; m bigint; f bigint; code int; detail bigint;
  further int := 1; others int; other_detail bigint;  -- the next of x_command; what is wrong with them
begin
  -- 1. Once.
  select t.batch, t.answers into done, answers from ledger_writers t where t.id = writer
     for no key update;
  if not found then
    insert into ledger_writers(id, batch, answers, at) values (writer, 0, '', batch_at)
      on conflict do nothing;
    select t.batch, t.answers into done, answers from ledger_writers t where t.id = writer
       for no key update;
    delete from ledger_writers t where t.id in (select o.id from ledger_writers o
       where o.at < batch_at - interval '1 day' and o.id <> writer for update skip locked);
  end if;
  if done = batch_number then return answers; end if;
  if done > batch_number then
    raise exception 'batch % of writer % comes after batch %', batch_number, writer, done
      using errcode = 'GH001';
  end if;

  -- 2. Lock and load. "lateral" makes a nested loop over the list, so the locks come in list order
  --    and absent rows keep their place. Counting through a list and subscripting it takes half the
  --    time of unnesting it, here and below.
  if cardinality(k_ids) > 0 then
    select array_agg(case
             when y.id is null and s.id is null or y.revoked_at <= batch_at or y.expires_at <= batch_at
             then 5 when s.suspended_at <= batch_at then 6 else 0 end) into k_bad
      from unnest(k_ids) u(id)
      left join lateral (select t.* from keys t where t.id = u.id offset 0) y on true
      left join lateral (select t.* from workspaces t
                          where t.id = coalesce(y.workspace_id, u.id) offset 0) s on true;
  end if;
  if cardinality(g_agents) > 0 then
    select array_agg(t.revision is not distinct from g_revisions[u.g]) into g_same
      from generate_series(1, cardinality(g_agents)) u(g)
      left join lateral (select t.revision from agents t where t.id = g_agents[u.g] offset 0) t on true;
  end if;
  if cardinality(w_ids) > 0 then
    select array_agg(coalesce(t.version, 0)), array_agg(t.ctid) into w_ver, w_row
      from generate_series(1, cardinality(w_ids)) u(w)
      left join lateral (select t.ctid, t.version from work t where t.id = w_ids[u.w]
                            for no key update) t on true;
    w_old := w_ver; w_cmd := array_fill(0, array[cardinality(w_ids)]); w_ins := w_cmd;
  end if;
  if cardinality(h_ids) > 0 then
    select array_agg(case when t.id is null then 0
                          when t.account_id <> a_ids[h_account[u.h]]
                            or t.fee_basis_points <> h_fee[u.h]
                            or t.budget_ids <> h_budgets[u.h] then -1
                          when t.closed_at is null then 1 else 2 end),
           array_agg(t.amount_micros), array_agg(t.captured_micros), array_agg(t.ctid)
      into h_state, h_amount, h_captured, h_row
      from generate_series(1, cardinality(h_ids)) u(h)
      left join lateral (select t.ctid, t.* from holds t
                          where t.work_id = h_works[u.h] and t.id = h_ids[u.h]
                            for no key update) t on true;
    h_old := h_state;
  end if;
  if cardinality(b_ids) > 0 then
    select array_agg(t.limit_micros), array_agg(t.held_micros), array_agg(t.spent_micros),
           array_agg(t.ctid)
      into b_limit, b_held, b_spent, b_row from generate_series(1, cardinality(b_ids)) u(b)
      left join lateral (select t.ctid, t.* from budgets t where t.id = b_ids[u.b]
                            for no key update) t on true;
  end if;
  if cardinality(a_ids) > 0 then
    select array_agg(t.posted_micros), array_agg(t.held_micros),
           array_agg(case when t.kind in ('issuance', 'losses') then -9223372036854775808
                          when t.frozen_at <= batch_at then 9223372036854775807 else 0 end),
           array_agg(t.ctid)
      into a_post, a_held, a_min, a_row from generate_series(1, cardinality(a_ids)) u(a)
      left join lateral (select t.ctid, t.* from accounts t where t.id = a_ids[u.a]
                            for no key update) t on true;
  end if;
  -- After the locks, so that it sees what whoever held them has just committed.
  if s_seek then
    select array_agg(case when t.debit_id is null then 0
                          when t.debit_id = a_ids[s_from[u.s]] and t.credit_id = a_ids[s_to[u.s]]
                           and t.hold_id is not distinct from h_ids[s_hold[u.s]]
                           and t.amount_micros = s_amount[u.s] - case when s_op[u.s] = 5 then 0 else
                               s_amount[u.s] / 10000 * h_fee[s_hold[u.s]]
                             + s_amount[u.s] % 10000 * h_fee[s_hold[u.s]] / 10000 end
                          then 1 else 2 end), coalesce(bool_or(t.debit_id is not null), false)
      into s_known, has_known
      from generate_series(1, ns) u(s)
      left join lateral (select t.* from transfers t
                          where t.reference = s_ref[u.s] and t.name = s_name[u.s] offset 0) t on true;
  end if;
  if o_keyed then
    select array_agg(t.id), array_agg(t.request_hash) into o_found, o_same
      from unnest(o_workspace, o_operation, o_key) u(workspace, operation, key)
      left join lateral (select t.id, t.request_hash from work t where t.workspace_id = u.workspace
                            and t.operation = u.operation and t.idempotency_key = u.key
                         offset 0) t on true;
  end if;

  -- 3. Decide. dir = 1 walks forward through a command's steps; a refusal turns dir to -1 and walks
  --    back, undoing. A subscript of nothing is null and a comparison with null is not true: hence
  --    the checks for null.
  codes := array_fill(0, array[n]); details := array_fill(0::bigint, array[n]);
  s_fee := array_fill(null::bigint, array[ns]);
  for i in 1..n loop
    code := 0; last := c_last[i]; w := c_work[i]; x := c_key[i]; j := first; dir := 1;
    if w > 0 then detail := w_ver[w]; else detail := 0; end if;
    moves := 0;       -- 1: its transfers are in the books, just like this; 2: some are, or otherwise
    if has_known then
      known := 0;     -- the first step of which there is a transfer
      for x in first..last loop
        if s_known[x] <> 1 and s_ref[x] is not null then moves := 2; end if;
        if s_known[x] > 0 and known = 0 then known := x; end if;
      end loop;
      if known = 0 then moves := 0; elsif moves = 0 then moves := 1; end if;
    end if;
    others := 0;
    while further <= nx and x_command[further] = i loop
      b := n + further; a := c_work[b]; further := further + 1;
      if o_keyed and others <> 12 and o_found[c_opening[b]] is not null then
        others := 12; other_detail := c_opening[b];
      elsif others = 0 and c_expect[b] <> w_ver[a] then others := 4; other_detail := w_ver[a]; end if;
    end loop;
    if x > 0 and k_bad[x] > 0 then code := k_bad[x];
    elsif w > 0 and c_expect[i] = 0 and w_ver[w] > 0 or w = 0 and moves = 1 then code := 1;
    elsif o_keyed and o_found[c_opening[i]] is not null then
      code := 12; x := c_opening[i];
      -- Another batch opened this very work after it was looked for in step 2: once more.
      if o_found[x] = w_ids[w] then raise serialization_failure; end if;
      opened := opened || (o_found[x] || ':' || coalesce(o_same[x], ''));
    elsif others = 12 then
      code := 12; x := other_detail;
      opened := opened || (o_found[x] || ':' || coalesce(o_same[x], ''));
    elsif c_offer[i] > 0 and not g_same[c_offer[i]] then code := 15;
    elsif w > 0 and c_expect[i] <> w_ver[w] then code := 4;
    elsif others = 4 then code := 4; detail := other_detail;
    else
      loop
        if j > last then
          exit when moves = 0;
          code := 13; detail := known; dir := -1; j := last;
        end if;
        exit when j < first;
        op := s_op[j]; m := s_amount[j];
        if op = 5 then                                              -- transfer
          a := s_from[j]; b := s_to[j];
          if dir = 1 then
            if a_post[a] is null or a_post[b] is null then code := 9; detail := j;
            elsif m <= 0 or a = b then code := 10; detail := j;
            elsif a_post[a] - a_held[a] - m < a_min[a] then
              if a_min[a] = 0 then code := 2; detail := a;
              elsif a_min[b] >= 0 then code := 14; detail := a;
              elsif a_post[a] - a_held[a] < m then code := 2; detail := a; end if;
            end if;
            if code > 0 then dir := -1; j := j - 1; continue; end if;
            s_fee[j] := 0;
          else m := -m; s_fee[j] := null; end if;
          a_post[a] := a_post[a] - m; a_post[b] := a_post[b] + m;
        elsif op = 6 then                                           -- limit; swapping undoes itself
          b := s_from[j];
          if dir = 1 then
            if b_limit[b] is null then code := 9; detail := j;
            elsif m < 0 then code := 10; detail := j; end if;
            if code > 0 then dir := -1; j := j - 1; continue; end if;
          end if;
          s_amount[j] := b_limit[b]; b_limit[b] := m;
        else
          h := s_hold[j]; a := h_account[h];
          if op = 1 then                                            -- open
            if dir = 1 then
              if h_state[h] <> 0 then code := 11; detail := h;
              elsif a_post[a] is null then code := 9; detail := j;
              elsif m < 0 then code := 10; detail := j;
              elsif a_post[a] - a_held[a] - m < a_min[a] then
                if a_min[a] = 0 then code := 2; else code := 14; end if; detail := a;
              else
                for x in h_bud_first[h]..h_bud_last[h] loop
                  b := h_bud[x];
                  if b_limit[b] is null then code := 9; detail := j; exit; end if;
                  if m > 0 and b_limit[b] - b_held[b] - b_spent[b] < m then
                    code := 3; detail := b; exit; end if;
                end loop;
              end if;
              if code > 0 then dir := -1; j := j - 1; continue; end if;
              h_state[h] := 1; h_amount[h] := m; h_captured[h] := 0;
            else h_state[h] := 0; m := -m; end if;
            a_held[a] := a_held[a] + m;
            for x in h_bud_first[h]..h_bud_last[h] loop
              b := h_bud[x]; b_held[b] := b_held[b] + m; end loop;
          else
            if dir = 1 then
              if h_state[h] = 2 then code := 7; detail := h;
              elsif h_state[h] <> 1 then code := 9; detail := j;
              elsif op <> 4 and m <= 0 then code := 10; detail := j;
              elsif op <> 4 and h_amount[h] - h_captured[h] < m then code := 8; detail := h;
              elsif op = 3 and (a_post[s_to[j]] is null or a_post[s_house[j]] is null) then
                code := 9; detail := j; end if;
              if code > 0 then dir := -1; j := j - 1; continue; end if;
            end if;
            if op = 3 then                                          -- capture
              -- In two parts, so that no amount overflows.
              f := m / 10000 * h_fee[h] + m % 10000 * h_fee[h] / 10000;
              if dir = 1 then s_fee[j] := f; else s_fee[j] := null; m := -m; f := -f; end if;
              h_captured[h] := h_captured[h] + m;
              a_post[a] := a_post[a] - m; a_held[a] := a_held[a] - m;
              b := s_to[j]; a_post[b] := a_post[b] + (m - f);
              if f <> 0 then b := s_house[j]; a_post[b] := a_post[b] + f; end if;
              for x in h_bud_first[h]..h_bud_last[h] loop
                b := h_bud[x]; b_held[b] := b_held[b] - m; b_spent[b] := b_spent[b] + m; end loop;
            else
              if op = 2 then                                        -- reduce
                m := m * dir; h_amount[h] := h_amount[h] - m;
              else                                                  -- close
                m := (h_amount[h] - h_captured[h]) * dir;
                if dir = 1 then h_state[h] := 2; else h_state[h] := 1; end if;
              end if;
              if m <> 0 then
                a_held[a] := a_held[a] - m;
                for x in h_bud_first[h]..h_bud_last[h] loop
                  b := h_bud[x]; b_held[b] := b_held[b] - m; end loop;
              end if;
            end if;
          end if;
        end if;
        j := j + dir;
      end loop;
      if code = 0 and w > 0 then
        detail := w_ver[w] + 1; w_ver[w] := detail; w_cmd[w] := i;
        if c_expect[i] = 0 then w_ins[w] := i; end if;
      end if;
      x := further - 1;
      while code = 0 and x > 0 and x_command[x] = i loop
        b := n + x; a := c_work[b]; x := x - 1;
        w_ver[a] := w_ver[a] + 1; w_cmd[a] := b;
        if c_expect[b] = 0 then w_ins[a] := b; end if;
      end loop;
    end if;
    if code > 0 then codes[i] := code; end if;
    details[i] := detail; first := last + 1;
  end loop;

  -- 4. Write.
  if w_ver <> w_old then
    insert into work(id, shape, state, version, deadline_at, process_id, attempt, workspace_id,
                     operation, idempotency_key, request_hash, opened_at, updated_at)
      select w_ids[u.w], c_shape[u.i], c_state[u.c], w_ver[u.w],
             'epoch'::timestamptz + c_due[u.c] * interval '1 ms', c_process[u.c],
             c_attempt[u.c], o_workspace[u.o], o_operation[u.o], o_key[u.o], o_hash[u.o],
             batch_at, batch_at
        from (select g.w, w_ins[g.w] as i, w_cmd[g.w] as c, c_opening[w_ins[g.w]] as o
                from generate_series(1, cardinality(w_ids)) g(w) where w_ins[g.w] > 0) u;
    update work t set state = c_state[u.c], version = w_ver[u.w],
           deadline_at = 'epoch'::timestamptz + c_due[u.c] * interval '1 ms',
           process_id = c_process[u.c], attempt = c_attempt[u.c], updated_at = batch_at
      from (select g.w, w_cmd[g.w] as c from generate_series(1, cardinality(w_ids)) g(w)
             where w_cmd[g.w] > 0 and w_old[g.w] > 0) u
     where t.ctid = w_row[u.w];
  end if;
  if cardinality(h_ids) > 0 then
    insert into holds(work_id, id, account_id, amount_micros, captured_micros, fee_basis_points,
                      budget_ids, deadline_at, closed_at)
      select h_works[u.h], h_ids[u.h], a_ids[h_account[u.h]], h_amount[u.h], h_captured[u.h],
             h_fee[u.h], h_budgets[u.h], 'epoch'::timestamptz + h_due[u.h] * interval '1 ms',
             case when h_state[u.h] = 2 then batch_at end
        from generate_series(1, cardinality(h_ids)) u(h)
       where h_old[u.h] = 0 and h_state[u.h] > 0;
    update holds t set amount_micros = h_amount[u.h], captured_micros = h_captured[u.h],
           closed_at = case when h_state[u.h] = 2 then batch_at end
      from (select g.h from generate_series(1, cardinality(h_ids)) g(h) where h_old[g.h] = 1) u
     where t.ctid = h_row[u.h] and (h_state[u.h] = 2 or t.amount_micros <> h_amount[u.h]
                                    or t.captured_micros <> h_captured[u.h]);
  end if;
  if cardinality(b_ids) > 0 then
    update budgets t
       set limit_micros = b_limit[u.b], held_micros = b_held[u.b], spent_micros = b_spent[u.b]
      from generate_series(1, cardinality(b_ids)) u(b)
     where t.ctid = b_row[u.b] and (t.held_micros <> b_held[u.b] or t.spent_micros <> b_spent[u.b]
                                    or t.limit_micros <> b_limit[u.b]);
  end if;
  if cardinality(a_ids) > 0 then
    update accounts t set posted_micros = a_post[u.a], held_micros = a_held[u.a]
      from generate_series(1, cardinality(a_ids)) u(a)
     where t.ctid = a_row[u.a] and (t.posted_micros <> a_post[u.a] or t.held_micros <> a_held[u.a]);
  end if;
  if 0 <= any(s_fee) then
    -- In one statement: a capture's two rows, its own and its fee's, are neighbours in the index.
    insert into transfers(reference, name, hold_id, debit_id, credit_id, amount_micros, at)
      select s_ref[u.s], case when u.is_fee then s_name[u.s] || ':fee' else s_name[u.s] end,
             h_ids[s_hold[u.s]], a_ids[s_from[u.s]],
             a_ids[case when u.is_fee then s_house[u.s] else s_to[u.s] end], u.amount, batch_at
        from (select g.s / 2 as s, g.s % 2 = 1 as is_fee,
                     case when g.s % 2 = 1 then s_fee[g.s / 2]
                          else s_amount[g.s / 2] - s_fee[g.s / 2] end as amount
                from generate_series(2, 2 * ns + 1, case when 0 < any(s_fee) then 1 else 2 end) g(s)) u
       where u.amount > 0;
  end if;
  answers := array_to_string(codes, ',') || ';' || array_to_string(details, ',') || ';'
          || array_to_string(opened, ',');
  update ledger_writers t set batch = batch_number, answers = answers, at = batch_at
   where t.id = writer;
  return answers;
end $f$;
-- A plan made while the tables were empty would scan them for ever after: these make index look-ups the
-- only choice. And no plan is made twice: for a lone command, planning takes longer than doing it.
alter function commit_commands set enable_seqscan = off;
alter function commit_commands set enable_hashjoin = off;
alter function commit_commands set enable_mergejoin = off;
alter function commit_commands set plan_cache_mode = force_generic_plan;
-- A scan that has no other way is priced so high that it would be compiled first, for 150 ms.
alter function commit_commands set jit = off;
