/** What tests of providers' links share: a server of nothing but links, and a peer that speaks raw frames. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { createCallers } from "../../src/core/caller.ts";
import { createIdentify } from "../../src/core/identify.ts";
import { issueKey } from "../../src/core/key.ts";
import { createLinks, type Links } from "../../src/core/link.ts";
import type { Bus, RunOffer, SessionEvents } from "../../src/core/ports.ts";
import { type ServerProcess, startProcess } from "../../src/core/process.ts";
import { Fault } from "../../src/domain/fault.ts";
import { createLog } from "../../src/lib/log.ts";
import { newId, systemRandom } from "../../src/lib/random.ts";
import { LocalBus } from "../../src/outbound/bus/local.ts";
import { type LinkLimits, LocalProviderHub } from "../../src/outbound/provider-hub.ts";
import { findAgent, insertAgent } from "../../src/store/agent.ts";
import type { Database } from "../../src/store/database.ts";
import { createRelayWire } from "../../src/surfaces/linkedclaw/relay/codec.ts";
import { createNativeWire } from "../../src/surfaces/provider-socket/codec.ts";
import {
  ADMISSION_LIMITS,
  Admission,
  type AdmissionLimits,
} from "../../src/surfaces/shared/admission.ts";
import { createProviderSockets } from "../../src/surfaces/shared/provider-socket.ts";
import { routeUpgrades } from "../../src/surfaces/upgrade.ts";
import { HeldClock } from "../support/clock.ts";
import { onEachHost } from "../support/database.ts";
import { NO_SESSIONS, Recorder } from "./recorder.ts";

export const silentLog = createLog("silent");

/** Waits for something that other programs bring about. The limit is for hanging tests only. */
export async function until(isTrue: () => unknown, limitMs = 10_000): Promise<void> {
  const givesUpAt = performance.now() + limitMs;
  while (!(await isTrue())) {
    assert.ok(performance.now() < givesUpAt, `never came true: ${isTrue.toString()}`);
    await sleep(5);
  }
}

export interface HallOptions {
  readonly clock?: HeldClock;
  readonly bus?: Bus;
  readonly limits?: Partial<LinkLimits>;
  readonly admission?: Partial<AdmissionLimits>;
  readonly identifyMs?: number;
  readonly sessionEvents?: Partial<SessionEvents>;
}

export interface SeededAgent {
  readonly agentId: string;
  readonly workspaceId: string;
  readonly key: string;
  readonly keyId: string;
}

/** One server process with providers' sockets and nothing else. */
export interface Hall {
  readonly url: string;
  readonly database: Database;
  readonly clock: HeldClock;
  readonly process: ServerProcess;
  readonly links: Links;
  readonly hub: LocalProviderHub;
  readonly runs: Recorder;
  /** Moves the clock and does what the time that passed brings about. */
  pass(ms: number): Promise<void>;
  /** A new workspace with an agent and a key. */
  agent(): Promise<SeededAgent>;
  /** A run of the agent that is live from now on, offered where it is connected. */
  offer(agentId: string, overrides?: Partial<RunOffer>): RunOffer;
  /** Cuts every network connection, as a cable that is pulled. */
  cut(): void;
  stop(): Promise<void>;
}

export async function startHall(database: Database, options: HallOptions = {}): Promise<Hall> {
  const clock = options.clock ?? new HeldClock();
  const parts = { database, clock, random: systemRandom, log: silentLog };
  const process = await startProcess(parts);
  const links = createLinks({ database, clock, processId: process.id });
  const runs = new Recorder(links);
  const bus = options.bus ?? new LocalBus(silentLog);
  const hub = new LocalProviderHub({
    links,
    events: runs,
    sessionEvents: { ...NO_SESSIONS, ...options.sessionEvents },
    slotEvents: runs,
    bus,
    clock,
    log: silentLog,
    isLive: process.isLive,
    ...(options.limits && { limits: options.limits }),
  });
  const callers = createCallers(parts);
  const { server, sockets, url, closeSockets } = await listen(
    database,
    clock,
    hub,
    callers,
    options,
  );
  return {
    url,
    database,
    clock,
    process,
    links,
    hub,
    runs,
    async pass(ms) {
      clock.advance(ms);
      await process.renew();
      // One that had begun before the clock moved may still be under way.
      await hub.sweep();
      await hub.sweep();
    },
    agent: () => seedAgent(database),
    offer(agentId, overrides = {}) {
      const offer = newOffer(clock, agentId, overrides);
      runs.live.set(offer.runId, offer);
      hub.offer(offer);
      return offer;
    },
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    async stop() {
      closeSockets();
      await hub.stop();
      server.close();
      await process.stop();
      await callers.close();
    },
  };
}

async function listen(
  database: Database,
  clock: HeldClock,
  hub: LocalProviderHub,
  callers: ReturnType<typeof createCallers>,
  { admission = {}, identifyMs }: HallOptions,
) {
  const parts = {
    hub,
    identify: createIdentify({
      authenticate: (secret) => callers.authenticate(secret),
      async requireOwned(caller, id) {
        const agent = await findAgent(database, id);
        if (!agent) throw new Fault("not_found", "No such agent.", { kind: "agent", id });
        const isOwned = agent.workspaceId === caller.workspaceId;
        if (isOwned && (caller.agentId ?? id) === id) return agent;
        throw new Fault("forbidden", "Not yours.");
      },
    }),
    admission: new Admission(clock, { ...ADMISSION_LIMITS, ...admission }),
    addressOf: () => "127.0.0.1",
    log: silentLog,
    ...(identifyMs !== undefined && { identifyMs }),
  };
  const native = createProviderSockets(createNativeWire(clock), parts);
  const relay = createProviderSockets(createRelayWire(clock), parts);
  const server = createServer((_request, response) => response.writeHead(404).end());
  routeUpgrades(server, { provider: native, relay });
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const closeSockets = (): void => {
    native.stop();
    relay.stop();
  };
  return { server, sockets, url: `ws://127.0.0.1:${port}`, closeSockets };
}

/** Runs a test against a hall on each database host. */
export function onEachHall(
  name: string,
  work: (hall: Hall) => Promise<void>,
  options: HallOptions = {},
): void {
  onEachHost(name, async (_t, database) => {
    const hall = await startHall(database, options);
    try {
      await work(hall);
    } finally {
      await hall.stop();
    }
  });
}

async function seedAgent(database: Database): Promise<SeededAgent> {
  const clock = new HeldClock();
  const workspaceId = newId(clock, systemRandom);
  const agentId = newId(clock, systemRandom);
  return database.transaction(async (tx) => {
    await tx.query("insert into workspaces(id, name, created_at) values ($1, 'w', $2)", [
      workspaceId,
      clock.now(),
    ]);
    await insertAgent(tx, {
      id: agentId,
      workspaceId,
      slug: agentId,
      name: "Translator",
      description: "Translates.",
      extra: {},
      capabilities: [],
      at: clock.now(),
    });
    const command = { workspaceId, kind: "gld", label: "test" } as const;
    const { key, secret } = await issueKey(tx, clock, systemRandom, command);
    return { agentId, workspaceId, key: secret, keyId: key.id };
  });
}

export function newOffer(
  clock: HeldClock,
  agentId: string,
  overrides: Partial<RunOffer> = {},
): RunOffer {
  const id = newId(clock, systemRandom);
  return {
    runId: id,
    attempt: 1,
    agentId,
    capability: "translate",
    input: { text: "hello" },
    manifest: { intention: "test" },
    requesterWorkspaceId: newId(clock, systemRandom),
    chainId: id,
    maxMicros: 250n,
    deadlineAt: new Date(clock.now().getTime() + 60_000),
    timeoutSeconds: 60,
    ...overrides,
  };
}

type Frame = Readonly<Record<string, unknown>> & { readonly type: string };

/** A WebSocket that says exactly what it is told to. */
export class Peer {
  readonly socket: WebSocket;
  readonly frames: Frame[] = [];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  #read = 0;

  constructor(url: string) {
    this.socket = new WebSocket(url);
    this.socket.on("error", () => undefined);
    this.socket.on("message", (data) => this.frames.push(JSON.parse(data.toString()) as Frame));
    this.closed = new Promise((resolve) => {
      this.socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() }));
    });
  }

  static async open(url: string): Promise<Peer> {
    const peer = new Peer(url);
    await once(peer.socket, "open");
    return peer;
  }

  /** Connects and identifies on the native wire. */
  static async identified(hall: Hall, agent: SeededAgent): Promise<Peer> {
    const peer = await Peer.open(`${hall.url}/provider`);
    peer.send({ type: "identify", protocol: 1, key: agent.key, agent: agent.agentId });
    await peer.next("welcome");
    return peer;
  }

  send(frame: unknown): void {
    this.socket.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  }

  /** The next frame of this type; those of other types before it are passed over. */
  async next(type: string): Promise<Frame> {
    let found: Frame | undefined;
    await until(() => {
      while (!found && this.#read < this.frames.length) {
        const frame = this.frames[this.#read++];
        if (frame?.type === type) found = frame;
      }
      return found;
    });
    return found as Frame;
  }
}
