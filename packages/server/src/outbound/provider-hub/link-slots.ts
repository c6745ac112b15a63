/**
 * What one provider says about broadcasts: handed on one after the other, again after a pause where
 * that fails, and answered. Nothing here decides whether it counts.
 */
import { setTimeout as delay } from "node:timers/promises";
import type {
  LinkIdentity,
  ProviderLink,
  SlotEvents,
  SlotSays,
  SlotTelling,
} from "../../core/ports.ts";
import type { Log } from "../../lib/log.ts";

export interface LinkSlotParts {
  readonly link: ProviderLink;
  readonly identity: LinkIdentity;
  readonly events: SlotEvents;
  readonly log: Log;
  readonly close: (reason: "rate_limited" | "internal", message: string) => void;
}

/** What may wait for its turn: results of 256 KB at most, so some megabytes. */
const WAITING_MAX = 100;
const RETRY_AFTER_MS = [200, 1_000, 3_000];

export class LinkSlots {
  readonly #parts: LinkSlotParts;
  #waiting = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(parts: LinkSlotParts) {
    this.#parts = parts;
  }

  receive(says: SlotSays): void {
    this.#waiting += 1;
    if (this.#waiting > WAITING_MAX) {
      this.#parts.close("rate_limited", "More was said than can be decided that fast.");
      return;
    }
    this.#last = this.#last.then(async () => {
      await this.#decide(says);
      this.#waiting -= 1;
    });
  }

  tell(telling: SlotTelling): void {
    this.#parts.link.tellSlot(telling);
  }

  /** Resolves when everything that was said has been decided. */
  settled(): Promise<void> {
    return this.#last;
  }

  async #decide(says: SlotSays): Promise<void> {
    const { events, identity, link, log } = this.#parts;
    for (const waitMs of [...RETRY_AFTER_MS, undefined]) {
      try {
        const answer = await events.said(identity, says);
        if (answer) this.tell(answer);
        return;
      } catch (error) {
        log.error({ error, says: says.kind }, "could not take what a provider said of a broadcast");
      }
      if (waitMs !== undefined) await delay(waitMs);
    }
    // Work that is done is not said again by itself: on its next connection the agent is asked for it.
    if (says.kind === "slot-filled" || says.kind === "slot-given-up") {
      this.#parts.close("internal", "Something went wrong on our side. Come back in a moment.");
    } else
      link.notice("internal", "What you said of a broadcast could not be taken. Say it again.");
  }
}
