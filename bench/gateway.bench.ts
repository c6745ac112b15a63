/**
 * The model gateway beside Portkey's (npm `@portkey-ai/gateway`): one process each, the same Node, the
 * same upstream on loopback, the same load. Ours checks keys, holds and settles in durable books, under
 * a budget for each key; theirs has none of that to do.
 *
 *   1. Requests per second at 64 at once, with an upstream that answers at once: the median of three
 *      rounds that take turns.
 *   2. The 99th percentile of one caller alone.
 *   3. 512 streams at once through ours, of 64 frames 20 ms apart: each frame is counted. (Portkey's answers
 *      a plain stream of this kind with 500 on this Node.)
 *   4. Every request was held and settled once, and the books are right.
 *
 *   npm run bench -- gateway [--host embedded|postgresql|both] [--seconds 5]
 */

import { type ChildProcess, fork, spawn } from "node:child_process";
import { parseArgs } from "node:util";
import { Pool } from "undici";
import { freePort } from "../packages/server/test/support/free-port.ts";
import { FRAMES } from "./support/model-frames.ts";
import {
  adminOf,
  type BenchServer,
  type Host,
  hostsToMeasure,
  printOutcomes,
  startServer,
} from "./support/server.ts";

const CALLERS = 64;
const STREAMS = 512;
const ROUNDS = 3;
const WARM_UP_SECONDS = 4;
/** What a request costs, in micros: the wallets then count the requests. */
const PRICE_USD = "0.000001";
/** A connection that had nothing to do for a second is closed here, before a server closes it under a request. */
const CONNECTIONS = {
  ...{ connections: STREAMS, pipelining: 1 },
  ...{ keepAliveTimeout: 1_000, keepAliveMaxTimeout: 1_000 },
};
const { values } = parseArgs({
  options: {
    host: { type: "string", default: "both" },
    seconds: { type: "string", default: "5" },
  },
});
const SECONDS = Number(values.seconds);

interface Gateway {
  readonly name: string;
  /** One request of this caller's; gives the answer's text. */
  ask(caller: number, isStream: boolean): Promise<string>;
}
interface Measured {
  readonly perSecond: number;
  readonly p99Ms: number;
}

await main();

async function main(): Promise<void> {
  const upstream = fork("bench/support/model-upstream.ts");
  const port = await new Promise<number>((resolve) => upstream.once("message", resolve as never));
  const portkey = await startPortkey(port);
  const outcomes = new Map<Host, Awaited<ReturnType<typeof measure>>>();
  try {
    for (const host of await hostsToMeasure(values.host)) {
      console.log(`${host}:`);
      outcomes.set(host, await measure(host, port, portkey.gateway));
    }
  } finally {
    portkey.stop();
    upstream.kill();
  }
  printOutcomes("gateway", outcomes);
}

async function measure(host: Host, upstreamPort: number, portkey: Gateway) {
  const server = await startServer(host, {
    GUILDHALL_MODE: "production",
    PUBLIC_URL: "https://gateway.example.org",
    GUILDHALL_SECRET_KEY: "a secret key of forty characters, to measure with",
    GUILDHALL_RATE_LIMITS: "models=0",
  });
  try {
    const hall = await openHall(server, upstreamPort);
    await load(hall.gateway, CALLERS, WARM_UP_SECONDS);
    await load(portkey, CALLERS, WARM_UP_SECONDS);
    const ours: Measured[] = [];
    const theirs: Measured[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      theirs.push(await load(portkey, CALLERS, SECONDS));
      ours.push(await load(hall.gateway, CALLERS, SECONDS));
      console.log(`  round ${round}: ours ${line(ours.at(-1))}, Portkey's ${line(theirs.at(-1))}`);
    }
    const alone = await load(hall.gateway, 1, SECONDS);
    const theirAlone = await load(portkey, 1, SECONDS);
    console.log(`  one caller: ours ${line(alone)}, Portkey's ${line(theirAlone)}`);
    const framesLost = await countLost(hall.gateway);
    const settled = await hall.settled();
    const [run, peer] = [median(ours), median(theirs)];
    return {
      ratios: {
        rps_vs_portkey_c64: round3(run.perSecond / peer.perSecond),
        p99_vs_portkey_c1: round3(alone.p99Ms / theirAlone.p99Ms),
        stream_frames_lost: framesLost,
      },
      figures: {
        requests_per_second: Math.round(run.perSecond),
        portkey_requests_per_second: Math.round(peer.perSecond),
        c64_p99_ms: round3(run.p99Ms),
        c1_p99_ms: round3(alone.p99Ms),
        portkey_c1_p99_ms: round3(theirAlone.p99Ms),
        ...settled,
      },
    };
  } finally {
    await server.stop();
  }
}

/** Members with money and a key each, and one interface with one model. */
async function openHall(server: BenchServer, upstreamPort: number) {
  const pool = new Pool(server.localUrl, CONNECTIONS);
  const admin = adminOf(server, pool);
  const owner = "owner@example.com";
  await admin("POST", "/members", { email: owner });
  await admin("POST", "/upstreams", {
    ...{ email: owner, provider_id: "bench", kind: "openai", key: "upstream-key" },
    url: `http://127.0.0.1:${upstreamPort}/v1`,
    models: [{ model: "bench/instant" }],
  });
  const price = { model: "bench/instant", input_usd: "0", output_usd: "0", request_usd: PRICE_USD };
  await admin("POST", "/prices", price);
  const keys: string[] = [];
  for (let caller = 0; caller < CALLERS; caller++) {
    const email = `caller${caller}@example.com`;
    await admin("POST", "/members", { email });
    await admin("POST", "/credits", { email, usd: "10", reason: "bench" });
    const key = { email, kind: "gld", daily_usd: "5", monthly_usd: "5" };
    keys.push(String((await admin("POST", "/keys", key)).key));
  }
  const ownerKey = String((await admin("POST", "/keys", { email: owner, kind: "gld" })).key);
  let asked = 0;
  const gateway: Gateway = {
    name: "ours",
    async ask(caller, isStream) {
      asked += 1;
      const key = keys[caller % CALLERS];
      return post(pool, "bench/instant", isStream, { authorization: `Bearer ${key}` });
    },
  };
  return {
    gateway,
    /** What the owner was paid is how many were settled; nothing is held; the books are right. */
    async settled() {
      const { body } = await pool.request({
        ...{ method: "GET", path: "/api/guildhall/v1/wallet" },
        headers: { authorization: `Bearer ${ownerKey}` },
      });
      const { posted_micros } = (await body.json()) as { posted_micros: string };
      const verdict = await admin("GET", "/ledger/verify?full=1");
      const status = await admin("GET", "/status");
      const heldMicros = Number(status.holds.held_micros);
      await pool.close();
      if (Number(posted_micros) !== asked) {
        throw new Error(`${asked} requests, but ${posted_micros} were settled`);
      }
      if (heldMicros !== 0) throw new Error(`${heldMicros} micros are held by nothing`);
      if (verdict.ok !== true) throw new Error(`the books: ${JSON.stringify(verdict)}`);
      return {
        requests: asked,
        settlements: Number(posted_micros),
        held_micros: heldMicros,
        books: "ok",
      };
    },
  };
}

async function startPortkey(upstreamPort: number) {
  const port = await freePort();
  const child: ChildProcess = spawn(
    process.execPath,
    ["node_modules/@portkey-ai/gateway/build/start-server.js", "--headless", `--port=${port}`],
    {
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        NODE_ENV: "production",
        TRUSTED_CUSTOM_HOSTS: "127.0.0.1",
      },
      stdio: ["ignore", "ignore", "inherit"],
    },
  );
  const pool = new Pool(`http://127.0.0.1:${port}`, CONNECTIONS);
  const headers = {
    ...{ "x-portkey-provider": "openai", authorization: "Bearer upstream-key" },
    "x-portkey-custom-host": `http://127.0.0.1:${upstreamPort}/v1`,
  };
  const gateway: Gateway = {
    name: "Portkey's",
    ask: (_caller, isStream) => post(pool, "instant", isStream, headers),
  };
  for (let tries = 0; ; tries++) {
    try {
      await gateway.ask(0, false);
      break;
    } catch (error) {
      if (tries === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  const stop = (): void => {
    void pool.close();
    child.kill();
  };
  return { gateway, stop };
}

async function post(
  pool: Pool,
  model: string,
  isStream: boolean,
  headers: Readonly<Record<string, string>>,
): Promise<string> {
  const messages = [{ role: "user", content: "Hello, is it me you are looking for?" }];
  const { statusCode, body } = await pool.request({
    ...{ method: "POST", path: "/v1/chat/completions" },
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ model, messages, ...(isStream && { stream: true }) }),
  });
  const text = await body.text();
  if (statusCode !== 200) throw new Error(`${statusCode}: ${text.slice(0, 300)}`);
  return text;
}

/** Requests from so many callers at once, each the next as soon as it has its answer. */
async function load(gateway: Gateway, callers: number, seconds: number): Promise<Measured> {
  const startedMs = performance.now();
  const untilMs = startedMs + seconds * 1000;
  const ms: number[] = [];
  await Promise.all(
    Array.from({ length: callers }, async (_, caller) => {
      while (performance.now() < untilMs) {
        const askedMs = performance.now();
        await gateway.ask(caller, false);
        ms.push(performance.now() - askedMs);
      }
    }),
  );
  const elapsed = (performance.now() - startedMs) / 1000;
  ms.sort((a, b) => a - b);
  return { perSecond: ms.length / elapsed, p99Ms: ms[Math.floor(ms.length * 0.99)] ?? 0 };
}

/** Frames of 512 streams at once that did not arrive. */
async function countLost(gateway: Gateway): Promise<number> {
  const texts = await Promise.all(
    Array.from({ length: STREAMS }, (_, stream) => gateway.ask(stream, true)),
  );
  const frames = texts.reduce((sum, text) => sum + (text.match(/"frame \d+ "/g)?.length ?? 0), 0);
  console.log(
    `  ${STREAMS} streams through ${gateway.name}: ${frames} of ${STREAMS * FRAMES} frames`,
  );
  return STREAMS * FRAMES - frames;
}

function line(measured: Measured | undefined): string {
  return `${Math.round(measured?.perSecond ?? 0)}/s (p99 ${measured?.p99Ms.toFixed(1)} ms)`;
}

function median(measured: readonly Measured[]): Measured {
  const sorted = [...measured].sort((a, b) => a.perSecond - b.perSecond);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (!middle) throw new Error("nothing was measured");
  return middle;
}

function round3(value: number): number {
  return Math.round(value * 1000) / 1000;
}
