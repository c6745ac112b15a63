/** What stands behind a link in its tests: who hears what providers say, and writes it down. */

import type { Links } from "../../src/core/link.ts";
import type {
  LinkIdentity,
  RunAnswer,
  RunAttempt,
  RunEvents,
  RunOffer,
  SessionEvents,
  SlotEvents,
  SlotSays,
  SlotTelling,
} from "../../src/core/ports.ts";

type Event = readonly [what: string, ...details: unknown[]];

/**
 * The run engine's side of a link, without money: it knows which runs are live, takes one answer for
 * each, by the agent's present connection only, and writes down what it is told.
 */
export class Recorder implements RunEvents, SlotEvents {
  readonly events: Event[] = [];
  readonly live = new Map<string, RunOffer>();
  /** Holds chunks back while it is set. */
  chunkGate: Promise<void> | undefined;
  /** Answers that fail before one is taken. */
  failuresLeft = 0;
  readonly #links: Links;

  constructor(links: Links) {
    this.#links = links;
  }

  named(what: string): Event[] {
    return this.events.filter(([name]) => name === what);
  }

  accepted(_link: LinkIdentity, runId: string, attempt: number): void {
    this.events.push(["accepted", runId, attempt]);
  }

  async refused(_link: LinkIdentity, runId: string, attempt: number, { code }: { code: string }) {
    this.live.delete(runId);
    this.events.push(["refused", runId, attempt, code]);
  }

  async chunk(
    _link: LinkIdentity,
    runId: string,
    _attempt: number,
    { seq, data }: { seq: number; data: unknown },
  ) {
    await this.chunkGate;
    if (!this.live.has(runId)) throw new Error("nobody wants this chunk");
    this.events.push(["chunk", runId, seq, data]);
  }

  succeeded(link: LinkIdentity, runId: string, _attempt: number, { output }: RunAnswer) {
    return this.#settle(link, runId, ["succeeded", runId, output]);
  }

  failed(
    link: LinkIdentity,
    runId: string,
    _attempt: number,
    failure: { code: string; message: string },
  ) {
    return this.#settle(link, runId, ["failed", runId, failure.code, failure.message]);
  }

  async gone(agentId: string, epoch: number, reason: string) {
    this.events.push(["gone", agentId, epoch, reason]);
  }

  async listOver(_agentId: string, runs: readonly RunAttempt[]) {
    return runs.filter(({ runId }) => !this.live.has(runId));
  }

  async unanswered(agentId: string): Promise<RunOffer[]> {
    return [...this.live.values()].filter((offer) => offer.agentId === agentId);
  }

  async said(_link: LinkIdentity, says: SlotSays): Promise<SlotTelling | undefined> {
    this.events.push([says.kind, says]);
    return undefined;
  }

  attached(): void {}

  async #settle(link: LinkIdentity, runId: string, event: Event): Promise<"ok" | "late"> {
    if (this.failuresLeft > 0) {
      this.failuresLeft -= 1;
      throw new Error("the database is away");
    }
    const current = await this.#links.whereIs(link.agentId);
    if (current?.epoch !== link.epoch || !this.live.delete(runId)) {
      this.events.push(["late", runId]);
      return "late";
    }
    this.events.push(event);
    return "ok";
  }
}

/** A session engine that knows of no session: whatever is said of one comes too late. */
export const NO_SESSIONS: SessionEvents = {
  accepted: async () => "late",
  declined: async () => "late",
  said: async () => "late",
  quoted: async () => "late",
  billed: async () => "late",
  standing: async () => [],
  attached: async () => [],
  closedTellings: async () => [],
  gone: async () => undefined,
};
