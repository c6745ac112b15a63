/**
 * A flood of keys that are none, 2,000 a second, and somebody who pays meanwhile: a caller who asks a
 * model four at a time, through durable books.
 *
 *   1. Rounds take turns: the caller alone, then beside a flood of keys of the right shape that nobody
 *      has, then beside one of malformed keys. What is left of the caller's requests per second is the
 *      median of the rounds' ratios.
 *   2. What the keys cost is read from the server's own metrics: queries for keys that nobody has, and
 *      hashes and queries for malformed ones.
 *   3. The caller was charged for each answer and for nothing else.
 *
 * A flood comes from the same machine, so it also takes processor time from the caller and the database.
 *
 *   npm run bench -- keys [--host embedded|postgresql|both] [--seconds 5] [--rounds 5]
 */
import { type ChildProcess, fork } from "node:child_process";
import { parseArgs } from "node:util";
import { Pool } from "undici";
import type { Flooded, FloodKind, FloodOrder } from "./support/key-flood.ts";
import {
  adminOf,
  type BenchServer,
  type Host,
  hostsToMeasure,
  printOutcomes,
  startServer,
} from "./support/server.ts";

const CALLERS = 4;
const KEYS_PER_SECOND = 2_000;
const WARM_UP_SECONDS = 4;
/** What a request costs, in micros: the wallet then counts the requests. */
const PRICE_USD = "0.000001";
const { values } = parseArgs({
  options: {
    host: { type: "string", default: "both" },
    seconds: { type: "string", default: "5" },
    rounds: { type: "string", default: "5" },
  },
});
const SECONDS = Number(values.seconds);
const ROUNDS = Number(values.rounds);

/** What was done about keys, by the server's own count. */
type Steps = Readonly<Record<"malformed" | "hash" | "query" | "unknown", number>>;

await main();

async function main(): Promise<void> {
  const upstream = fork("bench/support/model-upstream.ts");
  const port = await new Promise<number>((resolve) => upstream.once("message", resolve as never));
  const flood = fork("bench/support/key-flood.ts");
  const outcomes = new Map<Host, Awaited<ReturnType<typeof measure>>>();
  try {
    for (const host of await hostsToMeasure(values.host)) {
      console.log(`${host}:`);
      outcomes.set(host, await measure(host, port, flood));
    }
  } finally {
    flood.kill();
    upstream.kill();
  }
  printOutcomes("keys", outcomes);
}

async function measure(host: Host, upstreamPort: number, flood: ChildProcess) {
  const server = await startServer(host, {
    GUILDHALL_MODE: "production",
    PUBLIC_URL: "https://gateway.example.org",
    GUILDHALL_SECRET_KEY: "a secret key of forty characters, to measure with",
    GUILDHALL_RATE_LIMITS: "models=0",
  });
  try {
    const payer = await openPayer(server, upstreamPort);
    await payer.perSecond(WARM_UP_SECONDS);
    await payer.beside(flood, server, "unknown", WARM_UP_SECONDS);
    const rounds: { alone: number; unknown: Beside; malformed: Beside }[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      const alone = await payer.perSecond(SECONDS);
      const unknown = await payer.beside(flood, server, "unknown", SECONDS);
      const malformed = await payer.beside(flood, server, "malformed", SECONDS);
      rounds.push({ alone, unknown, malformed });
      console.log(
        `  round ${round}: ${Math.round(alone)}/s alone, ${line(unknown)}, ${line(malformed)}`,
      );
    }
    const requests = await payer.requireSettled();
    return { ratios: ratiosOf(rounds), figures: { ...figuresOf(rounds), requests } };
  } finally {
    await server.stop();
  }
}

interface Beside {
  readonly kind: FloodKind;
  readonly perSecond: number;
  readonly keysPerSecond: number;
  readonly keys: number;
  /** What was done about keys while the flood lasted, the caller's own among them. */
  readonly steps: Steps;
  /** Requests of the caller's in that time. */
  readonly requests: number;
}

function ratiosOf(rounds: readonly { alone: number; unknown: Beside; malformed: Beside }[]) {
  const sum = (kind: FloodKind, count: (beside: Beside) => number) =>
    rounds.reduce((total, round) => total + count(round[kind]), 0);
  return {
    paying_rate_beside_unknown_keys: round3(
      median(rounds.map(({ alone, unknown }) => unknown.perSecond / alone)),
    ),
    paying_rate_beside_malformed_keys: round3(
      median(rounds.map(({ alone, malformed }) => malformed.perSecond / alone)),
    ),
    queries_per_unknown_key: round3(
      sum("unknown", ({ steps }) => steps.query) / sum("unknown", ({ keys }) => keys),
    ),
    // Each of the caller's own requests is two: whether it is known, and who it is.
    hashes_per_malformed_key: round3(
      sum("malformed", ({ steps, requests }) => steps.hash - 2 * requests) /
        sum("malformed", ({ keys }) => keys),
    ),
  };
}

function figuresOf(rounds: readonly { alone: number; unknown: Beside; malformed: Beside }[]) {
  const of = (pick: (round: (typeof rounds)[number]) => number) =>
    Math.round(median(rounds.map(pick)));
  const total = (pick: (round: (typeof rounds)[number]) => number) =>
    rounds.reduce((sum, round) => sum + pick(round), 0);
  return {
    alone_per_second: of(({ alone }) => alone),
    beside_unknown_per_second: of(({ unknown }) => unknown.perSecond),
    beside_malformed_per_second: of(({ malformed }) => malformed.perSecond),
    unknown_keys: total(({ unknown }) => unknown.keys),
    unknown_keys_per_second: of(({ unknown }) => unknown.keysPerSecond),
    queries_for_unknown_keys: total(({ unknown }) => unknown.steps.query),
    malformed_keys: total(({ malformed }) => malformed.keys),
    malformed_keys_per_second: of(({ malformed }) => malformed.keysPerSecond),
    queries_beside_malformed_keys: total(({ malformed }) => malformed.steps.query),
  };
}

async function openPayer(server: BenchServer, upstreamPort: number) {
  const pool = new Pool(server.localUrl, { connections: CALLERS + 1, pipelining: 1 });
  const admin = adminOf(server, pool);
  const [owner, email] = ["owner@example.com", "payer@example.com"];
  for (const each of [owner, email]) await admin("POST", "/members", { email: each });
  await admin("POST", "/upstreams", {
    ...{ email: owner, provider_id: "bench", kind: "openai", key: "upstream-key" },
    url: `http://127.0.0.1:${upstreamPort}/v1`,
    models: [{ model: "bench/instant" }],
  });
  const price = { model: "bench/instant", input_usd: "0", output_usd: "0", request_usd: PRICE_USD };
  await admin("POST", "/prices", price);
  await admin("POST", "/credits", { email, usd: "10", reason: "bench" });
  const { key } = await admin("POST", "/keys", { email, kind: "gld", daily_usd: "5" });
  const { key: ownerKey } = await admin("POST", "/keys", { email: owner, kind: "gld" });
  let answered = 0;

  async function ask(): Promise<void> {
    const messages = [{ role: "user", content: "Hello, is it me you are looking for?" }];
    const { statusCode, body } = await pool.request({
      ...{ method: "POST", path: "/v1/chat/completions" },
      headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
      body: JSON.stringify({ model: "bench/instant", messages }),
    });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`${statusCode}: ${text.slice(0, 300)}`);
    answered += 1;
  }

  async function perSecond(seconds: number): Promise<number> {
    const [startedMs, before] = [performance.now(), answered];
    const untilMs = startedMs + seconds * 1000;
    const loop = async () => {
      while (performance.now() < untilMs) await ask();
    };
    await Promise.all(Array.from({ length: CALLERS }, loop));
    return ((answered - before) * 1000) / (performance.now() - startedMs);
  }

  return {
    perSecond,
    async beside(
      flood: ChildProcess,
      { localUrl }: BenchServer,
      kind: FloodKind,
      seconds: number,
    ): Promise<Beside> {
      const count = KEYS_PER_SECOND * seconds;
      const port = Number(new URL(localUrl).port);
      const order: FloodOrder = { port, kind, count, perSecond: KEYS_PER_SECOND };
      const begun = new Promise((resolve) => flood.once("message", resolve));
      flood.send(order);
      await begun;
      const [before, answeredBefore] = [await stepsOf(pool), answered];
      const flooding = new Promise<Flooded>((resolve) => flood.once("message", resolve as never));
      const rate = await perSecond(seconds);
      const { others, seconds: took } = await flooding;
      const after = await stepsOf(pool);
      if (others > 0) throw new Error(`${others} of ${count} keys were not refused with 401`);
      const names = Object.keys(after) as (keyof Steps)[];
      const steps = Object.fromEntries(names.map((name) => [name, after[name] - before[name]]));
      return {
        ...{ kind, perSecond: rate, keys: count, keysPerSecond: count / took },
        steps: steps as Steps,
        requests: answered - answeredBefore,
      };
    },
    /** What the owner was paid is how many were answered; nothing is held; the books are right. */
    async requireSettled(): Promise<number> {
      // Settlements follow their answers, by some milliseconds.
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      const { body } = await pool.request({
        ...{ method: "GET", path: "/api/guildhall/v1/wallet" },
        headers: { authorization: `Bearer ${ownerKey}` },
      });
      const { posted_micros } = (await body.json()) as { posted_micros: string };
      const verdict = await admin("GET", "/ledger/verify?full=1");
      const status = await admin("GET", "/status");
      await pool.close();
      if (Number(posted_micros) !== answered || status.holds.held_micros !== "0") {
        throw new Error(`${answered} answers, but ${posted_micros} were settled`);
      }
      if (verdict.ok !== true) throw new Error(`the books: ${JSON.stringify(verdict)}`);
      return answered;
    },
  };
}

async function stepsOf(pool: Pool): Promise<Steps> {
  const { body } = await pool.request({ method: "GET", path: "/metrics" });
  const page = await body.text();
  const of = (step: string) =>
    Number(
      new RegExp(`^guildhall_keys_total\\{step="${step}"\\} (\\d+)$`, "m").exec(page)?.[1] ?? 0,
    );
  return {
    malformed: of("malformed"),
    hash: of("hash"),
    query: of("query"),
    unknown: of("unknown"),
  };
}

function line({ kind, perSecond, keysPerSecond, steps }: Beside): string {
  const keys = `${Math.round(keysPerSecond)} ${kind} keys/s`;
  return `${Math.round(perSecond)}/s beside ${keys} (${steps.query} queries)`;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function round3(value: number): number {
  return Math.round(value * 1000) / 1000;
}
