/**
 * The session engine over a real database and ledger, in this process and with a clock that is held: for
 * races that are run hundreds of times, and for what time alone does. Its provider is a function; what it
 * says arrives as if by a connection.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createBooks } from "../../src/core/books.ts";
import { createLedger } from "../../src/core/ledger.ts";
import type { LinkIdentity, SessionTelling } from "../../src/core/ports.ts";
import { createSessionEngine, type SessionEngine } from "../../src/core/session-engine.ts";
import type { OpenSession } from "../../src/core/session-opening.ts";
import { HOUSE_ACCOUNTS } from "../../src/domain/account.ts";
import { NO_LIMITS } from "../../src/domain/budget.ts";
import type { Caller } from "../../src/domain/caller.ts";
import type { Price } from "../../src/domain/price.ts";
import { createLog } from "../../src/lib/log.ts";
import { newId, systemRandom } from "../../src/lib/random.ts";
import { LocalBus } from "../../src/outbound/bus/local.ts";
import { insertAgent } from "../../src/store/agent.ts";
import type { Database } from "../../src/store/database.ts";
import { findAvailableMicros } from "../../src/store/ledger.ts";
import { endLink, hasLinkEnded, openLink } from "../../src/store/link.ts";
import type { SessionView } from "../../src/store/session-rows.ts";
import { HeldClock } from "../support/clock.ts";
import { DATABASE_HOSTS, isSkipped, openTestDatabase } from "../support/database.ts";

export const FUNDS_MICROS = 1_000_000_000n;
const PROCESS_ID = "world";

/** What the provider does by itself; a test may change it as it goes. */
export interface Habits {
  accepts: boolean;
  replies: boolean;
  quotes: { readonly amountMicros: bigint; readonly ceilingMicros: bigint } | undefined;
  bills: bigint | undefined;
}

export interface World {
  readonly clock: HeldClock;
  readonly engine: SessionEngine;
  readonly requester: Caller;
  readonly provider: Caller;
  readonly agentId: string;
  readonly habits: Habits;
  /** What the provider was told, oldest first. */
  readonly told: SessionTelling[];
  /** Opens a session; what is not given is usual. */
  open(rest?: Partial<OpenSession>): Promise<SessionView>;
  /** Opens one and has it taken; its id. */
  hire(rest?: Partial<OpenSession>): Promise<string>;
  send(id: string, seq: number): Promise<unknown>;
  /** The final reply to a turn, as the provider's connection brings it. */
  reply(id: string, turn: number): Promise<"ok" | "late">;
  view(id: string): Promise<SessionView>;
  /** Waits until so many turns are answered. */
  answered(id: string, turns: number): Promise<void>;
  connect(): Promise<void>;
  /** The provider's connection is no more: it said goodbye, or was not seen for too long. */
  disconnect(how: "shutdown" | "missed"): Promise<void>;
  availableMicros(caller: Caller): Promise<bigint>;
  heldMicros(caller: Caller): Promise<bigint>;
  /** The provider's connection. */
  link(): LinkIdentity;
  /** As if nobody had told the session's log of its end. */
  forgetEnd(id: string): Promise<void>;
  /** Moves the clock, and does what is due then. */
  pass(ms: number): Promise<void>;
  /** The kinds of events in a session's log. */
  kinds(id: string): Promise<readonly string[]>;
  verify(): Promise<void>;
}

export interface WorldOptions {
  readonly price: Price;
  readonly idleMs?: number;
  readonly habits?: Partial<Habits>;
}

/**
 * Registers one test a host, with a part for each story. They share a database, not a world: opening one
 * takes longer than most stories.
 */
export function onEachHostInTurn(
  name: string,
  stories: Readonly<Record<string, (t: TestContext, database: Database) => Promise<void>>>,
): void {
  for (const host of DATABASE_HOSTS) {
    test(`${name} (${host})`, { timeout: 1_800_000 }, async (t) => {
      if (await isSkipped(t, host)) return;
      const database = await openTestDatabase(t, host);
      for (const [story, work] of Object.entries(stories)) {
        await t.test(story, (inner) => work(inner, database));
      }
    });
  }
}

export async function openWorld(
  t: TestContext,
  database: Database,
  { price, idleMs = 86_400_000, habits: own = {} }: WorldOptions,
): Promise<World> {
  const clock = new HeldClock();
  const parts = openEngine(t, database, clock, idleMs);
  const { engine, ledger } = parts;
  await database.query(
    `insert into processes(id, started_at, lease_until) values ($1, $2, '2100-01-01')
     on conflict do nothing`,
    [PROCESS_ID, clock.now()],
  );
  const requester = await addCaller(database, clock);
  const provider = await addCaller(database, clock);
  const agentId = await addAgent(database, clock, provider, price);
  const grant = {
    kind: "transfer",
    ...{ fromAccountId: HOUSE_ACCOUNTS.grant, amountMicros: FUNDS_MICROS },
    ...{ toAccountId: requester.workspaceId, reference: "grant", name: requester.workspaceId },
  } as const;
  const funded = await ledger.commit({ keyId: undefined, work: undefined, steps: [grant] });
  assert.ok(funded.ok);
  const habits = { accepts: true, replies: true, quotes: undefined, bills: undefined, ...own };
  const wire = new Wire({ database, clock, engine, agentId, habits });
  parts.whereIs = async () => wire.link && { processId: PROCESS_ID, epoch: wire.link.epoch };
  engine.setDispatcher(wire);
  const world = worldOf({ database, clock, engine, requester, provider, agentId, habits, wire });
  await world.connect();
  return world;
}

interface WorldParts extends Pick<World, "clock" | "engine" | "requester" | "provider"> {
  readonly database: Database;
  readonly agentId: string;
  readonly habits: Habits;
  readonly wire: Wire;
}

function worldOf(parts: WorldParts): World {
  const { database, clock, engine, requester, provider, agentId, habits, wire } = parts;
  const { sessions } = engine;
  const usual: OpenSession = {
    ...{ agentId, capability: "chat", messagesMax: 5, quote: undefined, isOpenQuote: false },
    ...{ referredBy: undefined, mandateId: undefined, chainId: undefined },
    idempotencyKey: undefined,
  };
  const view = (id: string) => sessions.require(requester, id);
  const open = (rest: Partial<OpenSession> = {}) => sessions.open(requester, { ...usual, ...rest });
  const kinds = async (id: string) =>
    (await sessions.read(requester, id, 0, 200)).events.map(({ kind }) => kind);
  return {
    ...{ clock, engine, requester, provider, agentId, habits, told: wire.told, view, open, kinds },
    async hire(rest = {}) {
      const { session } = await open(rest);
      return (await sessions.activate(requester, session.id)).session.id;
    },
    send: (id, seq) => sessions.send(requester, id, { seq, payload: { seq } }),
    reply: (id, turn) => wire.reply(id, turn),
    async answered(id, turns) {
      const givesUpAt = performance.now() + 20_000;
      while ((await view(id)).log.answered < turns) {
        assert.ok(performance.now() < givesUpAt, `${turns} turns were never answered`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    connect: () => wire.connect(),
    disconnect: (how) => wire.disconnect(how),
    availableMicros: ({ workspaceId }) => findAvailableMicros(database, workspaceId),
    async heldMicros({ workspaceId }) {
      const [row] = await database.query<{ held: bigint }>(
        "select held_micros as held from accounts where id = $1",
        [workspaceId],
      );
      return row?.held ?? 0n;
    },
    link() {
      assert.ok(wire.link);
      return wire.link;
    },
    async forgetEnd(id) {
      await database.query("update session_logs set told = 'active' where session_id = $1", [id]);
    },
    async pass(ms) {
      clock.advance(ms);
      // The first may be one that began before.
      await engine.sweeper.sweep();
      await engine.sweeper.sweep();
    },
    async verify() {
      const { ok, problems } = await createBooks({ database }).verify({ isFull: true });
      assert.deepEqual([ok, problems], [true, []]);
    },
  };
}

/** The provider's end: it is told things, and does what it is used to. */
class Wire {
  readonly #parts: Pick<WorldParts, "database" | "clock" | "engine" | "agentId" | "habits">;
  readonly told: SessionTelling[] = [];
  readonly #begun = new Set<string>();
  link: LinkIdentity | undefined;

  constructor(parts: Pick<WorldParts, "database" | "clock" | "engine" | "agentId" | "habits">) {
    this.#parts = parts;
  }

  holds(agentId: string): boolean {
    return agentId === this.#parts.agentId && this.link !== undefined;
  }

  heldSessions(): [] {
    return [];
  }

  tell(agentId: string, telling: SessionTelling): boolean {
    const { link } = this;
    if (!this.holds(agentId) || !link) return false;
    this.told.push(telling);
    setImmediate(() => void this.#hear(link, telling));
    return true;
  }

  async connect(): Promise<void> {
    const { database, clock, engine, agentId } = this.#parts;
    const epoch = await openLink(database, {
      ...{ agentId, processId: PROCESS_ID, keyId: undefined, wire: "test", client: "test" },
      ...{ concurrency: undefined, connectedAt: clock.now() },
    });
    this.link = { agentId, epoch };
    for (const telling of await engine.events.attached(this.link)) this.tell(agentId, telling);
  }

  async disconnect(how: "shutdown" | "missed"): Promise<void> {
    const { database, clock, engine, agentId } = this.#parts;
    const { link } = this;
    assert.ok(link);
    this.link = undefined;
    await endLink(database, agentId, link.epoch, clock.now());
    await engine.events.gone(agentId, link.epoch, how);
  }

  async reply(sessionId: string, turn: number): Promise<"ok" | "late"> {
    assert.ok(this.link);
    const content = { payload: { to: turn } };
    const message = { sessionId, number: 0, turn, isFinal: true, content };
    return this.#parts.engine.events.said(this.link, message);
  }

  async #hear(link: LinkIdentity, telling: SessionTelling): Promise<void> {
    const { engine, habits } = this.#parts;
    const { events } = engine;
    if (telling.kind === "asked") {
      const { attempt, session } = telling;
      if (habits.accepts) await events.accepted(link, session.sessionId, attempt);
    } else if (telling.kind === "said") {
      const name = `${telling.sessionId} ${telling.seq}`;
      if (!habits.replies || this.#begun.has(name)) return;
      this.#begun.add(name);
      await this.reply(telling.sessionId, telling.seq);
    } else if (telling.kind === "briefed" && habits.quotes) {
      const { sessionId } = telling.session;
      const rest = { lines: undefined, note: undefined };
      await events.quoted(link, { sessionId, ...habits.quotes, ...rest });
    } else if (telling.kind === "closed" && telling.isBillDue && habits.bills !== undefined) {
      const { sessionId } = telling.session;
      const rest = { lines: undefined, note: undefined };
      await events.billed(link, { sessionId, totalMicros: habits.bills, ...rest });
    }
  }
}

/** As `app-core.ts` joins it; only files are not asked for, since nobody sends any. */
function openEngine(t: TestContext, database: Database, clock: HeldClock, idleMs: number) {
  const random = systemRandom;
  const log = createLog("silent");
  const ledger = createLedger({ database, clock, random, log });
  const bus = new LocalBus(log);
  const files = {
    check: async () => undefined,
    deliver: async (_: string, input: unknown) => input,
  };
  const parts = {
    whereIs: async (): Promise<{ processId: string; epoch: number } | undefined> => undefined,
  };
  const engine = createSessionEngine({
    ...{ database, ledger, clock, random, log, bus, files, processId: PROCESS_ID },
    ...{ mayTakeOver: () => true, feeBasisPoints: 0, settings: { idleMs, openMax: 100_000 } },
    links: {
      whereIs: () => parts.whereIs(),
      isNewest: async ({ epoch }) => (await parts.whereIs())?.epoch === epoch,
      hasEnded: (agentId) => hasLinkEnded(database, agentId),
    },
  });
  t.after(async () => {
    await engine.close();
    await ledger.close();
    await bus.close();
  });
  return Object.assign(parts, { engine, ledger });
}

export async function addCaller(database: Database, clock: HeldClock): Promise<Caller> {
  const workspaceId = newId(clock, systemRandom);
  const at = clock.now();
  await database.query("insert into workspaces(id, name, created_at) values ($1, 'w', $2)", [
    workspaceId,
    at,
  ]);
  await database.query("insert into accounts(id, kind, created_at) values ($1, 'wallet', $2)", [
    workspaceId,
    at,
  ]);
  return {
    ...{ workspaceId, keyId: undefined, agentId: undefined, memberId: "somebody" },
    ...{ isOperator: false, keyLimits: NO_LIMITS, workspaceLimits: NO_LIMITS },
    chainCeilingMicros: FUNDS_MICROS,
  };
}

export async function addAgent(
  database: Database,
  clock: HeldClock,
  { workspaceId }: Caller,
  price: Price,
): Promise<string> {
  const agentId = newId(clock, systemRandom);
  const chat = {
    ...{ slug: "chat", description: "Talks.", price },
    ...{ inputSchema: undefined, outputSchema: undefined },
  };
  await database.transaction((tx) =>
    insertAgent(tx, {
      ...{ id: agentId, workspaceId, slug: agentId, name: "Talker", description: "Talks." },
      ...{ extra: {}, capabilities: [chat], at: clock.now() },
    }),
  );
  return agentId;
}

export function tiered(shape: "per_message" | "per_session", ...micros: readonly bigint[]): Price {
  const tiers = micros.map((amountMicros, index) => ({
    ...{ name: `tier ${index}`, quality: undefined, shape, amountMicros },
  }));
  return { kind: "tiers", tiers };
}
