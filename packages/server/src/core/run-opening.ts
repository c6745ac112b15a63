/**
 * Opens a run.
 *
 *   1. Who is to do it, for what price, and whether the input is what it asks for.
 *   2. The chain that it belongs to: its own, or that of the work which its caller is doing.
 *   3. The request is written down; without its work it is nothing.
 *   4. One command opens the work and holds the price under every budget. Now it is acknowledged.
 *
 * Each refusal before step 4 has done nothing; a refusal in step 4 has done nothing either. A
 * request that was acknowledged before is not refused: its key finds what it opened.
 */

import { usdOfMicros } from "@guildhall/protocol";
import { walletOf } from "../domain/account.ts";
import type { Agent, Capability } from "../domain/agent.ts";
import type { Budget } from "../domain/budget.ts";
import type { Caller } from "../domain/caller.ts";
import type { Command, Refusal } from "../domain/command.ts";
import { Fault } from "../domain/fault.ts";
import type { ModelCall } from "../domain/model.ts";
import { runPriceMicros } from "../domain/price.ts";
import type { Run } from "../domain/run.ts";
import { budgetsOf } from "../domain/spending.ts";
import { newId } from "../lib/random.ts";
import { type Row, rowOf } from "../store/rows.ts";
import { findRun } from "../store/run.ts";
import { CALL_ROWS, RUN_ROWS, type RunRecord } from "../store/run-rows.ts";
import { findOpenedWork } from "../store/work.ts";
import { type JoinedChain, joinChain } from "./chain.ts";
import { budgetId } from "./ledger.ts";
import { openingFault } from "./opening-refusal.ts";
import { type RunContext, sha256Hex, writeLarge } from "./run-context.ts";
import { locateAgent, offlineFault, requireCapability } from "./work-opening.ts";

/** A request for one piece of work. */
export interface InvokeRun {
  readonly agentId: string;
  readonly capability: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly manifest: Readonly<Record<string, unknown>>;
  readonly manifestId: string | undefined;
  /** The most that the caller is willing to pay for it. */
  readonly maxMicros: bigint | undefined;
  readonly timeoutSeconds: number;
  readonly referredBy: string | undefined;
  /** The chain that the caller says this belongs to. */
  readonly chainId: string | undefined;
  readonly idempotencyKey: string | undefined;
}

/** A run that is open, and whether it was opened by an earlier request with the same key. */
export interface OpenedRun {
  readonly run: Run;
  readonly isReplay: boolean;
  readonly processId: string | undefined;
}

const OPERATION = "runs.invoke";

export async function openRun(
  context: RunContext,
  agent: Agent,
  caller: Caller,
  command: InvokeRun,
): Promise<OpenedRun> {
  try {
    return await openNew(context, agent, caller, command);
  } catch (refusal) {
    // What would be refused now may have been opened before, when its provider was still there.
    const { workspaceId } = caller;
    const { idempotencyKey } = command;
    const opening = idempotencyKey && { workspaceId, operation: OPERATION, idempotencyKey };
    const opened = opening && (await findOpenedWork(context.database, opening));
    if (!opened) throw refusal;
    return replay(context, opened, hashOf(command));
  }
}

async function openNew(
  context: RunContext,
  agent: Agent,
  caller: Caller,
  command: InvokeRun,
): Promise<OpenedRun> {
  const capability = await requireCapability(context.database, agent, caller, command.capability);
  await checkInput(context, caller, agent, capability, command);
  const priceMicros = priceOf(capability, command);
  return commitRun(context, agent, caller, {
    ...{ operation: OPERATION, capability: capability.slug, priceMicros, call: undefined },
    input: JSON.stringify(command.input),
    manifest: JSON.stringify(command.manifest),
    manifestId: command.manifestId,
    timeoutMs: command.timeoutSeconds * 1000,
    outputSchema: capability.outputSchema,
    referredBy: command.referredBy,
    chainId: command.chainId,
    idempotencyKey: command.idempotencyKey,
    requestHash: command.idempotencyKey ? hashOf(command) : undefined,
    async driver() {
      const link = await locateAgent(context, agent.id);
      if (!link) throw await offlineFault(context.ledger, caller, priceMicros);
      return link.processId;
    },
  });
}

/** A run as it is written down, whoever asked for it in whichever way. */
export interface RunOrder {
  /** What was asked for, by which idempotency keys are told apart. */
  readonly operation: string;
  readonly capability: string;
  /** What is held: the price, or the most that the call of a model may come to. */
  readonly priceMicros: bigint;
  readonly call: ModelCall | undefined;
  /** JSON text. */
  readonly input: string;
  /** Of the input, where what is written down is not the input itself. */
  readonly inputDigest?: string;
  readonly manifest: string;
  readonly manifestId: string | undefined;
  readonly timeoutMs: number;
  readonly outputSchema: Run["outputSchema"];
  readonly referredBy: string | undefined;
  readonly chainId: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly requestHash: string | undefined;
  /** What is written with it beside. */
  rowsOf?(run: Run): readonly Row[];
  /** The process that will drive it. Throws where nobody can. */
  driver(): Promise<string> | string;
}

/** Steps 2 to 4. Throws what refuses it; then nothing was done. */
export async function commitRun(
  context: RunContext,
  agent: Agent,
  caller: Caller,
  order: RunOrder,
): Promise<OpenedRun> {
  const { priceMicros, requestHash } = order;
  const now = context.clock.now();
  const id = newId(context.clock, context.random);
  const joined = await joinChain(context, caller, order.chainId, id);
  const chain = leadsNowhere(joined, order) ? undefined : joined;
  const budgets = priceMicros > 0n ? budgetsOf(caller, chain, now, budgetId) : [];
  const processId = await order.driver();
  const run: Run = {
    ...toRun(context, { id, now, agent, caller, order, budgets }),
    ...{ chainId: joined.id, parentId: joined.parentId, processId },
  };
  // A chain that begins here brings its own budget along.
  const isRoot = chain?.isNew === true;
  const record: RunRecord = {
    run,
    input: order.input,
    manifest: order.manifest,
    isRoot,
    chainBudget: isRoot ? budgets.find(isOfChain) : undefined,
  };
  const known = isRoot ? budgets.filter((budget) => !isOfChain(budget)) : budgets;
  const [rows] = await Promise.all([
    writeLarge(context.requests, RUN_ROWS, record),
    context.ledger.ensureBudgets(known),
  ]);
  const calls = run.call ? [rowOf(CALL_ROWS, { runId: id, call: run.call })] : [];
  const committed = await context.ledger.commit(openingOf(agent, caller, run, order), [
    ...rows,
    ...calls,
    ...(order.rowsOf?.(run) ?? []),
  ]);
  if (committed.ok) {
    return { run: { ...run, version: committed.version }, isReplay: false, processId };
  }
  if (committed.refusal.code === "already_opened") {
    return replay(context, committed.refusal, requestHash);
  }
  throw await openingFault(context.database, committed.refusal, {
    neededMicros: priceMicros,
    chainId: joined.id,
    budgets,
    at: context.clock.now(),
  });
}

function isOfChain({ scope }: Budget): boolean {
  return scope === "chain";
}

/**
 * Whether a chain would hold this one call and never another: nobody connects to do it, so nobody can
 * hire on its account, and it is below the ceiling by itself. It is then not written down
 * (docs/decisions/0134).
 */
function leadsNowhere(chain: JoinedChain, { call, priceMicros }: RunOrder): boolean {
  return call?.via === "upstream" && chain.isNew && priceMicros <= chain.ceilingMicros;
}

function openingOf(agent: Agent, caller: Caller, run: Run, order: RunOrder): Command {
  const { workspaceId, keyId } = caller;
  const { operation, idempotencyKey, requestHash } = order;
  const { id, state, deadlineAt, processId, attempt } = run;
  return {
    keyId,
    offer: { agentId: agent.id, revision: agent.revision },
    work: {
      ...{ id, shape: "run", expectedVersion: 0, state, deadlineAt, processId, attempt },
      opening: { workspaceId, operation, idempotencyKey, requestHash },
    },
    steps: [{ kind: "open-hold", hold: run.hold, amountMicros: order.priceMicros }],
  };
}

export async function checkInput(
  context: RunContext,
  caller: Caller,
  agent: Agent,
  capability: Capability,
  command: Pick<InvokeRun, "input">,
): Promise<void> {
  await context.files.check(caller.workspaceId, command.input);
  if (!capability.inputSchema) return;
  const errors = await context.schemas.problemsOf(
    agent.workspaceId,
    capability.inputSchema,
    command.input,
  );
  if (errors.length === 0) return;
  const message = `The input does not fit the capability's schema: ${errors.join("; ")}`;
  throw new Fault("input_schema_mismatch", message, { errors });
}

function priceOf(capability: Capability, asked: Pick<InvokeRun, "maxMicros">): bigint {
  const priceMicros = runPriceMicros(capability.price);
  requireAffordable(priceMicros, asked);
  return priceMicros;
}

/** @throws {Fault} `budget_exceeded` where the price is above what the caller allows for this work */
export function requireAffordable(
  priceMicros: bigint,
  { maxMicros }: Pick<InvokeRun, "maxMicros">,
): void {
  if (maxMicros === undefined || priceMicros <= maxMicros) return;
  const price = usdOfMicros(priceMicros);
  const rule = `This costs ${price} US dollars, and you allow ${usdOfMicros(maxMicros)} for it.`;
  throw new Fault("budget_exceeded", rule, { neededMicros: priceMicros, limitMicros: maxMicros });
}

function toRun(
  context: RunContext,
  from: {
    readonly id: string;
    readonly now: Date;
    readonly agent: Agent;
    readonly caller: Caller;
    readonly order: RunOrder;
    readonly budgets: readonly Budget[];
  },
): Run {
  const { id, now, agent, caller, order } = from;
  const deadlineAt = new Date(now.getTime() + order.timeoutMs);
  return {
    id,
    workspaceId: caller.workspaceId,
    agentId: agent.id,
    providerWorkspaceId: agent.workspaceId,
    capability: order.capability,
    chainId: id,
    parentId: undefined,
    keyId: caller.keyId,
    manifestId: order.manifestId,
    priceMicros: order.priceMicros,
    hold: {
      id,
      workId: id,
      accountId: walletOf(caller.workspaceId),
      feeBasisPoints: context.feeBasisPoints,
      budgetIds: from.budgets.map((budget) => budget.id),
      deadlineAt,
    },
    call: order.call,
    timeoutSeconds: Math.ceil(order.timeoutMs / 1000),
    inputDigest: order.inputDigest ?? sha256Hex(order.input),
    outputSchema: order.outputSchema,
    referredBy: order.referredBy,
    createdAt: now,
    // Its agent is known and online, so it is sent at once; a crash in between is made good by the
    // agent's next identification, where it is sent again.
    state: "running",
    version: 0,
    attempt: 1,
    processId: undefined,
    deadlineAt,
  };
}

/** The same key with the same body is the same request, whatever became of it. */
export async function replay(
  context: RunContext,
  opened: Pick<Extract<Refusal, { code: "already_opened" }>, "workId" | "requestHash">,
  requestHash: string | undefined,
): Promise<OpenedRun> {
  if (opened.requestHash !== requestHash) {
    throw new Fault("idempotency_conflict", "This idempotency key came with another request.");
  }
  const run = await findRun(context.database, opened.workId);
  if (!run) throw new Error(`work ${opened.workId} has an idempotency key but no run`);
  return { run, isReplay: true, processId: run.processId };
}

/** The chain is part of what is asked for: by another one it is another's ceiling that pays. */
function hashOf(command: InvokeRun): string {
  const { agentId, capability, input, manifest, manifestId, maxMicros, timeoutSeconds } = command;
  const parts = [agentId, capability, input, manifestId ?? manifest, timeoutSeconds];
  const most = maxMicros?.toString() ?? null;
  return sha256Hex(JSON.stringify([...parts, most, command.chainId ?? null]));
}
