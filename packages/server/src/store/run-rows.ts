/** What is written for a run: the request when it opens, how an attempt ended before it settles. */
import type { Budget } from "../domain/budget.ts";
import type { ModelCall } from "../domain/model.ts";
import type { Run } from "../domain/run.ts";
import type { RowKind } from "./rows.ts";
import type { ResultRecord } from "./run.ts";

/** A run about to open: its row is nothing without its work. */
export interface RunRecord {
  readonly run: Run;
  /** JSON text, as it came in. */
  readonly input: string;
  readonly manifest: string;
  /** Whether the run begins its chain, whose row is then written as well. */
  readonly isRoot: boolean;
  /** The ceiling of the chain that begins with it, where it costs anything. */
  readonly chainBudget: Budget | undefined;
}

/** Requests, the chains that begin with them, and those chains' budgets, under which they are held. */
export const RUN_ROWS: RowKind<RunRecord> = {
  name: "run",
  needed: "ceilings",
  sql: `roots as (
          insert into chains(id, workspace_id, created_at)
          select u.id, u.ws, u.at
            from unnest($22::text[], $23::text[], $24::timestamptz[]) u(id, ws, at)
          on conflict do nothing),
        ceilings as (
          insert into budgets(id, scope, owner_id, limit_micros)
          select u.id, 'chain', u.owner, u.most
            from unnest($25::text[], $26::text[], $27::bigint[]) u(id, owner, most)
          on conflict do nothing returning 1),
        requests as (
          insert into runs(id, workspace_id, agent_id, provider_workspace_id, capability, input,
                           input_digest, manifest, manifest_id, chain_id, parent_id, key_id,
                           price_micros, fee_bp, budget_ids, timeout_seconds, deadline_at,
                           output_schema_url, output_schema_digest, referred_by, created_at)
          select u.id, u.ws, u.agent, u.pws, u.cap, u.input, u.digest, u.manifest, u.mft, u.chain,
                 u.parent, u.key, u.price, u.fee, string_to_array(u.budgets, ','), u.timeout,
                 u.deadline, u.schema_url, u.schema_digest, u.referred, u.created
            from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                        $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[],
                        $13::bigint[], $14::int[], $15::text[], $16::int[], $17::timestamptz[],
                        $18::text[], $19::text[], $20::text[], $21::timestamptz[])
                 u(id, ws, agent, pws, cap, input, digest, manifest, mft, chain, parent, key, price,
                   fee, budgets, timeout, deadline, schema_url, schema_digest, referred, created)
          on conflict do nothing)`,
  orderOf: ({ run }) => run.id,
  weigh: ({ input, manifest }) => RUN_BYTES + input.length + manifest.length,
  parametersOf(records) {
    const runs = records.map(({ run }) => run);
    const roots = records.filter(({ isRoot }) => isRoot).map(({ run }) => run);
    const budgets = records.flatMap(({ chainBudget }) => chainBudget ?? []);
    return [
      ...columnsOf(runs, records),
      roots.map(({ chainId }) => chainId),
      roots.map(({ workspaceId }) => workspaceId),
      roots.map(({ createdAt }) => createdAt),
      budgets.map(({ id }) => id),
      budgets.map(({ ownerId }) => ownerId),
      budgets.map(({ limitMicros }) => limitMicros),
    ];
  },
};

/** What a request's columns come to beside its input and manifest, about. */
const RUN_BYTES = 600;
const CALL_BYTES = 150;
/** The same of a result, beside its output and evidence. */
const RESULT_BYTES = 150;

function columnsOf(runs: readonly Run[], records: readonly RunRecord[]): readonly unknown[] {
  return [
    runs.map(({ id }) => id),
    runs.map(({ workspaceId }) => workspaceId),
    runs.map(({ agentId }) => agentId),
    runs.map(({ providerWorkspaceId }) => providerWorkspaceId),
    runs.map(({ capability }) => capability),
    records.map(({ input }) => input),
    runs.map(({ inputDigest }) => inputDigest),
    records.map(({ manifest }) => manifest),
    runs.map(({ manifestId }) => manifestId),
    runs.map(({ chainId }) => chainId),
    runs.map(({ parentId }) => parentId),
    runs.map(({ keyId }) => keyId),
    runs.map(({ priceMicros }) => priceMicros),
    runs.map(({ hold }) => hold.feeBasisPoints),
    runs.map(({ hold }) => hold.budgetIds.join(",")),
    runs.map(({ timeoutSeconds }) => timeoutSeconds),
    runs.map(({ deadlineAt }) => deadlineAt),
    runs.map(({ outputSchema }) => outputSchema?.url),
    runs.map(({ outputSchema }) => outputSchema?.digest),
    runs.map(({ referredBy }) => referredBy),
    runs.map(({ createdAt }) => createdAt),
  ];
}

/** How attempts ended; what an attempt said first stays. */
export const RESULT_ROWS: RowKind<ResultRecord> = {
  name: "result",
  sql: `results as (
          insert into run_results(run_id, attempt, is_success, output, evidence, error_code,
                                  error_message, finished_at, input_tokens, cached_tokens,
                                  output_tokens)
          select u.* from unnest($1::text[], $2::int[], $3::boolean[], $4::text[], $5::text[],
                                 $6::text[], $7::text[], $8::timestamptz[], $9::bigint[],
                                 $10::bigint[], $11::bigint[]) u
          on conflict do nothing)`,
  orderOf: ({ runId }) => runId,
  weigh: ({ output = "", evidence = "" }) => RESULT_BYTES + output.length + evidence.length,
  parametersOf: (records) => [
    records.map(({ runId }) => runId),
    records.map(({ attempt }) => attempt),
    records.map(({ isSuccess }) => isSuccess),
    records.map(({ output }) => output),
    records.map(({ evidence }) => evidence),
    records.map(({ errorCode }) => errorCode),
    records.map(({ errorMessage }) => errorMessage),
    records.map(({ finishedAt }) => finishedAt),
    records.map(({ charge }) => charge?.usage?.inputTokens),
    records.map(({ charge }) => charge?.usage?.cachedTokens),
    records.map(({ charge }) => charge?.usage?.outputTokens),
  ],
};

/** What makes runs the calls of models. */
export const CALL_ROWS: RowKind<{ readonly runId: string; readonly call: ModelCall }> = {
  name: "call",
  sql: `calls as (
          insert into model_calls(run_id, via, model, is_streamed, input_tokens, input_micros,
                                  cached_micros, output_micros, request_micros)
          select u.* from unnest($1::text[], $2::text[], $3::text[], $4::boolean[], $5::bigint[],
                                 $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[]) u
          on conflict do nothing)`,
  orderOf: ({ runId }) => runId,
  weigh: () => CALL_BYTES,
  parametersOf(records) {
    const calls = records.map(({ call }) => call);
    return [
      records.map(({ runId }) => runId),
      calls.map(({ via }) => via),
      calls.map(({ model }) => model),
      calls.map(({ isStreamed }) => isStreamed),
      calls.map(({ inputTokens }) => inputTokens),
      calls.map(({ rates }) => rates.inputMicros),
      calls.map(({ rates }) => rates.cachedMicros),
      calls.map(({ rates }) => rates.outputMicros),
      calls.map(({ rates }) => rates.requestMicros),
    ];
  },
};
