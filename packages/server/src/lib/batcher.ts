/**
 * Does together what arrives together.
 *
 *   1. Items wait in one queue. There is no timer: an idle batcher starts at the next turn of the
 *      event loop, a busy one takes what is waiting when its batch returns. So one caller alone
 *      waits for nobody, and a thousand share the cost of one.
 *   2. One batch is in flight in each lane, and there is one lane unless more are asked for. A further
 *      lane opens when enough is waiting, and lanes that are free share what waits evenly.
 *   3. Items that share a key are neither in a batch together nor in flight at once: the later one,
 *      and whatever must not overtake it, stays in the queue. Across lanes there is no other order.
 *   4. A batch that fails is split in half until the culprit stands alone. It alone is rejected.
 */
import assert from "node:assert/strict";

/** More is waiting than the queue may hold. Nothing was done. */
export class QueueFull extends Error {
  override readonly name = "QueueFull";
}

/** The batcher was closed. Nothing was done. */
export class BatcherClosed extends Error {
  override readonly name = "BatcherClosed";
}

export interface Batcher<Item, Result> {
  /**
   * Resolves with the item's own result. Rejects with `QueueFull` or `BatcherClosed` before
   * anything was done, or with what `run` threw for this item.
   */
  add(item: Item): Promise<Result>;
  /** Items in the queue, without those in flight. */
  readonly waiting: number;
  /** Takes no more items; resolves when all that were accepted have been answered. */
  close(): Promise<void>;
}

export interface BatcherOptions<Item, Result> {
  /**
   * Does a batch and gives a result an item, in their order (none where the result is `void`).
   * What it throws must have had no effect: the batch is split and its halves are run.
   * `lane` counts from 0; a lane runs one batch at a time.
   */
  run(items: readonly Item[], lane: number): Promise<ResultsOf<Result>>;
  readonly itemsMax: number;
  /** Items that may wait; the next one is refused with `QueueFull`. */
  readonly waitingMax: number;
  /** The weight of a batch, in whatever unit `weigh` uses. A heavier item travels alone. */
  readonly weightMax?: number;
  weigh?(item: Item): number;
  /** Batches that may be in flight at once; 1 where nothing is said. */
  readonly lanes?: number;
  /** A lane beside a busy one opens for no fewer items. */
  readonly besideMin?: number;
  /** Items that have a key in common are not done at the same time. */
  keysOf?(item: Item): readonly string[];
  /** Whether an error is nobody's own doing: it then rejects the whole batch, unsplit. */
  isEverybodys?(error: unknown): boolean;
}
// biome-ignore lint/suspicious/noConfusingVoidType: asks whether there is a result at all
type ResultsOf<Result> = [Result] extends [void] ? Result : readonly Result[];

interface Entry<Item, Result> {
  readonly item: Item;
  readonly weight: number;
  readonly keys: readonly string[];
  resolve(result: Result): void;
  reject(error: unknown): void;
}

const NO_KEYS: readonly string[] = [];

export function createBatcher<Item, Result>(
  options: BatcherOptions<Item, Result>,
): Batcher<Item, Result> {
  const { lanes = 1, besideMin = 1 } = options;
  let queue: Entry<Item, Result>[] = [];
  let isClosed = false;
  /** What each lane is doing; nothing where it is free. */
  const draining: (Promise<void> | undefined)[] = Array.from({ length: lanes }, () => undefined);
  let inFlight = 0;
  const keysInFlight = new Set<string>();

  /** Opens a lane for what waits, where one is free and it is worth it. */
  function openLane(): void {
    const isAnyBusy = draining.some((doing) => doing !== undefined);
    if (queue.length < (isAnyBusy ? besideMin : 1)) return;
    const lane = draining.indexOf(undefined);
    if (lane >= 0) draining[lane] = drain(lane);
  }

  async function drain(lane: number): Promise<void> {
    // The callers that the last batch answered have their next items here one turn later.
    for (await nextTurn(); queue.length > 0; await nextTurn()) {
      const { taken, left } = takeBatch(queue, share(), keysInFlight, options);
      // What is left has to wait for another lane, which will look for it.
      if (taken.length === 0) break;
      queue = left;
      for (const key of taken.flatMap(({ keys }) => keys)) keysInFlight.add(key);
      openLane();
      inFlight++;
      await settle(taken, lane, options);
      inFlight--;
      for (const key of taken.flatMap(({ keys }) => keys)) keysInFlight.delete(key);
    }
    draining[lane] = undefined;
  }

  /** As many items as come to each of the lanes that have nothing in flight. */
  function share(): number {
    const fair = Math.ceil(queue.length / (lanes - inFlight));
    return Math.min(options.itemsMax, Math.max(fair, besideMin));
  }

  return {
    add(item) {
      if (isClosed) return Promise.reject(new BatcherClosed("closed"));
      if (queue.length >= options.waitingMax) {
        return Promise.reject(new QueueFull(`${queue.length} are waiting already`));
      }
      return new Promise((resolve, reject) => {
        const weight = options.weigh?.(item) ?? 0;
        queue.push({ item, weight, keys: options.keysOf?.(item) ?? NO_KEYS, resolve, reject });
        openLane();
      });
    },
    get waiting() {
      return queue.length;
    },
    async close() {
      isClosed = true;
      while (draining.some((doing) => doing)) await Promise.all(draining);
    },
  };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function takeBatch<Item, Result>(
  queue: readonly Entry<Item, Result>[],
  itemsMax: number,
  keysInFlight: ReadonlySet<string>,
  { weightMax = Number.POSITIVE_INFINITY }: BatcherOptions<Item, Result>,
): { taken: Entry<Item, Result>[]; left: Entry<Item, Result>[] } {
  const taken: Entry<Item, Result>[] = [];
  const deferred: Entry<Item, Result>[] = [];
  const keys = new Set(keysInFlight);
  let weight = 0;
  let next = 0;
  for (const entry of queue) {
    // Looking past as many deferred items as fit into a batch bounds the search.
    if (taken.length >= itemsMax || deferred.length >= itemsMax) break;
    const isDeferred = entry.keys.some((key) => keys.has(key));
    if (!isDeferred && taken.length > 0 && weight + entry.weight > weightMax) break;
    for (const key of entry.keys) keys.add(key);
    if (isDeferred) deferred.push(entry);
    else {
      taken.push(entry);
      weight += entry.weight;
    }
    next++;
  }
  return { taken, left: deferred.concat(queue.slice(next)) };
}

async function settle<Item, Result>(
  entries: readonly Entry<Item, Result>[],
  lane: number,
  options: BatcherOptions<Item, Result>,
): Promise<void> {
  let results: readonly Result[] | undefined;
  try {
    const returned: unknown = await options.run(
      entries.map((entry) => entry.item),
      lane,
    );
    results = returned as readonly Result[] | undefined;
  } catch (error) {
    if (entries.length === 1 || options.isEverybodys?.(error)) {
      for (const entry of entries) entry.reject(error);
      return;
    }
    const half = entries.length >> 1;
    await settle(entries.slice(0, half), lane, options);
    await settle(entries.slice(half), lane, options);
    return;
  }
  if (results && results.length !== entries.length) {
    const error = new assert.AssertionError({ message: "a batch gives a result an item" });
    for (const entry of entries) entry.reject(error);
    return;
  }
  entries.forEach((entry, index) => {
    entry.resolve(results?.[index] as Result);
  });
}
