/**
 * Searches by intent over many agents, offline: how long one takes, and what an index of them costs.
 * Most of its two minutes go into embedding 5,000 agents.
 *
 *   npm run bench -- search [listings]
 *
 *   1. Synthetic agents: a listing's first sentence with another's capability, all distinct.
 *   2. BM25 alone, while the model is not loaded yet.
 *   3. BM25 and embeddings: each query new, then each query seen before, then sixteen at once.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { createAgentSearcher } from "../packages/server/src/core/agent-search.ts";
import type { AgentDocument } from "../packages/server/src/core/ports.ts";
import { createLog } from "../packages/server/src/lib/log.ts";
import { createAgentIndex } from "../packages/server/src/outbound/search/agent-index.ts";
import { LISTINGS, QUERIES } from "../packages/server/test/search/labelled-set.ts";
import { quantile } from "./support/figures.ts";

const COUNT = Number(process.argv[2] ?? 5_000);
const CALLERS = 16;
const log = createLog("warn");
const index = createAgentIndex({ log, semanticTimeoutMs: 60_000 });
const searcher = createAgentSearcher({ index, reranker: undefined, log });
const wishes = QUERIES.map(({ text }) => text);

const rssBefore = memoryMb();
const upsertMs = await timed(() => {
  for (let number = 0; number < COUNT; number += 1) index.upsert(syntheticAgent(number));
});
// Nothing here waits for anything but itself, so the thread cannot say that it is ready meanwhile.
const bm25 = await latencies(wishes);
console.log(`${COUNT} agents handed in: ${(upsertMs / COUNT).toFixed(3)} ms each`);
report("BM25 alone", bm25);

const settleMs = await timed(() => index.settled());
const rssMb = memoryMb() - rssBefore;
console.log(`embedded: ${(settleMs / COUNT).toFixed(1)} ms an agent, ${rssMb.toFixed(0)} MB`);

const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const fused = await latencies(wishes.map((wish) => `please: ${wish}`));
delay.disable();
report("BM25 and embeddings", fused);
const repeated = await latencies(wishes.map((wish) => `please: ${wish}`));
report("the same again", repeated);
const crowdMs = await timed(() => Promise.all(callers()));
const perSecond = wishes.length / (crowdMs / 1_000);
console.log(`${CALLERS} at once: ${perSecond.toFixed(0)} searches/s`);
await index.close();

console.log(
  JSON.stringify({
    bench: "search",
    ratios: {
      fused_vs_bm25_p50: round(fused.p50 / bm25.p50),
      repeated_vs_fused_p50: round(repeated.p50 / fused.p50),
    },
    figures: {
      listings: COUNT,
      upsert_ms: round(upsertMs / COUNT),
      embed_ms: round(settleMs / COUNT),
      memory_mb: Math.round(rssMb),
      bm25_p50_ms: round(bm25.p50),
      bm25_p99_ms: round(bm25.p99),
      fused_p50_ms: round(fused.p50),
      fused_p99_ms: round(fused.p99),
      repeated_p50_ms: round(repeated.p50),
      repeated_p99_ms: round(repeated.p99),
      loop_delay_p99_ms: round(delay.percentile(99) / 1e6),
      searches_per_second: Math.round(perSecond),
    },
  }),
);

function syntheticAgent(number: number): AgentDocument {
  const base = LISTINGS[number % LISTINGS.length];
  const lap = Math.floor(number / LISTINGS.length);
  const other = LISTINGS[(number + lap + 1) % LISTINGS.length];
  return {
    id: number.toString(16).padStart(24, "0"),
    name: `${base?.name} ${number}`,
    description: `${base?.description.split(". ")[0]}, office ${number}.`,
    capabilities: other?.capabilities.slice(0, 1) ?? [],
  };
}

async function latencies(intents: readonly string[]): Promise<{ p50: number; p99: number }> {
  const taken: number[] = [];
  for (const intent of intents) {
    taken.push(await timed(() => searcher.search({ intent, limit: 10 })));
  }
  taken.sort((a, b) => a - b);
  return { p50: quantile(taken, 0.5), p99: quantile(taken, 0.99) };
}

/** Each takes the next wish as soon as it has its answer. */
function callers(): Promise<void>[] {
  const queue = wishes.map((wish) => `today: ${wish}`).values();
  return Array.from({ length: CALLERS }, async () => {
    for (const intent of queue) await searcher.search({ intent, limit: 10 });
  });
}

async function timed(work: () => unknown): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

function report(name: string, { p50, p99 }: { p50: number; p99: number }): void {
  console.log(`${name}: p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`);
}

function memoryMb(): number {
  return process.memoryUsage().rss / 2 ** 20;
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
