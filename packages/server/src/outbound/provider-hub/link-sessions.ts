/**
 * The sessions of one provider's connection: what it was told of them, and what it says in them.
 *
 *   1. Each turn is told once a connection; told again, it changes nothing. Also not once it is answered:
 *      whoever tells it again looked before the answer was kept.
 *   2. What the provider says is handed on in the order in which it came, and confirmed when it is kept.
 *   3. Where something could not be kept, the connection ends: on the next one the provider says it again.
 */
import type {
  HeldSession,
  LinkIdentity,
  ProviderLink,
  SessionEvents,
  SessionSays,
  SessionTelling,
  Taken,
} from "../../core/ports.ts";
import { Fault } from "../../domain/fault.ts";
import type { Log } from "../../lib/log.ts";
import { LruMap } from "../../lib/lru-map.ts";

export interface LinkSessionParts {
  readonly link: ProviderLink;
  readonly identity: LinkIdentity;
  readonly events: SessionEvents;
  readonly log: Log;
  /** A frame was an answer to something that the server said. */
  readonly giveBack: () => void;
  readonly close: (reason: "internal" | "rate_limited", message: string) => void;
}

/** What may be under way to the log from one connection, as JSON text. */
const PENDING_BYTES_MAX = 32 * 1024 * 1024;
/** Twice as many as can be open at a time, so as to outlast every look at which they were. */
const ANSWERED_KEPT_MAX = 512;

/** The turns of an open session that were told here. */
interface ToldTurns {
  readonly waiting: Set<number>;
  readonly answered: LruMap<number, true>;
}

export class LinkSessions {
  readonly #parts: LinkSessionParts;
  readonly #open = new Map<string, ToldTurns>();
  readonly #asked = new Map<string, number>();
  /** Sessions for which a price is to be named, with the last thing that was told for it. */
  readonly #briefed = new Map<string, number>();
  readonly #pending = new Set<Promise<void>>();
  #pendingBytes = 0;

  constructor(parts: LinkSessionParts) {
    this.#parts = parts;
  }

  held(): HeldSession[] {
    const { agentId } = this.#parts.identity;
    const open = [...this.#open].map(([sessionId, turns]) => ({
      ...{ agentId, sessionId, knows: (seq: number) => isTold(turns, seq) },
    }));
    const briefed = [...this.#briefed].map(([sessionId, last]) => ({
      ...{ agentId, sessionId, knows: (seq: number) => seq === last },
    }));
    return [...open, ...briefed];
  }

  tell(telling: SessionTelling): void {
    if (this.#isNews(telling)) this.#parts.link.tell(telling);
  }

  receive(says: SessionSays, bytes: number): void {
    this.#pendingBytes += bytes;
    if (this.#pendingBytes > PENDING_BYTES_MAX) {
      this.#parts.close("rate_limited", "More was said than can be written down that fast.");
      return;
    }
    const taking = this.#receive(says).finally(() => {
      this.#pendingBytes -= bytes;
      this.#pending.delete(taking);
    });
    this.#pending.add(taking);
  }

  /** The provider names what it has in hand: of what is over it is told. */
  resume(sessionIds: readonly string[]): void {
    const { events, identity } = this.#parts;
    const unknown = sessionIds.filter((id) => !this.#open.has(id));
    if (unknown.length === 0) return;
    const asking = events
      .closedTellings(identity.agentId, unknown)
      .then((tellings) => {
        for (const telling of tellings) this.#parts.link.tell(telling);
      })
      .catch((error: unknown) => this.#fail(error))
      .finally(() => this.#pending.delete(asking));
    this.#pending.add(asking);
  }

  /** Resolves when all that came so far was handed on. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#pending);
  }

  #isNews(telling: SessionTelling): boolean {
    switch (telling.kind) {
      case "asked": {
        const { sessionId } = telling.session;
        if (this.#asked.get(sessionId) === telling.attempt) return false;
        this.#asked.set(sessionId, telling.attempt);
        return true;
      }
      case "opened": {
        const { sessionId } = telling.session;
        this.#asked.delete(sessionId);
        this.#briefed.delete(sessionId);
        if (this.#open.has(sessionId)) return false;
        this.#open.set(sessionId, { waiting: new Set(), answered: new LruMap(ANSWERED_KEPT_MAX) });
        return true;
      }
      case "said": {
        // Before it is opened here it is not this connection's to serve; it will be told by then.
        const turns = this.#open.get(telling.sessionId);
        if (!turns || isTold(turns, telling.seq)) return false;
        turns.waiting.add(telling.seq);
        return true;
      }
      case "briefed": {
        const { sessionId } = telling.session;
        if (this.#briefed.get(sessionId) === telling.seq) return false;
        this.#briefed.set(sessionId, telling.seq);
        return true;
      }
      case "closed": {
        const { sessionId } = telling.session;
        const wasAsked = this.#asked.delete(sessionId);
        this.#briefed.delete(sessionId);
        return this.#open.delete(sessionId) || wasAsked || telling.isBillDue;
      }
    }
  }

  async #receive(says: SessionSays): Promise<void> {
    const { link, events, identity } = this.#parts;
    try {
      switch (says.kind) {
        case "session-accepted":
          this.#heed(says.sessionId, await events.accepted(identity, says.sessionId, says.attempt));
          break;
        case "session-declined": {
          const { sessionId, attempt } = says;
          this.#heed(sessionId, await events.declined(identity, sessionId, attempt, says));
          break;
        }
        case "session-said": {
          const { sessionId, number, turn, isFinal } = says.message;
          if (isFinal) this.#answered(sessionId, turn);
          link.taken(sessionId, number, turn, await this.#said(says));
          break;
        }
        case "session-quoted":
          this.#heed(says.quote.sessionId, await events.quoted(identity, says.quote));
          break;
        case "session-billed":
          this.#heed(says.bill.sessionId, await events.billed(identity, says.bill));
          break;
      }
    } catch (error) {
      this.#fail(error, sessionOf(says));
    }
  }

  #answered(sessionId: string, turn: number): void {
    const turns = this.#open.get(sessionId);
    if (!turns?.waiting.delete(turn)) return;
    turns.answered.set(turn, true);
    this.#parts.giveBack();
  }

  /** What counts shows by what follows it; what does not is told, or its sender would wait for ever. */
  #heed(sessionId: string, taken: Taken): void {
    if (taken === "ok") return;
    const message = "This came too late, or is about no session that you were asked to take.";
    this.#parts.link.notice("late", message, sessionId);
  }

  #said({ message }: Extract<SessionSays, { readonly kind: "session-said" }>): Promise<Taken> {
    return this.#parts.events.said(this.#parts.identity, message);
  }

  #fail(error: unknown, sessionId?: string): void {
    const { link, log, close } = this.#parts;
    if (error instanceof Fault && error.code !== "overloaded") {
      link.notice(error.code, error.message, sessionId);
      return;
    }
    log.error({ error }, "what a provider said in a session could not be taken");
    close("internal", "Something went wrong on our side. Come back in a moment.");
  }
}

function isTold({ waiting, answered }: ToldTurns, seq: number): boolean {
  return waiting.has(seq) || answered.get(seq) !== undefined;
}

function sessionOf(says: SessionSays): string {
  switch (says.kind) {
    case "session-accepted":
    case "session-declined":
      return says.sessionId;
    case "session-said":
      return says.message.sessionId;
    case "session-quoted":
      return says.quote.sessionId;
    case "session-billed":
      return says.bill.sessionId;
  }
}
