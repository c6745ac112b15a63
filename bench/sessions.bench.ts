/**
 * 2,000 sessions of 200 requesters over 200 providers' connections on one server, and one message a
 * second each way in each of them, for a minute. A requester sends a message when it is due, or when the
 * one before it is acknowledged, should that be later; its provider answers at once.
 *
 * Nothing may be lost or out of order: afterwards every log is read and every session is paid for, message
 * by message. `carried_vs_due` is how much of what was due in that time was said and answered in it.
 *
 *   npm run bench -- sessions [--host embedded|postgresql|both] [--seconds 60]
 */
import { execFileSync, fork } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Pool } from "undici";
import { quantile, round3 } from "./support/figures.ts";
import { type BenchServer, type Host, hostsToMeasure, startServer } from "./support/server.ts";
import {
  type ProviderAccount,
  type ProvidersAsked,
  type ProvidersReport,
  sharedMs,
} from "./support/session-providers.ts";

const { values } = parseArgs({
  options: {
    host: { type: "string", default: "both" },
    seconds: { type: "string", default: "60" },
    sessions: { type: "string", default: "2000" },
    requesters: { type: "string", default: "200" },
    providers: { type: "string", default: "200" },
  },
});
const SECONDS = Number(values.seconds);
const SESSIONS = Number(values.sessions);
const REQUESTERS = Number(values.requesters);
const PROVIDERS = Number(values.providers);
/** Connections that requesters share, as behind a proxy. */
const HTTP_CONNECTIONS = 128;
const AT_ONCE = 32;
const SETTLE_MS = 3_000;
const ANSWERED_MS_MAX = 120_000;

interface Session {
  readonly id: string;
  readonly key: string;
  /** When its messages are due, beside the others. */
  readonly phaseMs: number;
}

interface Outcome {
  readonly carried: number;
  readonly figures: Readonly<Record<string, number | string>>;
}

await main();

async function main(): Promise<void> {
  const measured = new Map<Host, Outcome>();
  for (const host of await hostsToMeasure(values.host)) {
    console.log(`${host}:`);
    measured.set(host, await measure(host));
  }
  const carriedOn = (host: Host) => measured.get(host)?.carried ?? null;
  const figures = [...measured].flatMap(([host, outcome]) =>
    Object.entries(outcome.figures).map(([name, value]) => [`${host}_${name}`, value]),
  );
  const ratios = {
    carried_vs_due: carriedOn("postgresql") ?? carriedOn("embedded"),
    postgresql_carried_vs_due: carriedOn("postgresql"),
    embedded_carried_vs_due: carriedOn("embedded"),
  };
  console.log(JSON.stringify({ bench: "sessions", ratios, figures: Object.fromEntries(figures) }));
}

async function measure(host: Host): Promise<Outcome> {
  const server = await startServer(host, {
    GUILDHALL_RATE_LIMITS: "sessions=0,messages=0,events=0",
  });
  const providers = fork("bench/support/session-providers.ts");
  try {
    const market = openMarket(server);
    const { accounts, keys } = await market.people();
    await delay(SETTLE_MS);
    const beforeBytes = await server.memoryBytes();
    await ask(providers, { kind: "connect", url: server.url, accounts });
    await delay(SETTLE_MS);
    const connectionKb = ((await server.memoryBytes()) - beforeBytes) / PROVIDERS / 1_024;
    console.log(`  ${PROVIDERS} idle connections: ${connectionKb.toFixed(1)} KB each`);
    const sessions = await market.hire(accounts, keys);
    const cpuBefore = cpuSeconds(server.pid);
    const load = await converse(market, sessions);
    const cpu = (cpuSeconds(server.pid) - cpuBefore) / load.seconds;
    const report = (await ask(providers, { kind: "report" })) as ProvidersReport;
    await market.verify(sessions, load.sent);
    if (report.heard !== load.sent) throw new Error(`${load.sent} sent, ${report.heard} heard`);
    if (report.outOfOrder > 0) throw new Error(`${report.outOfOrder} came out of order`);
    await market.close();
    const figures = {
      messages: load.sent,
      answered_in_time: load.answeredInTime,
      p50_ms: round3(quantile(report.sentMs, 0.5)),
      p99_ms: round3(quantile(report.sentMs, 0.99)),
      p99_since_due_ms: round3(quantile(report.dueMs, 0.99)),
      idle_connection_kb: Math.round(connectionKb * 10) / 10,
      server_cores: Math.round(cpu * 100) / 100,
      ...{ lost: 0, out_of_order: 0, books: "ok" },
    };
    console.log(`  ${JSON.stringify(figures)}`);
    return { carried: round3(load.answeredInTime / (SESSIONS * SECONDS)), figures };
  } finally {
    providers.kill();
    await server.stop();
  }
}

/** Sends what is due in every session; then waits until all of it is answered. */
async function converse(market: Market, sessions: readonly Session[]) {
  const startsMs = sharedMs() + 1_000;
  let sent = 0;
  const talk = async ({ id, key, phaseMs }: Session): Promise<void> => {
    for (let seq = 1; seq <= SECONDS; seq++) {
      const due = startsMs + phaseMs + (seq - 1) * 1_000;
      const earlyMs = due - sharedMs();
      if (earlyMs > 1) await delay(earlyMs);
      const now = sharedMs();
      // What could not be sent in time is not sent after it: then the server did not keep up.
      if (now > startsMs + (SECONDS + 1) * 1_000) return;
      await market.say(key, id, seq, { sent: now, due });
      sent += 1;
    }
  };
  const talking = Promise.all(sessions.map(talk));
  const ends = startsMs + (SECONDS + 1) * 1_000;
  const counting = delay(ends - sharedMs()).then(() => market.answered());
  await talking;
  const answeredInTime = await counting;
  const giveUpMs = sharedMs() + ANSWERED_MS_MAX;
  while ((await market.answered()) < sent) {
    if (sharedMs() > giveUpMs) throw new Error(`${await market.answered()} of ${sent} answered`);
    await delay(500);
  }
  return { sent, answeredInTime, seconds: (sharedMs() - startsMs) / 1_000 };
}

type Market = ReturnType<typeof openMarket>;

function openMarket({ url, operatorKey }: BenchServer) {
  const pool = new Pool(url, { connections: HTTP_CONNECTIONS });
  const requesters: string[] = [];
  const call = async (key: string, method: "GET" | "POST", path: string, body?: object) => {
    const { statusCode, body: answer } = await pool.request({
      ...{ method, path },
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      ...(body && { body: JSON.stringify(body) }),
    });
    // biome-ignore lint/suspicious/noExplicitAny: an answer is whatever JSON is looked into.
    const json = (await answer.json()) as any;
    if (statusCode >= 300) throw new Error(`${path}: ${statusCode} ${JSON.stringify(json)}`);
    return json;
  };
  const admin = (path: string, body: object) =>
    call(operatorKey, "POST", `/api/guildhall/v1/admin${path}`, body);
  const keyOf = async (email: string): Promise<string> => {
    await admin("/members", { email });
    return String((await admin("/keys", { email, kind: "lc" })).key);
  };
  return {
    async people() {
      const accounts: ProviderAccount[] = [];
      await inTurns(PROVIDERS, async (index) => {
        const key = await keyOf(`provider-${index}@example.com`);
        const curve = [{ tier_name: "one", cost_shape: "per_message", cost_amount: 1 }];
        const { agent_id } = await call(key, "POST", "/api/v1/agents", {
          ...{ slug: `provider-${index}`, agent_name: `Provider ${index}` },
          ...{ description: "Answers at once.", capabilities: ["chat"] },
          capabilities_meta: { chat: { description: "Answers at once.", curve } },
        });
        accounts[index] = { key, agentId: String(agent_id) };
      });
      await inTurns(REQUESTERS, async (index) => {
        requesters[index] = await keyOf(`requester-${index}@example.com`);
      });
      return { accounts, keys: requesters };
    },
    async hire(accounts: readonly ProviderAccount[], keys: readonly string[]): Promise<Session[]> {
      const sessions: Session[] = [];
      await inTurns(SESSIONS, async (index) => {
        const key = keys[index % REQUESTERS] ?? "";
        const agentId = accounts[Math.floor(index / REQUESTERS + index) % PROVIDERS]?.agentId;
        const request = { agent_id: agentId, capability: "chat", max_messages: SECONDS + 1 };
        const { session_id: id } = await call(key, "POST", "/api/v1/sessions", request);
        await call(key, "POST", `/api/v1/sessions/${id}/activate`, {});
        sessions[index] = { id, key, phaseMs: (index / SESSIONS) * 1_000 };
      });
      return sessions;
    },
    async say(key: string, id: string, seq: number, payload: object): Promise<void> {
      const said = await call(key, "POST", `/api/v1/sessions/${id}/messages`, { seq, payload });
      if (!said.accepted || said.seq !== seq) throw new Error(`${id} ${seq} was not accepted`);
    },
    /** Turns that are answered, over all sessions. */
    async answered(): Promise<number> {
      const counts = await Promise.all(
        requesters.map(async (key) => {
          const { sessions } = await call(key, "GET", "/api/v1/sessions?limit=200");
          const answered = sessions as readonly { messages_answered: number }[];
          return answered.reduce((sum, { messages_answered: count }) => sum + count, 0);
        }),
      );
      return counts.reduce((sum, count) => sum + count, 0);
    },
    /** Every log is whole and in order, every session costs what it answered, and the books verify. */
    async verify(sessions: readonly Session[], sent: number): Promise<void> {
      let paid = 0;
      await inTurns(sessions.length, async (index) => {
        const { id, key } = sessions[index] as Session;
        const { events } = await call(key, "GET", `/api/v1/sessions/${id}/events?limit=200`);
        requireWhole(id, events);
        const { settlement } = await call(key, "POST", `/api/v1/sessions/${id}/end`, {});
        paid += settlement.settled_credits;
      });
      if (paid !== sent) throw new Error(`${sent} messages, but ${paid} credits were paid`);
      const path = "/api/guildhall/v1/admin/ledger/verify";
      const verdict = await call(operatorKey, "GET", path);
      if (verdict.ok !== true) throw new Error(`the books: ${JSON.stringify(verdict)}`);
    },
    close: () => pool.close(),
  };
}

interface LoggedEvent {
  readonly offset: number;
  readonly from: string;
  readonly seq: number | null;
}

function requireWhole(id: string, events: readonly LoggedEvent[]): void {
  if (events.some(({ offset }, index) => offset !== index)) throw new Error(`${id}: a gap`);
  const said = (who: string) => events.filter(({ from }) => from === who).map(({ seq }) => seq);
  for (const who of ["requester", "provider"]) {
    if (said(who).some((seq, index) => seq !== index + 1)) throw new Error(`${id}: ${who}'s order`);
  }
  if (said("requester").length !== said("provider").length) throw new Error(`${id}: not answered`);
}

/** Does many things, a few at once. */
async function inTurns(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

function ask(child: ReturnType<typeof fork>, asked: ProvidersAsked): Promise<unknown> {
  return new Promise((resolve) => {
    child.once("message", resolve);
    child.send(asked);
  });
}

/** Processor time of the server's process; that of PostgreSQL is not in it. */
function cpuSeconds(pid: number): number {
  const text = execFileSync("ps", ["-o", "cputime=", "-p", String(pid)])
    .toString()
    .trim();
  return text.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}
