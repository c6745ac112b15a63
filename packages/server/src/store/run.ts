/**
 * Runs as rows. A run stands in three tables: `runs` says what was asked for, `work` where it stands
 * (only the ledger writes that), `run_results` how an attempt ended.
 */
import type { ModelCall } from "../domain/model.ts";
import type { Run, RunState } from "../domain/run.ts";
import type { TokenUsage } from "../domain/token-price.ts";
import type { Tx } from "./database.ts";
import { hourOfIdsBefore } from "./ids.ts";

export interface ResultRecord {
  readonly runId: string;
  readonly attempt: number;
  readonly isSuccess: boolean;
  /** JSON text, or `undefined`. */
  readonly output: string | undefined;
  readonly evidence: string | undefined;
  readonly errorCode: string | undefined;
  readonly errorMessage: string | undefined;
  /** What it came to. Undefined is its price where it succeeded, and nothing where it did not. */
  readonly charge: RunCharge | undefined;
  readonly finishedAt: Date;
}

/** What a run was charged. */
export interface RunCharge {
  readonly micros: bigint;
  /** The tokens that the call of a model was charged for. */
  readonly usage: TokenUsage | undefined;
}

/** A run that was opened; a row whose work never opened does not exist to anyone. */
export async function findRun(tx: Tx, id: string): Promise<Run | undefined> {
  const [run] = await findRuns(tx, [id]);
  return run;
}

export async function findRuns(tx: Tx, ids: readonly string[]): Promise<Run[]> {
  if (ids.length === 0) return [];
  const rows = await tx.query<RunRow>(`${SELECT} where r.id = any($1)`, [ids]);
  return rows.map(toRun);
}

/** What was asked for, as JSON text. */
export async function findRequest(
  tx: Tx,
  id: string,
): Promise<{ input: string; manifest: string } | undefined> {
  const rows = await tx.query<{ input: string; manifest: string }>(
    "select input, manifest from runs where id = $1",
    [id],
  );
  return rows[0];
}

/** How the run's last attempt ended, as its state says. */
export async function findResult(tx: Tx, run: Run): Promise<ResultRecord | undefined> {
  const rows = await tx.query<ResultRow>(
    `select run_id, attempt, is_success, output, evidence, error_code, error_message,
            input_tokens, cached_tokens, output_tokens, finished_at,
            (select coalesce(sum(t.amount_micros), 0)::bigint from transfers t
              where t.reference = run_id) as charged_micros
       from run_results where run_id = $1 and attempt = $2 and is_success = $3`,
    [run.id, run.attempt, run.state === "succeeded"],
  );
  return rows[0] && toResult(rows[0]);
}

/** Which of these runs have ended: what a waiter asks when no hint came. */
export async function listEnded(tx: Tx, ids: readonly string[]): Promise<string[]> {
  const rows = await tx.query<{ id: string }>(
    "select id from work where id = any($1) and deadline_at is null",
    [ids],
  );
  return rows.map(({ id }) => id);
}

/** Runs of an agent that have not ended, oldest first. */
export async function listLiveRunsOf(tx: Tx, agentId: string): Promise<Run[]> {
  const rows = await tx.query<RunRow>(
    `${SELECT} where w.shape = 'run' and w.deadline_at is not null and r.agent_id = $1 order by r.id`,
    [agentId],
  );
  return rows.map(toRun);
}

/** Runs past their deadline, the longest overdue first. */
export async function listOverdueRuns(tx: Tx, now: Date, limit: number): Promise<Run[]> {
  const rows = await tx.query<RunRow>(
    `${SELECT} where w.shape = 'run' and w.deadline_at <= $1 order by w.deadline_at limit $2`,
    [now, limit],
  );
  return rows.map(toRun);
}

/** Live runs whose process has no lease any more, or never had one. */
export async function listAbandonedRuns(tx: Tx, now: Date, limit: number): Promise<Run[]> {
  const rows = await tx.query<RunRow>(
    `${SELECT} left join processes p on p.id = w.process_id
      where w.shape = 'run' and w.deadline_at is not null
        and (p.id is null or p.lease_until <= $1)
      order by r.id limit $2`,
    [now, limit],
  );
  return rows.map(toRun);
}

/**
 * All live runs that this process drives, and of which of them the agent's link is not where they are driven:
 * it was ended, or is another process's.
 */
export async function listRunsDrivenBy(
  tx: Tx,
  processId: string,
): Promise<{ readonly id: string; readonly isStray: boolean }[]> {
  return tx.query(
    `select w.id, coalesce(k.ended_at is not null or k.process_id <> $1, false) as "isStray"
       from work w join runs r on r.id = w.id left join provider_links k on k.agent_id = r.agent_id
      where w.shape = 'run' and w.deadline_at is not null and w.process_id = $1
      order by w.id`,
    [processId],
  );
}

/** Removes rows of requests that were refused: an hour's worth of them, which ended at `before`. */
export async function deleteUnopenedRuns(tx: Tx, before: Date): Promise<void> {
  await tx.query(
    `delete from runs r where r.id >= $1 and r.id < $2
        and not exists (select 1 from work w where w.id = r.id)`,
    hourOfIdsBefore(before),
  );
}

const SELECT = `
  select r.id, r.workspace_id, r.agent_id, r.provider_workspace_id, r.capability, r.input_digest,
         r.manifest_id, r.chain_id, r.parent_id, r.key_id, r.price_micros, r.fee_bp, r.budget_ids,
         r.timeout_seconds, r.deadline_at as hold_deadline_at, r.output_schema_url, r.output_schema_digest, r.referred_by,
         r.created_at, w.state, w.version, w.attempt, w.process_id, w.deadline_at,
         c.via, c.model, c.is_streamed, c.input_tokens, c.input_micros, c.cached_micros,
         c.output_micros, c.request_micros
    from runs r join work w on w.id = r.id left join model_calls c on c.run_id = r.id`;

interface RunRow {
  id: string;
  workspace_id: string;
  agent_id: string;
  provider_workspace_id: string;
  capability: string;
  input_digest: string;
  manifest_id: string | null;
  chain_id: string;
  parent_id: string | null;
  key_id: string | null;
  price_micros: bigint;
  fee_bp: number;
  budget_ids: string[];
  timeout_seconds: number;
  hold_deadline_at: Date;
  output_schema_url: string | null;
  output_schema_digest: string | null;
  referred_by: string | null;
  created_at: Date;
  state: RunState;
  version: number;
  attempt: number;
  process_id: string | null;
  deadline_at: Date | null;
  via: ModelCall["via"] | null;
  model: string;
  is_streamed: boolean;
  input_tokens: bigint;
  input_micros: bigint;
  cached_micros: bigint;
  output_micros: bigint;
  request_micros: bigint;
}

function toRun(row: RunRow): Run {
  return {
    id: row.id,
    workspaceId: row.workspace_id,
    agentId: row.agent_id,
    providerWorkspaceId: row.provider_workspace_id,
    capability: row.capability,
    chainId: row.chain_id,
    parentId: row.parent_id ?? undefined,
    keyId: row.key_id ?? undefined,
    manifestId: row.manifest_id ?? undefined,
    priceMicros: row.price_micros,
    hold: {
      id: row.id,
      workId: row.id,
      accountId: row.workspace_id,
      feeBasisPoints: row.fee_bp,
      budgetIds: row.budget_ids,
      deadlineAt: row.hold_deadline_at,
    },
    call: row.via === null ? undefined : toCall(row, row.via),
    timeoutSeconds: row.timeout_seconds,
    inputDigest: row.input_digest,
    outputSchema:
      row.output_schema_url !== null && row.output_schema_digest !== null
        ? { url: row.output_schema_url, digest: row.output_schema_digest }
        : undefined,
    referredBy: row.referred_by ?? undefined,
    createdAt: row.created_at,
    state: row.state,
    version: row.version,
    attempt: row.attempt,
    processId: row.process_id ?? undefined,
    deadlineAt: row.deadline_at ?? undefined,
  };
}

function toCall(row: RunRow, via: ModelCall["via"]): ModelCall {
  return {
    via,
    model: row.model,
    isStreamed: row.is_streamed,
    inputTokens: Number(row.input_tokens),
    rates: {
      inputMicros: row.input_micros,
      cachedMicros: row.cached_micros,
      outputMicros: row.output_micros,
      requestMicros: row.request_micros,
    },
  };
}

interface ResultRow {
  run_id: string;
  attempt: number;
  is_success: boolean;
  output: string | null;
  evidence: string | null;
  error_code: string | null;
  error_message: string | null;
  charged_micros: bigint;
  input_tokens: bigint | null;
  cached_tokens: bigint | null;
  output_tokens: bigint | null;
  finished_at: Date;
}

function toResult(row: ResultRow): ResultRecord {
  return {
    runId: row.run_id,
    attempt: row.attempt,
    isSuccess: row.is_success,
    output: row.output ?? undefined,
    evidence: row.evidence ?? undefined,
    errorCode: row.error_code ?? undefined,
    errorMessage: row.error_message ?? undefined,
    charge: toCharge(row),
    finishedAt: row.finished_at,
  };
}

function toCharge(row: ResultRow): RunCharge {
  const usage = row.input_tokens !== null && {
    inputTokens: Number(row.input_tokens),
    cachedTokens: Number(row.cached_tokens),
    outputTokens: Number(row.output_tokens),
  };
  return { micros: row.charged_micros, usage: usage || undefined };
}
