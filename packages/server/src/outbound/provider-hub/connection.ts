/**
 * One provider's connection: what it was offered, and what it said to that.
 *
 *   1. A run is offered once a connection; an offer of the same attempt again changes nothing.
 *   2. Chunks come in order and inside the window that was granted; the window moves on as the run
 *      engine takes them. A provider that does not keep to it is cut off: its stream has a hole.
 *   3. A run's answer waits for its chunks, goes to the run engine, and is confirmed.
 *
 * Nothing here decides whether an answer counts. A provider may answer what this connection never
 * offered: it was offered by the one before, and the run engine knows by the database.
 */
import { LIMITS, type LinkClosing } from "@guildhall/protocol";
import type {
  LinkIdentity,
  LinkReceiver,
  ProviderLink,
  ProviderSays,
  RunAttempt,
  RunEvents,
  RunOffer,
  SessionEvents,
  SessionSays,
  SlotEvents,
} from "../../core/ports.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { LruMap } from "../../lib/lru-map.ts";
import { FrameBudget } from "./frame-budget.ts";
import { LinkSessions } from "./link-sessions.ts";
import { LinkSlots } from "./link-slots.ts";
import { takeChunk, type Window } from "./window.ts";

export interface LinkLimits {
  /** Runs that one connection can have been offered and not answered. */
  readonly offersMax: number;
  /** Bytes that may wait for a slow reader before it is cut off. */
  readonly sendBufferBytesMax: number;
  /** Frames that nobody asked for, such as heartbeats: per second, and at once. */
  readonly framesPerSecond: number;
  readonly framesBurst: number;
}

export interface ConnectionParts {
  readonly link: ProviderLink;
  readonly identity: LinkIdentity;
  readonly events: RunEvents;
  readonly sessionEvents: SessionEvents;
  readonly slotEvents: SlotEvents;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: LinkLimits;
  readonly onGoodbye: (connection: Connection) => void;
  readonly onClosed: (connection: Connection) => void;
}

/** Waits before an answer that the run engine could not take is handed to it again. */
const RETRY_AFTER_MS = [200, 1_000, 3_000];

/** More than end while an offer is under way from the database to here. */
const OVER_KEPT_MAX = 10_000;

interface OfferedRun extends Window {
  readonly attempt: number;
  isAccepted: boolean;
  isAnswered: boolean;
}

type Says<K extends ProviderSays["kind"]> = Extract<ProviderSays, { readonly kind: K }>;

export class Connection implements LinkReceiver {
  readonly identity: LinkIdentity;
  readonly sessions: LinkSessions;
  readonly slots: LinkSlots;
  readonly #parts: ConnectionParts;
  readonly #log: Log;
  readonly #budget: FrameBudget;
  readonly #runs = new Map<string, OfferedRun>();
  /** The attempts that the provider was told are over, as far as anybody could still offer them. */
  readonly #over = new LruMap<string, number>(OVER_KEPT_MAX);
  readonly #answering = new Set<Promise<void>>();
  /** Runs that the run engine is being asked about. */
  readonly #asking = new Set<string>();
  #lastSeenAt: Date;
  #isOpen = true;

  constructor(parts: ConnectionParts) {
    const { clock, limits } = parts;
    this.identity = parts.identity;
    this.#parts = parts;
    this.#log = parts.log.child({ agentId: parts.identity.agentId, epoch: parts.identity.epoch });
    this.#budget = new FrameBudget(clock, limits.framesPerSecond, limits.framesBurst);
    this.#lastSeenAt = clock.now();
    this.sessions = new LinkSessions({
      link: parts.link,
      identity: parts.identity,
      events: parts.sessionEvents,
      log: this.#log,
      giveBack: () => this.#budget.giveBack(),
      close: (reason, message) => this.close(reason, message),
    });
    this.slots = new LinkSlots({
      link: parts.link,
      identity: parts.identity,
      events: parts.slotEvents,
      log: this.#log,
      close: (reason, message) => this.close(reason, message),
    });
  }

  get lastSeenAt(): Date {
    return this.#lastSeenAt;
  }

  offer(offer: RunOffer): void {
    const { link, limits, events } = this.#parts;
    const { runId, attempt } = offer;
    // Whoever offers read the run a moment ago. The provider forgot it when it was told that it is over.
    if (!this.#isOpen || this.#find(runId, attempt) || this.#over.get(runId) === attempt) return;
    if (this.#runs.size >= limits.offersMax) {
      const refusal = { code: "provider_busy", message: "It has too much work." } as const;
      this.#run(events.refused(this.identity, runId, attempt, refusal));
      return;
    }
    const taken = offer.chunksTaken ?? 0;
    this.#runs.set(runId, {
      attempt,
      isAccepted: false,
      isAnswered: false,
      nextSeq: taken,
      taken,
      until: taken + LIMITS.chunkCreditsDefault,
      taking: Promise.resolve(),
    });
    link.offer(offer);
    this.checkBuffer();
  }

  cancel(runId: string, attempt: number, reason: string): void {
    if (!this.#isOpen || !this.#find(runId, attempt)) return;
    this.#forget(runId, attempt);
    this.#parts.link.cancel(runId, attempt, reason);
  }

  /** Ends the connection from this side. Nothing it says afterwards is heard. */
  close(reason: LinkClosing, message: string): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#parts.link.close(reason, message);
  }

  /** Resolves when the run engine has decided about every answer that came. */
  async answered(): Promise<void> {
    const others = [this.sessions.settled(), this.slots.settled()];
    await Promise.allSettled([...this.#answering, ...others]);
  }

  /** Cuts the connection off when too much waits to be read by the other end. */
  checkBuffer(): void {
    const { link, limits } = this.#parts;
    if (link.bufferedBytes() <= limits.sendBufferBytesMax) return;
    this.close("too_slow", "Too much was sent that you have not read.");
  }

  alive(): void {
    this.#lastSeenAt = this.#parts.clock.now();
  }

  admit(): boolean {
    if (!this.#isOpen) return false;
    if (this.#budget.take()) return true;
    this.close("rate_limited", "Too many frames.");
    return false;
  }

  receive(says: ProviderSays, bytes: number): void {
    if (!this.#isOpen) return;
    const { events } = this.#parts;
    switch (says.kind) {
      case "accepted":
        this.#receiveAcceptance(says);
        break;
      case "refused":
        this.#receiveRefusal(says);
        break;
      case "chunk":
        this.#receiveChunk(says);
        break;
      case "succeeded":
        this.#receiveAnswer(says, () =>
          events.succeeded(this.identity, says.runId, says.attempt, says.answer),
        );
        break;
      case "failed":
        this.#receiveAnswer(says, () =>
          events.failed(this.identity, says.runId, says.attempt, says),
        );
        break;
      case "resume":
        this.#cancelIfOver(says.runs);
        this.sessions.resume(says.sessionIds);
        break;
      case "goodbye":
        this.close("goodbye", "Goodbye.");
        this.#parts.onGoodbye(this);
        break;
      case "slot-claimed":
      case "slot-passed":
      case "slot-filled":
      case "slot-given-up":
        this.slots.receive(says);
        break;
      default:
        this.sessions.receive(says satisfies SessionSays, bytes);
    }
  }

  closed(): void {
    this.#isOpen = false;
    this.#parts.onClosed(this);
  }

  #receiveAcceptance({ runId, attempt }: Says<"accepted">): void {
    const run = this.#find(runId, attempt);
    if (!run) {
      this.#cancelIfOver([{ runId, attempt }]);
      return;
    }
    if (run.isAccepted) return;
    run.isAccepted = true;
    this.#budget.giveBack();
    this.#run(Promise.resolve(this.#parts.events.accepted(this.identity, runId, attempt)));
  }

  #receiveRefusal(says: Says<"refused">): void {
    const { runId, attempt, code, message } = says;
    const { events } = this.#parts;
    // Accepted work may have had effects. To give it back is to fail, and nobody else is asked.
    const wasAccepted = this.#find(runId, attempt)?.isAccepted === true;
    this.#receiveAnswer(says, async () => {
      if (wasAccepted) {
        const failure = { code: "provider_failed", message: `${code}: ${message}` } as const;
        return events.failed(this.identity, runId, attempt, failure);
      }
      await events.refused(this.identity, runId, attempt, { code, message });
      return "ok";
    });
  }

  #receiveChunk({ runId, attempt, seq, data }: Says<"chunk">): void {
    const run = this.#find(runId, attempt);
    if (!run) {
      this.#cancelIfOver([{ runId, attempt }]);
      return;
    }
    const { events, link } = this.#parts;
    if (run.isAnswered) {
      link.cancel(runId, attempt, "This run was answered.");
      return;
    }
    const taking = takeChunk(run, seq, {
      take: () => Promise.resolve(events.chunk(this.identity, runId, attempt, { seq, data })),
      grant: (until) => link.credit(runId, attempt, until),
      fail: (error) => {
        this.#log.warn({ error, runId }, "a run's chunk was not taken");
        this.#forget(runId, attempt);
        link.cancel(runId, attempt, "Its output is not wanted any more.");
      },
    });
    if (taking === "taken") this.#budget.giveBack();
    else if (taking !== "repeated") this.close("protocol_error", taking.problem);
  }

  /**
   * Cancels those that are over. One that is live, and driven by another process or by nobody yet, is
   * offered here in a moment: a provider that had been told to forget it would do it twice.
   */
  #cancelIfOver(named: readonly RunAttempt[]): void {
    const unknown = named.filter(
      (of) => !this.#find(of.runId, of.attempt) && !this.#asking.has(of.runId),
    );
    if (unknown.length === 0) return;
    for (const { runId } of unknown) this.#asking.add(runId);
    const { events, link } = this.#parts;
    const asking = events
      .listOver(this.identity.agentId, unknown)
      .then((over) => {
        for (const { runId, attempt } of over) {
          this.#forget(runId, attempt);
          link.cancel(runId, attempt, "This run is over.");
        }
      })
      .finally(() => {
        for (const { runId } of unknown) this.#asking.delete(runId);
      });
    this.#run(asking);
  }

  #receiveAnswer(
    of: { readonly runId: string; readonly attempt: number },
    tell: () => Promise<"ok" | "late">,
  ): void {
    const run = this.#find(of.runId, of.attempt);
    if (run?.isAnswered) return;
    if (run) {
      run.isAnswered = true;
      this.#budget.giveBack();
    }
    const answering = this.#answer(of, run, tell).finally(() => this.#answering.delete(answering));
    this.#answering.add(answering);
    this.#run(answering);
  }

  /** Hands an answer to the run engine, again after a pause when that fails, and confirms it. */
  async #answer(
    { runId, attempt }: { readonly runId: string; readonly attempt: number },
    run: OfferedRun | undefined,
    tell: () => Promise<"ok" | "late">,
  ): Promise<void> {
    await run?.taking;
    for (const waitMs of [...RETRY_AFTER_MS, undefined]) {
      try {
        const outcome = await tell();
        this.#forget(runId, attempt);
        this.#parts.link.settled(runId, attempt, outcome);
        return;
      } catch (error) {
        this.#log.error({ error, runId }, "could not take a run's answer");
      }
      if (waitMs !== undefined) await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
    if (run) run.isAnswered = false;
    this.#parts.link.notice("internal", `The answer to run ${runId} could not be taken.`);
  }

  #find(runId: string, attempt: number): OfferedRun | undefined {
    const run = this.#runs.get(runId);
    return run?.attempt === attempt ? run : undefined;
  }

  #forget(runId: string, attempt: number): void {
    this.#over.set(runId, attempt);
    if (this.#find(runId, attempt)) this.#runs.delete(runId);
  }

  /** For what nobody waits for: a failure is ours, and is logged. */
  #run(work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#log.error({ error }, "an event of a provider was not handled");
    });
  }
}
