/**
 * A priced capability whose provider answers at once: 64 requesters with 64 keys, through HTTP and the
 * provider's socket, beside a bare echo through the same HTTP server and socket library.
 *
 * The echo does nothing but carry: HTTP request, WebSocket frame out, frame back, HTTP response. What
 * lies between the two is the price of money: keys, holds, budgets, books, everything on the disk.
 *
 * `invoke_vs_ws_echo` is the ratio on PostgreSQL, where there is one, and else that of the embedded
 * database; each host's own ratio stands beside it.
 *
 *   npm run bench -- invoke [--host embedded|postgresql|both] [--seconds 5]
 */
import { fork } from "node:child_process";
import { parseArgs } from "node:util";
import { connectProvider } from "@guildhall/sdk";
import { Pool } from "undici";
import { round3 } from "./support/figures.ts";
import { load, type Measured, medianRound } from "./support/load.ts";
import { type BenchServer, type Host, hostsToMeasure, startServer } from "./support/server.ts";

interface Outcome {
  readonly ratio: number;
  readonly figures: Readonly<Record<string, number | string>>;
}

const CALLERS = 64;
const ROUNDS = 3;
/** Both ends compile what they do often; a server that has just started is not what is measured. */
const WARM_UP_SECONDS = 4;
const { values } = parseArgs({
  options: {
    host: { type: "string", default: "both" },
    seconds: { type: "string", default: "5" },
  },
});
const SECONDS = Number(values.seconds);

await main();

async function main(): Promise<void> {
  const measured = new Map<Host, Outcome>();
  for (const host of await hostsToMeasure(values.host)) {
    console.log(`${host}:`);
    measured.set(host, await measure(host));
  }
  const ratioOf = (host: Host) => measured.get(host)?.ratio ?? null;
  const figures = [...measured].flatMap(([host, { figures }]) =>
    Object.entries(figures).map(([name, value]) => [`${host}_${name}`, value]),
  );
  console.log(
    JSON.stringify({
      bench: "invoke",
      ratios: {
        invoke_vs_ws_echo: ratioOf("postgresql") ?? ratioOf("embedded"),
        postgresql_invoke_vs_ws_echo: ratioOf("postgresql"),
        embedded_invoke_vs_ws_echo: ratioOf("embedded"),
      },
      figures: Object.fromEntries(figures),
    }),
  );
}

async function measure(host: Host): Promise<Outcome> {
  const server = await startServer(host, { GUILDHALL_RATE_LIMITS: "invoke=0" });
  const echo = await startEcho();
  try {
    const market = await openMarket(server);
    let calls = (await load(CALLERS, WARM_UP_SECONDS, market.call)).count;
    await load(CALLERS, WARM_UP_SECONDS, echo.call);
    const runs: Measured[] = [];
    const echoes: Measured[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      echoes.push(await load(CALLERS, SECONDS, echo.call));
      const before = await market.steps();
      runs.push(await load(CALLERS, SECONDS, market.call));
      calls += runs.at(-1)?.count ?? 0;
      print(round, runs.at(-1), echoes.at(-1));
      printSteps(before, await market.steps());
    }
    const receipts = await market.receiptsMatch();
    const run = medianRound(runs);
    const bare = medianRound(echoes);
    await market.close();
    return {
      ratio: round3(run.perSecond / bare.perSecond),
      figures: {
        runs_per_second: Math.round(run.perSecond),
        echoes_per_second: Math.round(bare.perSecond),
        p50_ms: round3(run.p50Ms),
        p99_ms: round3(run.p99Ms),
        runs: calls,
        ...receipts,
      },
    };
  } finally {
    await server.stop();
    echo.stop();
  }
}

async function openMarket({ url, operatorKey }: BenchServer) {
  const pool = new Pool(url, { connections: CALLERS });
  const ask = async (key: string, method: "GET" | "POST", path: string, body?: object) => {
    const { statusCode, body: answer } = await pool.request({
      method,
      path,
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      ...(body && { body: JSON.stringify(body) }),
    });
    const json = (await answer.json()) as Record<string, never>;
    if (statusCode >= 300) throw new Error(`${path}: ${statusCode} ${JSON.stringify(json)}`);
    return json;
  };
  const admin = (path: string, body: object) =>
    ask(operatorKey, "POST", `/api/guildhall/v1/admin${path}`, body);
  const keyOf = async (email: string) => {
    await admin("/members", { email });
    return String((await admin("/keys", { email, kind: "lc" })).key);
  };
  const seller = await keyOf("seller@example.com");
  const curve = [{ tier_name: "standard", cost_shape: "per_call", cost_amount: 1 }];
  const listing = await ask(seller, "POST", "/api/v1/agents", {
    slug: "bench",
    agent_name: "Bench",
    description: "Answers at once.",
    capabilities: ["echo"],
    capabilities_meta: { echo: { description: "Answers at once.", curve } },
  });
  const agentId = String(listing.agent_id);
  const provider = await online({ url, key: seller, agentId });
  const keys: string[] = [];
  for (let caller = 0; caller < CALLERS; caller++) keys.push(await keyOf(`c${caller}@example.com`));
  let counter = 0;
  return {
    async call(caller: number) {
      counter += 1;
      const input = { text: `hello ${counter}` };
      const manifest = { intention: "bench" };
      const body = { agent_id: agentId, capability: "echo", input, manifest };
      await ask(keys[caller] ?? "", "POST", "/api/v1/invoke", body);
    },
    async steps() {
      const { body } = await pool.request({ method: "GET", path: "/metrics" });
      return stepsOf(await body.text());
    },
    /** Each run was paid once: what the seller has more than it began with is what it was paid. */
    async receiptsMatch() {
      const credits = await ask(seller, "GET", "/api/v1/credits");
      const paid = Number(credits.available) - 1_000_000;
      if (paid !== counter) throw new Error(`${counter} runs, but ${paid} payments`);
      const verdict = await ask(operatorKey, "GET", "/api/guildhall/v1/admin/ledger/verify");
      if (verdict.ok !== true) throw new Error(`the books: ${JSON.stringify(verdict)}`);
      return { payments: paid, books: "ok" };
    },
    async close() {
      await provider.stop({ drainMs: 0 });
      await pool.close();
    },
  };
}

function online(options: { url: string; key: string; agentId: string }) {
  return new Promise<ReturnType<typeof connectProvider>>((resolve) => {
    const connection = connectProvider({
      ...options,
      concurrency: 1_024,
      handlers: { run: (input) => ({ output: input }) },
      onState: (state) => state.kind === "online" && resolve(connection),
    });
  });
}

/** Seconds spent and runs counted, by step, from the metrics page. */
function stepsOf(text: string): Map<string, number> {
  const pattern = /^guildhall_run_step_seconds_sum\{step="(\w+)"\} ([\d.e+-]+)$/gm;
  return new Map([...text.matchAll(pattern)].map(([, step = "", sum]) => [step, Number(sum)]));
}

function printSteps(before: Map<string, number>, after: Map<string, number>): void {
  const spent = [...after].map(([step, sum]) => [step, sum - (before.get(step) ?? 0)] as const);
  const total = spent.reduce((sum, [, seconds]) => sum + seconds, 0);
  const shares = spent.map(
    ([step, seconds]) => `${step} ${((seconds / total) * 100).toFixed(0)} %`,
  );
  console.log(`  time in each step: ${shares.join(", ")}`);
}

function print(round: number, run: Measured | undefined, echo: Measured | undefined): void {
  const line = (measured: Measured | undefined) =>
    `${Math.round(measured?.perSecond ?? 0)}/s (p50 ${measured?.p50Ms.toFixed(1)}, p99 ${measured?.p99Ms.toFixed(1)} ms)`;
  console.log(`round ${round}: runs ${line(run)}, echo ${line(echo)}`);
}

async function startEcho() {
  const child = fork("bench/support/echo-server.ts", {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const port = await new Promise<number>((resolve) => child.once("message", resolve as never));
  const peer = fork("bench/support/echo-peer.ts", [String(port)]);
  await new Promise((resolve) => peer.once("message", resolve));
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: CALLERS });
  return {
    async call() {
      const { body } = await pool.request({
        method: "POST",
        path: "/echo",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ text: "hello" }),
      });
      await body.json();
    },
    stop() {
      void pool.close();
      peer.kill();
      child.kill();
    },
  };
}
