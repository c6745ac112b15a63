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
import { type ChildProcess, spawn } from "node:child_process";
import { parseArgs } from "node:util";
import { Pool } from "undici";
import { freePort } from "../packages/server/test/support/free-port.ts";
import { round3 } from "./support/figures.ts";
import { load, type Measured, medianRound } from "./support/load.ts";
import { FRAMES } from "./support/model-frames.ts";
import {
  ask,
  MODEL,
  openModelHall,
  startModelServer,
  startModelUpstream,
} from "./support/model-hall.ts";
import { type BenchServer, type Host, hostsToMeasure, printOutcomes } from "./support/server.ts";

const CALLERS = 64;
const STREAMS = 512;
const ROUNDS = 3;
const WARM_UP_SECONDS = 4;
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

await main();

async function main(): Promise<void> {
  const upstream = await startModelUpstream();
  const portkey = await startPortkey(upstream.port);
  const outcomes = new Map<Host, Awaited<ReturnType<typeof measure>>>();
  try {
    for (const host of await hostsToMeasure(values.host)) {
      console.log(`${host}:`);
      outcomes.set(host, await measure(host, upstream.port, portkey.gateway));
    }
  } finally {
    portkey.stop();
    upstream.stop();
  }
  printOutcomes("gateway", outcomes);
}

async function measure(host: Host, upstreamPort: number, portkey: Gateway) {
  const server = await startModelServer(host);
  try {
    const hall = await openHall(server, upstreamPort);
    const rate = (gateway: Gateway, callers: number, seconds = SECONDS) =>
      load(callers, seconds, async (caller) => void (await gateway.ask(caller, false)));
    await rate(hall.gateway, CALLERS, WARM_UP_SECONDS);
    await rate(portkey, CALLERS, WARM_UP_SECONDS);
    const ours: Measured[] = [];
    const theirs: Measured[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      theirs.push(await rate(portkey, CALLERS));
      ours.push(await rate(hall.gateway, CALLERS));
      console.log(`  round ${round}: ours ${line(ours.at(-1))}, Portkey's ${line(theirs.at(-1))}`);
    }
    const alone = await rate(hall.gateway, 1);
    const theirAlone = await rate(portkey, 1);
    console.log(`  one caller: ours ${line(alone)}, Portkey's ${line(theirAlone)}`);
    const framesLost = await countLost(hall.gateway);
    const settled = await hall.settled();
    const [run, peer] = [medianRound(ours), medianRound(theirs)];
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

/** Ours, and how many were asked of it. */
async function openHall(server: BenchServer, upstreamPort: number) {
  const pool = new Pool(server.localUrl, CONNECTIONS);
  const hall = await openModelHall(server, pool, { upstreamPort, callers: CALLERS });
  let asked = 0;
  const gateway: Gateway = {
    name: "ours",
    ask(caller, isStream) {
      asked += 1;
      const headers = { authorization: `Bearer ${hall.keys[caller % CALLERS]}` };
      return ask(pool, server.localUrl, MODEL, { isStream, headers });
    },
  };
  return {
    gateway,
    async settled() {
      const settled = await hall.requireSettled(asked);
      await pool.close();
      return settled;
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
  const url = `http://127.0.0.1:${port}`;
  const pool = new Pool(url, CONNECTIONS);
  const headers = {
    ...{ "x-portkey-provider": "openai", authorization: "Bearer upstream-key" },
    "x-portkey-custom-host": `http://127.0.0.1:${upstreamPort}/v1`,
  };
  const gateway: Gateway = {
    name: "Portkey's",
    ask: (_caller, isStream) => ask(pool, url, "instant", { isStream, headers }),
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
