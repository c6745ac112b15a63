/**
 * What this process has told one connection of broadcasts. It dies with the connection: the next one
 * is told anew, which does no harm.
 */
import type { LinkIdentity } from "./ports.ts";

export interface LinkMemory {
  readonly link: LinkIdentity;
  /** Broadcasts that were announced: until when they may be claimed, and offered again after, if ever. */
  readonly announced: Map<string, { readonly until: Date; readonly againAt: Date | undefined }>;
  /** Slots that it was told to fill, and of which broadcast each is. */
  readonly slots: Map<string, string>;
}

/** Announcements that are remembered a connection; the oldest may then be announced again. */
const ANNOUNCED_MAX = 2_000;

export class SlotMemory {
  readonly #byAgent = new Map<string, LinkMemory>();

  /** Forgets connections that are gone, and gives those that are there. */
  keep(connected: readonly LinkIdentity[]): readonly LinkMemory[] {
    const live = new Set(connected.map(({ agentId }) => agentId));
    for (const agentId of this.#byAgent.keys()) {
      if (!live.has(agentId)) this.#byAgent.delete(agentId);
    }
    return connected.map((link) => this.of(link));
  }

  of(link: LinkIdentity): LinkMemory {
    const known = this.#byAgent.get(link.agentId);
    if (known?.link.epoch === link.epoch) return known;
    const fresh = { link, announced: new Map(), slots: new Map() };
    // A connection that was replaced is not remembered over the one that replaced it.
    if (!known || known.link.epoch < link.epoch) this.#byAgent.set(link.agentId, fresh);
    return fresh;
  }

  announce(memory: LinkMemory, broadcastId: string, until: Date): void {
    memory.announced.delete(broadcastId);
    memory.announced.set(broadcastId, { until, againAt: undefined });
    if (memory.announced.size <= ANNOUNCED_MAX) return;
    memory.announced.delete(memory.announced.keys().next().value ?? "");
  }
}
