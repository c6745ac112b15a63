/**
 * The embedding thread: turns texts into vectors, keeps them, and finds the nearest.
 *
 *   1. Changes are noted as they come; the newest of a row wins.
 *   2. One loop takes them in, a batch at a time, and lets messages through between batches.
 *   3. A search is answered as soon as its text is embedded, over what has been taken in so far.
 *
 * Nothing here outlives the thread: after a crash the main thread hands everything in again.
 */
import { setImmediate, setTimeout } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import type { Embedder } from "./embedder.ts";
import { createEndpointEmbedder } from "./endpoint-embedder.ts";
import { loadLocalEmbedder } from "./local-embedder.ts";
import type { FromThread, ThreadSettings, ToThread } from "./semantic-messages.ts";
import { VectorTable } from "./vector-table.ts";

const RETRY_MS_FIRST = 1_000;
const RETRY_MS_MAX = 60_000;
/** Vectors of recent searches: the next page, and everybody's favourite question. */
const RECENT_SEARCHES_MAX = 256;

const { endpoint } = workerData as ThreadSettings;
const table = new VectorTable();
const waiting = new Map<number, readonly string[]>();
const recent = new Map<string, Float32Array>();
let lastSequence = 0;
let isTakingIn = false;

const say = (message: FromThread) => parentPort?.postMessage(message);
const embedder = endpoint ? createEndpointEmbedder(endpoint) : await loadLocalEmbedder();
parentPort?.on("message", (message: ToThread) => {
  if (message.kind === "search") {
    void search(message);
    return;
  }
  lastSequence = message.sequence;
  if (message.kind === "upsert") waiting.set(message.row, message.texts);
  if (message.kind === "remove") {
    waiting.delete(message.row);
    table.remove(message.row);
  }
  if (!isTakingIn) void takeInAll();
});
say({ kind: "ready" });

async function search({ id, text, count, isAllowed }: ToThread & { kind: "search" }) {
  try {
    const vector = await vectorOf(text);
    const rows = table.nearest(vector, count, embedder.similarityMin, isAllowed);
    say({ kind: "found", id, rows });
  } catch (error) {
    say({ kind: "failed", id, reason: reasonOf(error) });
  }
}

async function vectorOf(text: string): Promise<Float32Array> {
  const vector = recent.get(text) ?? (await embedder.embed([text]))[0];
  if (!vector) throw new Error("no vector came back");
  recent.delete(text); // Put back at the end: a Map keeps the order of insertion.
  recent.set(text, vector);
  const oldest = recent.keys().next().value;
  if (recent.size > RECENT_SEARCHES_MAX && oldest !== undefined) recent.delete(oldest);
  return vector;
}

async function takeInAll(): Promise<void> {
  isTakingIn = true;
  let retryMs = RETRY_MS_FIRST;
  // After a failure rows go alone, so that one which the embedder refuses holds up no other.
  let rowsMax = embedder.batchMax;
  while (waiting.size > 0) {
    const rows = oldestWaiting(rowsMax);
    try {
      await takeIn(rows, embedder);
      retryMs = RETRY_MS_FIRST;
      rowsMax = embedder.batchMax;
    } catch (error) {
      say({ kind: "stuck", reason: reasonOf(error), retryMs });
      for (const row of rows) moveToEnd(row);
      await setTimeout(retryMs);
      retryMs = Math.min(retryMs * 2, RETRY_MS_MAX);
      rowsMax = 1;
    }
    await setImmediate();
  }
  isTakingIn = false;
  say({ kind: "settled", sequence: lastSequence });
}

async function takeIn(rows: readonly number[], { embed, batchMax }: Embedder): Promise<void> {
  const wanted = rows.map((row) => ({ row, texts: waiting.get(row) ?? [] }));
  const all = new Set(wanted.flatMap(({ texts }) => texts));
  const missing = [...all].filter((text) => !table.has(text));
  const vectors = new Map<string, Float32Array>();
  for (let from = 0; from < missing.length; from += batchMax) {
    const batch = missing.slice(from, from + batchMax);
    for (const [at, vector] of (await embed(batch)).entries()) {
      vectors.set(batch[at] ?? "", vector);
    }
  }
  for (const { row, texts } of wanted) {
    // What changed while its vectors were made stays waiting, as does what lost a vector to a removal.
    const isKnown = texts.every((text) => vectors.has(text) || table.has(text));
    if (waiting.get(row) !== texts || !isKnown) continue;
    table.set(row, texts, vectors);
    waiting.delete(row);
  }
}

function oldestWaiting(count: number): number[] {
  const rows: number[] = [];
  for (const row of waiting.keys()) {
    if (rows.length === count) break;
    rows.push(row);
  }
  return rows;
}

function moveToEnd(row: number): void {
  const texts = waiting.get(row);
  if (!texts) return;
  waiting.delete(row);
  waiting.set(row, texts);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
