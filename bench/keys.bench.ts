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
import { median, round3 } from "./support/figures.ts";
import type { Flooded, FloodKind, FloodOrder } from "./support/key-flood.ts";
import { load } from "./support/load.ts";
import {
  ask,
  MODEL,
  openModelHall,
  startModelServer,
  startModelUpstream,
} from "./support/model-hall.ts";
import { type BenchServer, type Host, hostsToMeasure, printOutcomes } from "./support/server.ts";

const CALLERS = 4;
const KEYS_PER_SECOND = 2_000;
const WARM_UP_SECONDS = 4;
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
  const upstream = await startModelUpstream();
  const flood = fork("bench/support/key-flood.ts");
  const outcomes = new Map<Host, Awaited<ReturnType<typeof measure>>>();
  try {
    for (const host of await hostsToMeasure(values.host)) {
      console.log(`${host}:`);
      outcomes.set(host, await measure(host, upstream.port, flood));
    }
  } finally {
    flood.kill();
    upstream.stop();
  }
  printOutcomes("keys", outcomes);
}

async function measure(host: Host, upstreamPort: number, flood: ChildProcess) {
  const server = await startModelServer(host);
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
  const hall = await openModelHall(server, pool, { upstreamPort, callers: 1 });
  const headers = { authorization: `Bearer ${hall.keys[0]}` };
  let answered = 0;

  async function perSecond(seconds: number): Promise<number> {
    const measured = await load(CALLERS, seconds, async () => {
      await ask(pool, server.localUrl, MODEL, { headers });
    });
    answered += measured.count;
    return measured.perSecond;
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
    async requireSettled(): Promise<number> {
      await hall.requireSettled(answered);
      await pool.close();
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
