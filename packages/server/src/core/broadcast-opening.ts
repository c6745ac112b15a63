/**
 * Opens a broadcast.
 *
 *   1. Whether it may be asked for: the mandate, the files in it, the schema of its results.
 *   2. The request is written down; without its work it is nothing.
 *   3. One command opens the work and holds all that it can cost, seat by seat, under every budget.
 *
 * Each refusal has done nothing. A request that was acknowledged before is not refused: its key
 * finds what it opened.
 */
import { walletOf } from "../domain/account.ts";
import type { SchemaReference } from "../domain/agent.ts";
import {
  type Broadcast,
  openingSteps,
  type Partition,
  slotKeysOf,
  type Verifier,
} from "../domain/broadcast.ts";
import { budgetMicros, type PaymentType } from "../domain/broadcast-payment.ts";
import type { Caller } from "../domain/caller.ts";
import { Fault } from "../domain/fault.ts";
import { budgetsOf } from "../domain/spending.ts";
import { newId } from "../lib/random.ts";
import { findBroadcast, insertBroadcast } from "../store/broadcast.ts";
import { countLiveWork, findOpenedWork } from "../store/work.ts";
import { announce, BROADCAST_LIMITS, type BroadcastContext } from "./broadcast-context.ts";
import { joinChain } from "./chain.ts";
import { budgetId } from "./ledger.ts";
import { openingFault } from "./opening-refusal.ts";
import { sha256Hex } from "./run-context.ts";

/** A request that several agents are to answer. */
export interface CreateBroadcast {
  readonly capability: string;
  readonly instruction: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly target: number;
  readonly slotMicros: bigint;
  /** The unit in which the wire names amounts: payments by score are whole units. */
  readonly unitMicros: bigint;
  readonly stakeMicros: bigint;
  readonly payment: PaymentType;
  readonly partition: Partition;
  readonly verifier: Verifier;
  readonly resultSchema: Readonly<Record<string, unknown>> | undefined;
  /** Absent: in a day. */
  readonly deadlineAt: Date | undefined;
  readonly mandateId: string;
  readonly chainId: string | undefined;
  readonly idempotencyKey: string | undefined;
}

const OPERATION = "broadcasts.create";

export async function openBroadcast(
  context: BroadcastContext,
  caller: Caller,
  command: CreateBroadcast,
): Promise<Broadcast> {
  try {
    return await openNew(context, caller, command);
  } catch (refusal) {
    // What would be refused now may have been opened before, while its mandate was still good.
    const { workspaceId } = caller;
    const { idempotencyKey } = command;
    const opening = idempotencyKey && { workspaceId, operation: OPERATION, idempotencyKey };
    const opened = opening && (await findOpenedWork(context.database, opening));
    if (!opened) throw refusal;
    return replay(context, opened, command);
  }
}

async function openNew(
  context: BroadcastContext,
  caller: Caller,
  command: CreateBroadcast,
): Promise<Broadcast> {
  const { database, clock, ledger, mandates, files } = context;
  const deadlineAt = deadlineOf(command, clock.now());
  const neededMicros = budgetMicros(command);
  const allowance = await mandates.requireGood(caller, command.mandateId, neededMicros);
  await files.check(caller.workspaceId, command.params);
  await requireRoom(context, caller);
  const resultSchema = await keepSchema(context, caller, command);
  const now = clock.now();
  const id = newId(clock, context.random);
  const chain = await joinChain(context, caller, command.chainId, id);
  const budgets = [...budgetsOf(caller, chain, now, budgetId), allowance];
  const broadcast = toBroadcast(context, caller, command, {
    ...{ id, deadlineAt, resultSchema, createdAt: now },
    ...{ chainId: chain.id, parentId: chain.parentId },
    budgetIds: budgets.map((budget) => budget.id),
  });
  const request = {
    instruction: command.instruction,
    params: JSON.stringify(command.params),
    resultSchema: command.resultSchema && JSON.stringify(command.resultSchema),
  };
  await Promise.all([
    insertBroadcast(database, { broadcast, request }, chain.isNew),
    ledger.ensureBudgets(budgets),
  ]);
  const requestHash = command.idempotencyKey ? hashOf(command) : undefined;
  const { idempotencyKey } = command;
  const { workspaceId } = caller;
  const opening = { workspaceId, operation: OPERATION, idempotencyKey, requestHash };
  const committed = await ledger.commit({
    keyId: caller.keyId,
    work: {
      ...{ id, shape: "broadcast", expectedVersion: 0, state: "open", deadlineAt },
      ...{ processId: undefined, attempt: 1, opening },
    },
    steps: openingSteps(broadcast),
  });
  if (committed.ok) {
    announce(context, id);
    return { ...broadcast, version: committed.version };
  }
  const { refusal } = committed;
  if (refusal.code === "already_opened") return replay(context, refusal, command);
  const asked = { neededMicros, chainId: chain.id, budgets, at: context.clock.now() };
  throw await openingFault(database, refusal, asked);
}

/** Throws `rate_limited` where the workspace has as many open broadcasts as it may. */
async function requireRoom(
  { database, openMax }: BroadcastContext,
  { workspaceId }: Caller,
): Promise<void> {
  if ((await countLiveWork(database, "broadcast", workspaceId)) < openMax) return;
  throw new Fault("rate_limited", `A workspace has at most ${openMax} open tasks.`, {
    retryAfterSeconds: 60,
  });
}

function deadlineOf({ deadlineAt }: CreateBroadcast, now: Date): Date {
  const nowMs = now.getTime();
  if (!deadlineAt) return new Date(nowMs + BROADCAST_LIMITS.deadlineMsDefault);
  const ms = deadlineAt.getTime() - nowMs;
  if (ms > 0 && ms <= BROADCAST_LIMITS.deadlineMsMax) return deadlineAt;
  throw new Fault("invalid_request", "A deadline is in the future, within thirty days.", {
    field: "deadline",
  });
}

async function keepSchema(
  { schemas }: BroadcastContext,
  caller: Caller,
  { resultSchema, verifier }: CreateBroadcast,
): Promise<SchemaReference | undefined> {
  if (resultSchema) return schemas.keep(caller.workspaceId, { document: resultSchema });
  if (verifier === "requester") return undefined;
  throw new Fault("invalid_request", "To verify results by their schema takes a result_schema.", {
    field: "result_schema",
  });
}

function toBroadcast(
  context: BroadcastContext,
  caller: Caller,
  command: CreateBroadcast,
  made: Pick<
    Broadcast,
    "id" | "deadlineAt" | "resultSchema" | "createdAt" | "chainId" | "parentId" | "budgetIds"
  >,
): Broadcast {
  const { capability, mandateId, target, slotMicros, unitMicros, stakeMicros } = command;
  const { payment, partition, verifier, params } = command;
  const { feeBasisPoints, executeSeconds, reviewSeconds } = context;
  return {
    ...made,
    workspaceId: walletOf(caller.workspaceId),
    keyId: caller.keyId,
    ...{ capability, mandateId, target, slotMicros, unitMicros, stakeMicros },
    ...{ payment, partition, verifier, slotKeys: slotKeysOf(partition, params, target) },
    ...{ feeBasisPoints, executeSeconds, reviewSeconds },
    requestDigest: hashOf(command),
    state: "open",
    version: 0,
  };
}

/** The same key with the same body is the same request, whatever became of it. */
async function replay(
  context: BroadcastContext,
  opened: { readonly workId: string; readonly requestHash: string | undefined },
  command: CreateBroadcast,
): Promise<Broadcast> {
  if (opened.requestHash !== hashOf(command)) {
    throw new Fault("idempotency_conflict", "This idempotency key came with another request.");
  }
  const broadcast = await findBroadcast(context.database, opened.workId);
  if (!broadcast) throw new Error(`work ${opened.workId} has an idempotency key but no broadcast`);
  return broadcast;
}

/** All of the request but the key under which it came, in the order of its fields. */
function hashOf({ idempotencyKey: _key, ...asked }: CreateBroadcast): string {
  const entries = Object.entries(asked).sort(([a], [b]) => (a < b ? -1 : 1));
  return sha256Hex(
    JSON.stringify(entries, (_, value) => (typeof value === "bigint" ? value.toString() : value)),
  );
}
