/** What a wallet's balance is made of, and what its work cost. Only the ledger changes any of it. */
import type { StatementPart, StatementParts } from "../domain/statement.ts";
import type { WorkUse } from "../domain/usage.ts";
import type { Tx } from "./database.ts";

/**
 * A wallet at one moment: its balance and the lines behind it, of the newest `limit` works on either side
 * and the newest `limit` operations. One statement, so that they belong together.
 */
export async function findStatement(
  tx: Tx,
  workspaceId: string,
  limit: number,
): Promise<StatementParts> {
  const rows = await tx.query<LineRow>(
    `with newest as (${WORKS_OF_WORKSPACE})
     select 'balance' as kind, '' as reference, '' as name, null as topup_id,
            a.posted_micros - a.held_micros as micros, a.created_at as at
       from accounts a where a.id = $1
     union all
     select 'work', t.reference, '', null,
            (sum(case when t.credit_id = $1 then t.amount_micros else 0 end)
             - sum(case when t.debit_id = $1 then t.amount_micros else 0 end))::bigint, max(t.at)
       from newest n join transfers t on t.reference = n.id and $1 in (t.debit_id, t.credit_id)
      group by t.reference
     union all
     select 'held', h.work_id, h.id, null, h.captured_micros - h.amount_micros, w.opened_at
       from newest n
       join holds h on h.work_id = n.id and h.account_id = $1 and h.closed_at is null
       join work w on w.id = h.work_id
     union all
     (select 'operation', t.reference, t.name, null, -t.amount_micros, t.at
        from transfers t where t.debit_id = $1 and ${IS_OPERATION} order by t.seq desc limit $2)
     union all
     (select 'operation', t.reference, t.name, p.id, t.amount_micros, t.at
        from (select t.* from transfers t
               where t.credit_id = $1 and ${IS_OPERATION} order by t.seq desc limit $2) t
        left join topups p on t.reference = 'topup' and p.rail = split_part(t.name, ':', 1)
                          and p.payment_id = substr(t.name, strpos(t.name, ':') + 1))`,
    [workspaceId, limit],
  );
  return {
    availableMicros: rows.find(({ kind }) => kind === "balance")?.micros ?? 0n,
    lines: rows.flatMap((row) => toLine(row) ?? []),
  };
}

/** The newest works that a workspace asked for, with what each cost it, newest first. */
export async function listUses(tx: Tx, workspaceId: string, limit: number): Promise<WorkUse[]> {
  const rows = await tx.query<UseRow>(
    `with asked as (
       (select id, agent_id, capability from runs where workspace_id = $1 order by id desc limit $2)
       union all
       (select id, agent_id, capability from sessions
         where workspace_id = $1 order by id desc limit $2)
       union all
       (select s.id, s.agent_id, b.capability from slots s join broadcasts b on b.id = s.broadcast_id
         where s.workspace_id = $1 order by s.id desc limit $2)
       union all
       (select id, null, capability from broadcasts
         where workspace_id = $1 and payment = 'winner_take_all' order by id desc limit $2))
     select asked.id, asked.capability, a.slug, w.state, w.deadline_at is null as is_over,
            w.opened_at, c.charged_micros, c.fee_micros, n.input_tokens, n.cached_tokens,
            n.output_tokens
       from asked
       join work w on w.id = asked.id
       left join agents a on a.id = asked.agent_id
       left join lateral (
            select x.input_tokens, x.cached_tokens, x.output_tokens from run_results x
             where x.run_id = asked.id and x.input_tokens is not null
             order by x.attempt desc limit 1) n on true
      cross join lateral (
            select coalesce(sum(t.amount_micros), 0)::bigint as charged_micros,
                   coalesce(sum(t.amount_micros) filter (where t.credit_id = f.id), 0)::bigint as fee_micros
              from transfers t left join accounts f on f.id = t.credit_id and f.kind = 'fees'
             where t.reference = asked.id and t.debit_id = $1 and t.credit_id <> $1) c
      order by asked.id desc limit $2`,
    [workspaceId, limit],
  );
  return rows.map((row) => ({
    id: row.id,
    capability: row.capability,
    agentSlug: row.slug ?? undefined,
    state: row.state,
    isOver: row.is_over,
    chargedMicros: row.charged_micros,
    feeMicros: row.fee_micros,
    tokens:
      row.input_tokens === null
        ? undefined
        : {
            input: row.input_tokens,
            cached: row.cached_tokens ?? 0n,
            output: row.output_tokens ?? 0n,
          },
    openedAt: row.opened_at,
  }));
}

/** The newest works that a workspace asked for or answered. Each branch reads one index. */
const WORKS_OF_WORKSPACE = `
  select id from (
    (select id from runs where workspace_id = $1 order by id desc limit $2) union
    (select id from runs where provider_workspace_id = $1 order by id desc limit $2) union
    (select id from sessions where workspace_id = $1 order by id desc limit $2) union
    (select id from sessions where provider_workspace_id = $1 order by id desc limit $2) union
    (select id from slots where workspace_id = $1 order by id desc limit $2) union
    (select id from slots where provider_workspace_id = $1 order by id desc limit $2) union
    (select id from broadcasts where workspace_id = $1 order by id desc limit $2)
  ) works order by id desc limit $2`;

/** Word for word the condition of the partial indexes, or they are not used. */
const IS_OPERATION =
  "t.reference in ('play', 'credit', 'voucher', 'topup', 'payout', 'referral', 'reversal')";

interface LineRow {
  kind: StatementPart["kind"] | "balance";
  reference: string;
  name: string;
  topup_id: string | null;
  micros: bigint;
  at: Date;
}

function toLine({
  kind,
  reference,
  name,
  topup_id,
  micros,
  at,
}: LineRow): StatementPart | undefined {
  if (kind === "balance") return undefined;
  return { kind, reference, name, topupId: topup_id ?? undefined, amountMicros: micros, at };
}

interface UseRow {
  id: string;
  capability: string;
  slug: string | null;
  state: string;
  is_over: boolean;
  opened_at: Date;
  charged_micros: bigint;
  fee_micros: bigint;
  input_tokens: bigint | null;
  cached_tokens: bigint | null;
  output_tokens: bigint | null;
}
