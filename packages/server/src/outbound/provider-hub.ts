/**
 * The providers that are connected to this process.
 *
 *   1. An agent that identified is attached: its next epoch opens, the connection before it is
 *      closed here or, by a hint on the bus, in another process. Its live runs, and turns of sessions that
 *      have no reply, are sent again.
 *   2. Each second, connections without a sign of life are closed and their links ended.
 *   3. Every few seconds, signs of life are written down, all in one statement, and the record is
 *      asked which connections may not go on. So a hint that was lost is late by seconds.
 *   4. Links that nobody keeps alive, such as those of a process that was killed, are ended too.
 */
import { setTimeout as delay } from "node:timers/promises";
import { LIMITS } from "@guildhall/protocol";
import type {
  Bus,
  HeldSession,
  LinkIdentity,
  LinkOpening,
  LinkReceiver,
  LinkRecord,
  ProviderHub,
  ProviderLink,
  RunEvents,
  RunOffer,
  SessionEvents,
  SessionTelling,
  SlotEvents,
  SlotTelling,
} from "../core/ports.ts";
import { LINKS_OPENED } from "../core/ports.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { Connection, type LinkLimits } from "./provider-hub/connection.ts";

export type { LinkLimits } from "./provider-hub/connection.ts";

export const LINK_LIMITS: LinkLimits = {
  offersMax: LIMITS.resumeRunsMax,
  /** A few inputs of the largest size. */
  sendBufferBytesMax: 16 * 1024 * 1024,
  framesPerSecond: 5_000,
  framesBurst: 10_000,
};

export interface HubParts {
  readonly links: LinkRecord;
  readonly events: RunEvents;
  readonly sessionEvents: SessionEvents;
  readonly slotEvents: SlotEvents;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether this process has its lease: without it, nothing is offered. */
  readonly isLive: () => boolean;
  readonly limits?: Partial<LinkLimits>;
}

const SWEEP_MS = 1_000;
/** How often signs of life are written down; an honest link is then never 30 s old in the record. */
const FLUSH_MS = 5_000;
/** Waits before a link that could not be ended is ended again. */
const RETRY_AFTER_MS = [200, 1_000, 3_000];

/** After trouble with the database, links look overdue that are not: their keepers could not write. */
const QUIET_AFTER_TROUBLE_MS = 2 * FLUSH_MS;

export class LocalProviderHub implements ProviderHub {
  readonly #parts: HubParts;
  readonly #limits: LinkLimits;
  readonly #connections = new Map<string, Connection>();
  /** Connections that closed since signs of life were written last: theirs count as well. */
  readonly #departed = new Set<Connection>();
  readonly #timer: NodeJS.Timeout;
  readonly #unsubscribe: () => void;
  #quietUntilMs: number;
  #flushedAtMs: number;
  #sweeping: Promise<void> | undefined;

  constructor(parts: HubParts) {
    this.#parts = parts;
    this.#limits = { ...LINK_LIMITS, ...parts.limits };
    this.#flushedAtMs = parts.clock.now().getTime();
    // Providers of a server that was down get the time to come back before they count as gone.
    this.#quietUntilMs = this.#flushedAtMs + LIMITS.heartbeatMissMs;
    this.#unsubscribe = parts.bus.subscribe(LINKS_OPENED, ({ agentId, epoch }) => {
      this.#closeOlder(String(agentId), Number(epoch));
    });
    this.#timer = setInterval(() => void this.sweep(), SWEEP_MS);
    this.#timer.unref();
  }

  /** Live connections. */
  get size(): number {
    return this.#connections.size;
  }

  /** Whether the agent's connection is at this process. */
  holds(agentId: string): boolean {
    return this.#connections.has(agentId);
  }

  async attach(link: ProviderLink, opening: LinkOpening): Promise<LinkReceiver> {
    const { bus, links, sessionEvents } = this.#parts;
    const { agentId } = opening;
    const identity = await links.connect(opening);
    const sessions = await sessionEvents.standing(agentId);
    const connection = this.#connect(link, identity);
    this.#closeOlder(agentId, identity.epoch);
    if (this.#connections.has(agentId)) {
      // Two identified at once, and the other one came later.
      connection.close("replaced", "A newer connection of this agent took over.");
      return connection;
    }
    this.#connections.set(agentId, connection);
    bus.publish(LINKS_OPENED, { agentId, epoch: identity.epoch });
    link.welcome(identity, sessions);
    await this.#offerUnanswered(connection);
    this.#parts.slotEvents.attached(identity);
    return connection;
  }

  offer(offer: RunOffer): boolean {
    const connection = this.#connections.get(offer.agentId);
    if (!connection || !this.#parts.isLive()) return false;
    connection.offer(offer);
    return true;
  }

  cancel(agentId: string, runId: string, attempt: number, reason: string): void {
    this.#connections.get(agentId)?.cancel(runId, attempt, reason);
  }

  tell(agentId: string, telling: SessionTelling): boolean {
    const connection = this.#connections.get(agentId);
    if (!connection || !this.#parts.isLive()) return false;
    connection.sessions.tell(telling);
    connection.checkBuffer();
    return true;
  }

  connected(): LinkIdentity[] {
    return [...this.#connections.values()].map(({ identity }) => identity);
  }

  tellSlot({ agentId, epoch }: LinkIdentity, telling: SlotTelling): boolean {
    const connection = this.#connections.get(agentId);
    if (connection?.identity.epoch !== epoch || !this.#parts.isLive()) return false;
    connection.slots.tell(telling);
    connection.checkBuffer();
    return true;
  }

  heldSessions(): HeldSession[] {
    return [...this.#connections.values()].flatMap(({ sessions }) => sessions.held());
  }

  /** Does what time alone does, steps 2 to 4; runs by itself each second. Never throws. */
  sweep(): Promise<void> {
    this.#sweeping ??= this.#sweepOnce().finally(() => {
      this.#sweeping = undefined;
    });
    return this.#sweeping;
  }

  /** Closes every connection and asks providers to come back, to whichever process takes them. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#unsubscribe();
    await this.#sweeping;
    for (const connection of [...this.#connections.values()]) {
      this.#drop(connection);
      connection.close("restart", "The server stops. Come back in a moment.");
    }
    await this.#flush().catch((error: unknown) => {
      this.#parts.log.warn({ error }, "could not write down who was connected last");
    });
  }

  #connect(link: ProviderLink, identity: LinkIdentity): Connection {
    const { events, sessionEvents, slotEvents, clock, log } = this.#parts;
    return new Connection({
      link,
      identity,
      events,
      sessionEvents,
      slotEvents,
      clock,
      log,
      limits: this.#limits,
      onGoodbye: (connection) => {
        this.#drop(connection);
        void this.#end(connection, "shutdown");
      },
      onClosed: (connection) => this.#drop(connection),
    });
  }

  async #offerUnanswered(connection: Connection): Promise<void> {
    const { events, sessionEvents, log } = this.#parts;
    const { agentId } = connection.identity;
    try {
      for (const offer of await events.unanswered(agentId)) connection.offer(offer);
      const tellings = await sessionEvents.attached(connection.identity);
      for (const telling of tellings) connection.sessions.tell(telling);
    } catch (error) {
      log.error({ error, agentId }, "could not look up what an agent has to be told again");
      connection.close("internal", "Something went wrong on our side. Come back in a moment.");
    }
  }

  #closeOlder(agentId: string, epoch: number): void {
    const connection = this.#connections.get(agentId);
    if (!connection || connection.identity.epoch >= epoch) return;
    this.#drop(connection);
    connection.close("replaced", "A newer connection of this agent took over.");
  }

  #drop(connection: Connection): void {
    const { agentId } = connection.identity;
    if (this.#connections.get(agentId) !== connection) return;
    this.#connections.delete(agentId);
    this.#departed.add(connection);
  }

  async #end(connection: Connection, reason: "shutdown" | "missed"): Promise<void> {
    const { links, log } = this.#parts;
    const { identity } = connection;
    let isEnded = false;
    // What it answered before it went counts: only the rest of its runs is lost with it.
    await connection.answered();
    for (const waitMs of [...RETRY_AFTER_MS, undefined]) {
      try {
        isEnded ||= await links.end(identity);
        if (isEnded) await this.#gone(identity, reason);
        return;
      } catch (error) {
        log.error({ error, ...identity, reason }, "could not end a provider's link");
      }
      if (waitMs !== undefined) await delay(waitMs, undefined, { ref: false });
    }
  }

  async #sweepOnce(): Promise<void> {
    const { clock, log } = this.#parts;
    try {
      await this.#endSilent();
      if (clock.now().getTime() - this.#flushedAtMs >= FLUSH_MS) await this.#flush();
      if (clock.now().getTime() >= this.#quietUntilMs) await this.#endOverdue();
    } catch (error) {
      this.#quietUntilMs = clock.now().getTime() + QUIET_AFTER_TROUBLE_MS;
      log.warn({ error }, "could not keep the record of providers' links; trying again");
    }
  }

  async #endSilent(): Promise<void> {
    const seenBeforeMs = this.#parts.clock.now().getTime() - LIMITS.heartbeatMissMs;
    const silent: Connection[] = [];
    for (const connection of this.#connections.values()) {
      connection.checkBuffer();
      if (connection.lastSeenAt.getTime() < seenBeforeMs) silent.push(connection);
    }
    for (const connection of silent) {
      this.#drop(connection);
      connection.close("missed_heartbeats", "Nothing was heard from you for too long.");
    }
    await Promise.all(silent.map((connection) => this.#end(connection, "missed")));
  }

  /** Writes down who was seen, and closes who may not go on. */
  async #flush(): Promise<void> {
    const { links, clock } = this.#parts;
    const flushedAtMs = clock.now().getTime();
    const departed = [...this.#departed];
    const live = [...this.#connections.values()];
    await links.touch(
      [...departed, ...live].map(({ identity, lastSeenAt }) => ({ identity, lastSeenAt })),
    );
    for (const connection of departed) this.#departed.delete(connection);
    this.#flushedAtMs = flushedAtMs;
    const ousted = await links.listOusted(live.map(({ identity }) => identity));
    for (const { identity, reason } of ousted) {
      const connection = this.#connections.get(identity.agentId);
      if (connection?.identity.epoch !== identity.epoch) continue;
      this.#drop(connection);
      connection.close(reason, "This connection may not go on.");
    }
  }

  async #endOverdue(): Promise<void> {
    for (const identity of await this.#parts.links.endOverdue())
      await this.#gone(identity, "missed");
  }

  async #gone({ agentId, epoch }: LinkIdentity, reason: "shutdown" | "missed"): Promise<void> {
    await this.#parts.events.gone(agentId, epoch, reason);
    await this.#parts.sessionEvents.gone(agentId, epoch, reason);
  }
}
