/**
 * The ledger: the one way to change money and the state of work.
 *
 *   1. Commands that arrive together are posted together: see `lib/batcher.ts`.
 *   2. The database decides each, in order, and answers each alone. A refusal is a value.
 *   3. A batch that met another's lock or row is sent again. One that fails by itself is split in
 *      half until the culprit stands alone, and that one is rejected.
 *   4. A batch whose connection was lost may have been done. It is sent again under its own number,
 *      and the database does it if it did not, or else gives the answers of the first time.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { type Budget, budgetKey } from "../domain/budget.ts";
import type { Command, CommandOutcome, Step } from "../domain/command.ts";
import { Fault } from "../domain/fault.ts";
import { BatcherClosed, createBatcher, QueueFull } from "../lib/batcher.ts";
import { type Clock, monotonicMs } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { newId, type Random } from "../lib/random.ts";
import type { Database } from "../store/database.ts";
import { commitCommands, failureOf, findAvailableMicros, insertBudgets } from "../store/ledger.ts";
import { type Row, weighRow } from "../store/rows.ts";

export interface Ledger {
  /**
   * Does a command, all of it or nothing. When this resolves, what was done is on the disk.
   *
   * Throws `overloaded` when too much is waiting already, in which case nothing was done, or when
   * the database could not be reached, in which case that is not known: ask by the work's id.
   * Throws anything else for a bug, of which nothing was done either.
   *
   * `rows` are written in the same transaction: with a command that is refused, too. They count into
   * the batch's size, so what is large is better written before (`insertRows`).
   */
  commit(command: Command, rows?: readonly Row[]): Promise<CommandOutcome>;
  /** Makes the rows of budgets that are not there yet, with the limits given. */
  ensureBudgets(budgets: readonly Budget[]): Promise<void>;
  /** What an account has and has not promised, in micros; 0 where there is no such account. */
  availableMicros(accountId: string): Promise<bigint>;
  /** Commands that wait for their turn. */
  readonly waiting: number;
  /** Takes no more commands; resolves when all that were accepted are answered. */
  close(): Promise<void>;
}

export interface LedgerOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Commands a batch; a benchmark compares with one. */
  readonly commandsMax?: number;
  /** Batches in flight at once. With one, what is asked for first is decided first. */
  readonly lanes?: number;
  /** How long the database may be away before callers are told. */
  readonly patienceMs?: number;
  /** What a batch took, for the metrics page. */
  observe?(batch: { readonly commands: number; readonly ms: number }): void;
}

export const LEDGER_LIMITS = {
  /** Node packs one batch while the database does the other: see `docs/decisions/0023`. */
  lanes: 2,
  /** For fewer commands a batch of their own costs more than their waiting. */
  besideMin: 8,
  /** Beyond this a batch gains little and holds its rows longer. */
  batchCommandsMax: 512,
  /** The text of a batch's parameters, about. */
  batchBytesMax: 256 * 1024,
  /** About half a second's work; who comes later is better told to wait. */
  waitingMax: 8_192,
  /** More belong to a command than any work needs. */
  commandStepsMax: 64,
  /** Chain, and day, month and prepaid of key and workspace, and one to spare. */
  holdBudgetsMax: 8,
  /** Budgets known to exist; about 10 MB. */
  knownBudgetsMax: 50_000,
} as const;

/** What is told to callers who came when there was too much to do. */
const RETRY_AFTER_SECONDS = 1;
/** A batch may meet others' locks and rows this often before it is taken to be at fault itself. */
const COLLISIONS_MAX = 5;
const PATIENCE_MS = 30_000;
const RECONNECT_MS_MIN = 20;
const RECONNECT_MS_MAX = 1_000;
/** What a step's text comes to when packed, about. */
const STEP_BYTES = 200;

/** A command and the rows that are written with it. */
export interface Posting {
  readonly command: Command;
  readonly rows: readonly Row[];
}

/** How commands are put into batches. */
export const COMMAND_BATCHES = {
  itemsMax: LEDGER_LIMITS.batchCommandsMax,
  weightMax: LEDGER_LIMITS.batchBytesMax,
  waitingMax: LEDGER_LIMITS.waitingMax,
  besideMin: LEDGER_LIMITS.besideMin,
  weigh: ({ command, rows }: Posting) =>
    STEP_BYTES * (1 + command.steps.length + (command.also?.length ?? 0)) +
    rows.reduce((sum, row) => sum + weighRow(row), 0),
  keysOf: ({ command }: Posting) => keysOfCommand(command),
};

const NO_ROWS: readonly Row[] = [];

/** Ids that were asked for before: about 10 MB. A chain's is asked for once or twice. */
const knownIds = new Map<string, string>();

/** The id of the budget that limits this owner, in this window: the same in every process. */
export function budgetId(budget: Pick<Budget, "scope" | "ownerId" | "windowStart">): string {
  const { scope, ownerId, windowStart } = budget;
  const name = `${scope}:${ownerId}:${windowStart?.getTime()}`;
  const known = knownIds.get(name);
  if (known !== undefined) return known;
  const key = budgetKey(scope, ownerId, windowStart);
  const id = createHash("sha256").update(key).digest("hex").slice(0, 24);
  if (scope === "chain") return id;
  if (knownIds.size >= LEDGER_LIMITS.knownBudgetsMax) knownIds.clear();
  knownIds.set(name, id);
  return id;
}

export function createLedger(options: LedgerOptions): Ledger {
  const { database, clock, log } = options;
  const lanes = options.lanes ?? LEDGER_LIMITS.lanes;
  // The database remembers one batch a writer, so each lane is a writer of its own.
  const writers = Array.from({ length: lanes }, () => ({
    id: newId(clock, options.random),
    batches: 0,
  }));
  const commands = createBatcher<Posting, CommandOutcome>({
    ...COMMAND_BATCHES,
    lanes,
    ...(options.commandsMax !== undefined && { itemsMax: options.commandsMax }),
    isEverybodys: (error) => error instanceof Fault,
    async run(items, lane) {
      const startedAt = monotonicMs();
      const writer = writers[lane];
      assert(writer, "a lane has a writer");
      const outcomes = await commitBatch(options, writer, items);
      options.observe?.({ commands: items.length, ms: monotonicMs() - startedAt });
      return outcomes;
    },
  });
  const knownBudgets = new Set<string>();
  const budgets = createBatcher<Budget, void>({
    itemsMax: LEDGER_LIMITS.batchCommandsMax,
    waitingMax: LEDGER_LIMITS.waitingMax,
    run: (items) => insertBudgets(database, items),
  });

  return {
    async commit(command, rows = NO_ROWS) {
      checkCommand(command);
      try {
        return await commands.add({ command, rows });
      } catch (error) {
        if (error instanceof Fault) throw error;
        throw overloadedBy(error) ?? bug(log, command, error);
      }
    },
    async ensureBudgets(wanted) {
      const missing = wanted.filter(({ id }) => !knownBudgets.has(id));
      if (missing.length === 0) return;
      try {
        await Promise.all(missing.map((budget) => budgets.add(budget)));
      } catch (error) {
        throw overloadedBy(error) ?? error;
      }
      // Forgetting costs an insert that finds its row; remembering for ever would cost memory.
      if (knownBudgets.size > LEDGER_LIMITS.knownBudgetsMax) knownBudgets.clear();
      for (const { id } of missing) knownBudgets.add(id);
    },
    availableMicros: (accountId) => findAvailableMicros(database, accountId),
    get waiting() {
      return commands.waiting;
    },
    async close() {
      await Promise.all([commands.close(), budgets.close()]);
    },
  };
}

/** Throws where a command could not be meant: that is a bug of ours, and met before it costs others. */
function checkCommand({ work, also = [], steps }: Command): void {
  assert(steps.length <= LEDGER_LIMITS.commandStepsMax, "a command has too many steps");
  assert(work || also.length === 0, "further work changes beside a first one");
  const changes = work ? [work, ...also] : also;
  for (const change of changes) {
    assert((change.expectedVersion === 0) === (change.opening !== undefined));
  }
  assert(new Set(changes.map(({ id }) => id)).size === changes.length, "a work changes once");
  for (const step of steps) {
    if ("amountMicros" in step) checkAmount(step.amountMicros);
    if ("limitMicros" in step) checkAmount(step.limitMicros);
    if (!("hold" in step)) continue;
    const { budgetIds, feeBasisPoints } = step.hold;
    assert(budgetIds.length <= LEDGER_LIMITS.holdBudgetsMax, "a hold has too many budgets");
    assert(new Set(budgetIds).size === budgetIds.length, "a hold names a budget once");
    assert(feeBasisPoints >= 0 && feeBasisPoints < 10_000, "a fee leaves something");
  }
  const keys = keysOfCommand({ keyId: undefined, work, also, steps });
  assert(new Set(keys).size === keys.length, "a command makes each transfer once");
  // PostgreSQL's text cannot hold it.
  if (changes.some(({ opening }) => opening?.idempotencyKey?.includes("\0"))) {
    throw new Fault("invalid_request", "An idempotency key has no zero bytes.", {
      field: "idempotency_key",
    });
  }
}

/** The database's `bigint` has 64 bits; whether an amount makes sense it says itself. */
function checkAmount(amountMicros: bigint): void {
  assert(BigInt.asIntN(64, amountMicros) === amountMicros, "no such amount");
}

/**
 * What may stand in a batch once: a transfer's name and an idempotency key. The second to use one
 * waits for the next batch, which finds what the first has written.
 */
function keysOfCommand({ work, also = [], steps }: Command): readonly string[] {
  const keys: string[] = [];
  for (const { opening } of work ? [work, ...also] : also) {
    if (opening?.idempotencyKey === undefined) continue;
    keys.push(`${opening.workspaceId} ${opening.operation} ${opening.idempotencyKey}`);
  }
  for (const step of steps) {
    if (step.kind === "transfer") keys.push(`${step.reference}\0${step.name}`);
    else if (step.kind === "capture-hold") {
      const key = `${step.hold.workId}\0${step.name}`;
      keys.push(key, `${key}:fee`);
    }
  }
  return keys;
}

async function commitBatch(
  { database, clock, log, patienceMs = PATIENCE_MS }: LedgerOptions,
  writer: { readonly id: string; batches: number },
  postings: readonly Posting[],
): Promise<CommandOutcome[]> {
  const commands = postings.map(({ command }) => command);
  const rows = postings.flatMap((posting) => posting.rows);
  const number = ++writer.batches;
  let collisions = 0;
  let lostAtMs: number | undefined;
  let delayMs = RECONNECT_MS_MIN;
  for (;;) {
    try {
      return await commitCommands(database, {
        writerId: writer.id,
        number,
        at: clock.now(),
        commands,
        rows,
        isCareful: collisions > 0,
      });
    } catch (error) {
      const failure = failureOf(error);
      if (failure === "refused" || (failure === "collision" && ++collisions > COLLISIONS_MAX)) {
        log.warn({ error, commands: commands.length }, "a batch of the ledger failed");
        throw error;
      }
      if (failure === "collision") continue;
      lostAtMs ??= monotonicMs();
      log.warn({ error, commands: commands.length }, "the ledger lost its database; asking again");
      if (monotonicMs() - lostAtMs > patienceMs) throw unreachable(error);
      await delay(delayMs);
      delayMs = Math.min(delayMs * 2, RECONNECT_MS_MAX);
    }
  }
}

function unreachable(cause: unknown): Fault {
  return new Fault(
    "overloaded",
    "The database does not answer. Whether this was done is not known: ask for it.",
    { retryAfterSeconds: RETRY_AFTER_SECONDS },
    { cause },
  );
}

function overloadedBy(error: unknown): Fault | undefined {
  if (!(error instanceof QueueFull || error instanceof BatcherClosed)) return undefined;
  return new Fault(
    "overloaded",
    "There is more to do than this server can take on.",
    { retryAfterSeconds: RETRY_AFTER_SECONDS },
    { cause: error },
  );
}

function bug(log: Log, command: Command, error: unknown): unknown {
  const steps = command.steps.map((step: Step) => step.kind);
  log.error({ error, workId: command.work?.id, steps }, "the ledger could not do a command");
  return error;
}
