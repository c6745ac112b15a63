/**
 * Tells agents of broadcasts, and takes what they say of them.
 *
 *   1. Each second, and at once where a hint says so, each process looks which broadcasts have a free
 *      seat and which of the agents connected to it could take one: those are told, once a connection.
 *   2. For 30 seconds an agent may claim a seat over its connection; later by a request of its own.
 *   3. Whoever has a slot and is connected is told to begin, again on each connection; and told when
 *      the slot is over without it.
 *
 * The truth is in the database. What is remembered here only keeps one connection from being told the
 * same thing every second.
 */
import { LIMITS } from "@guildhall/protocol";
import { Fault } from "../domain/fault.ts";
import { isSlotOver, type Slot } from "../domain/slot.ts";
import { findBroadcast, findBroadcastRequests, findBroadcasts } from "../store/broadcast.ts";
import { findLinkHolder } from "../store/key.ts";
import { findSlot, listSlotsOfAgent } from "../store/slot.ts";
import {
  listOffering,
  listOpenOffers,
  listTakers,
  listUnfilledSlotIds,
  type OpenOffer,
} from "../store/slot-offer.ts";
import { endSlot } from "./broadcast-closing.ts";
import { BROADCAST_CHANGED, type BroadcastContext } from "./broadcast-context.ts";
import type { LinkIdentity, SlotDispatcher, SlotEvents, SlotSays, SlotTelling } from "./ports.ts";
import { fillSlot } from "./slot.ts";
import { type LinkMemory, SlotMemory } from "./slot-memory.ts";
import { takeSlot } from "./slot-taking.ts";
import { slotTelling, told } from "./slot-telling.ts";

export interface SlotOffers extends SlotEvents {
  setDispatcher(dispatcher: SlotDispatcher): void;
  /** Tells everybody connected here what there is to tell. Never throws. */
  pass(): Promise<void>;
  stop(): Promise<void>;
}

const PASS_MS = 1_000;
/** Broadcasts looked at a pass, of each workspace the newest first, and announcements sent. */
const OFFERS_MAX = 500;
const ANNOUNCEMENTS_MAX = 1_000;

export function createSlotOffers(context: BroadcastContext): SlotOffers {
  const memory = new SlotMemory();
  let dispatcher: SlotDispatcher = { connected: () => [], tellSlot: () => false };
  let passing: Promise<void> | undefined;
  let isDirty = false;

  async function passOnce(): Promise<void> {
    const connected = dispatcher.connected();
    if (connected.length === 0) return;
    const links = memory.keep(connected);
    await announceAll(context, dispatcher, memory, links);
    await beginAll(context, dispatcher, links);
  }

  function pass(): Promise<void> {
    isDirty = true;
    passing ??= (async () => {
      while (isDirty) {
        isDirty = false;
        await passOnce();
      }
    })()
      .catch((error: unknown) => {
        context.log.warn({ error }, "could not tell agents of broadcasts; trying again");
      })
      .finally(() => {
        passing = undefined;
      });
    return passing;
  }

  const timer = setInterval(() => void pass(), PASS_MS);
  timer.unref();
  const unsubscribe = context.bus.subscribe(BROADCAST_CHANGED, () => void pass());
  return {
    setDispatcher(next) {
      dispatcher = next;
    },
    pass,
    attached: () => void pass(),
    said: (link, says) => hear(context, memory.of(link), says),
    async stop() {
      clearInterval(timer);
      unsubscribe();
      await passing;
    },
  };
}

/** Step 1. */
async function announceAll(
  context: BroadcastContext,
  dispatcher: SlotDispatcher,
  memory: SlotMemory,
  links: readonly LinkMemory[],
): Promise<void> {
  const now = context.clock.now();
  const pairs = await newPairs(context, links, now);
  const ids = [...new Set(pairs.map(({ broadcastId }) => broadcastId))];
  const [broadcasts, requests] = await Promise.all([
    findBroadcasts(context.database, ids),
    findBroadcastRequests(context.database, ids),
  ]);
  const byId = new Map(broadcasts.map((broadcast) => [broadcast.id, broadcast]));
  const until = new Date(now.getTime() + LIMITS.slotOfferMs);
  for (const { broadcastId, link } of pairs) {
    const broadcast = byId.get(broadcastId);
    const request = requests.get(broadcastId);
    if (!broadcast || !request) continue;
    const telling = { kind: "announced", broadcast: told(broadcast, request), until } as const;
    if (dispatcher.tellSlot(link.link, telling)) memory.announce(link, broadcastId, until);
  }
}

/** Who is to be told of what, and was not. */
async function newPairs(
  { database }: BroadcastContext,
  links: readonly LinkMemory[],
  now: Date,
): Promise<{ broadcastId: string; link: LinkMemory }[]> {
  const agentIds = links.map(({ link }) => link.agentId);
  const offers = await listOpenOffers(database, agentIds, now, OFFERS_MAX);
  if (offers.length === 0) return [];
  const capabilities = [...new Set(offers.map(({ capability }) => capability))];
  const offering = await listOffering(database, agentIds, capabilities);
  const takers = await listTakers(
    database,
    offers.map(({ broadcastId }) => broadcastId),
  );
  const taken = new Set(takers.map(({ broadcastId, agentId }) => `${broadcastId} ${agentId}`));
  const byAgent = new Map(links.map((link) => [link.link.agentId, link]));
  const isNew = (offer: OpenOffer, agent: { agentId: string; workspaceId: string }): boolean => {
    const mark = byAgent.get(agent.agentId)?.announced.get(offer.broadcastId);
    const isDue = !mark || (mark.againAt !== undefined && mark.againAt <= now);
    const isOwn = agent.workspaceId === offer.workspaceId;
    return isDue && !isOwn && !taken.has(`${offer.broadcastId} ${agent.agentId}`);
  };
  const pairs = offers.flatMap((offer) =>
    offering
      .filter((agent) => agent.capability === offer.capability && isNew(offer, agent))
      .flatMap(({ agentId }) => {
        const link = byAgent.get(agentId);
        return link ? [{ broadcastId: offer.broadcastId, link }] : [];
      }),
  );
  return pairs.slice(0, ANNOUNCEMENTS_MAX);
}

/** Step 3. */
async function beginAll(
  context: BroadcastContext,
  dispatcher: SlotDispatcher,
  links: readonly LinkMemory[],
): Promise<void> {
  const agentIds = links.map(({ link }) => link.agentId);
  const unfilled = await listUnfilledSlotIds(context.database, agentIds);
  const live = new Set(unfilled.map(({ slotId }) => slotId));
  for (const link of links) {
    const own = unfilled.filter(({ agentId }) => agentId === link.link.agentId);
    for (const { slotId } of own) {
      if (!link.slots.has(slotId)) await begin(context, dispatcher, link, slotId);
    }
    for (const [slotId, broadcastId] of link.slots) {
      if (live.has(slotId)) continue;
      // It may have been told of a moment ago, after the list was made.
      const slot = await findSlot(context.database, slotId);
      if (slot?.state === "accepted") continue;
      link.slots.delete(slotId);
      const isTakenBack = slot?.state === "cancelled" || slot?.state === "expired";
      if (!isTakenBack) continue;
      const reason = slot.state === "expired" ? "Its time is up." : "The task was cancelled.";
      dispatcher.tellSlot(link.link, { kind: "revoked", broadcastId, slotId, reason });
    }
  }
}

async function begin(
  context: BroadcastContext,
  dispatcher: SlotDispatcher,
  link: LinkMemory,
  slotId: string,
): Promise<void> {
  const slot = await findSlot(context.database, slotId);
  if (slot?.state !== "accepted") return;
  const telling = await slotTelling(context, slot);
  // Whoever claimed it may have been answered meanwhile.
  if (link.slots.has(slotId)) return;
  if (dispatcher.tellSlot(link.link, telling)) link.slots.set(slot.id, slot.broadcastId);
}

/** Step 2, and what follows from it. */
async function hear(
  context: BroadcastContext,
  memory: LinkMemory,
  says: SlotSays,
): Promise<SlotTelling | undefined> {
  switch (says.kind) {
    case "slot-passed":
      hearPass(context, memory, says);
      return undefined;
    case "slot-claimed":
      return hearClaim(context, memory, says);
    case "slot-filled":
      return hearResult(context, memory, says);
    case "slot-given-up":
      return hearFailure(context, memory, says);
  }
}

/** Who is only busy is asked again; who does not want to is not. */
function hearPass(
  { clock }: BroadcastContext,
  { announced }: LinkMemory,
  { broadcastId, isBusy }: Extract<SlotSays, { kind: "slot-passed" }>,
): void {
  const mark = announced.get(broadcastId);
  if (!mark) return;
  const again = new Date(clock.now().getTime() + LIMITS.slotOfferMs);
  announced.set(broadcastId, { until: mark.until, againAt: isBusy ? again : undefined });
}

async function hearClaim(
  context: BroadcastContext,
  memory: LinkMemory,
  { broadcastId, slotKey }: Extract<SlotSays, { kind: "slot-claimed" }>,
): Promise<SlotTelling | undefined> {
  const { agentId } = memory.link;
  try {
    const mark = memory.announced.get(broadcastId);
    if (!mark || mark.until < context.clock.now()) {
      throw new Fault("deadline_exceeded", "This was not offered here, or too long ago.");
    }
    const caller = await requireHolder(context, memory.link);
    const taking = { broadcastId, agentId, slotKey, byLink: true };
    const wasTold = [...memory.slots.values()].includes(broadcastId);
    const slot = await takeSlot(context, caller, taking);
    const telling = await slotTelling(context, slot);
    // A look at what is to be begun may have found it meanwhile, and told it.
    if (!wasTold && memory.slots.has(slot.id)) return undefined;
    memory.slots.set(slot.id, broadcastId);
    return telling;
  } catch (error) {
    if (!(error instanceof Fault) || isOurs(error)) throw error;
    // A seat that becomes free again is offered again.
    if (error.code === "broadcast_full") memory.announced.delete(broadcastId);
    return { kind: "withdrawn", broadcastId, code: error.code, message: error.message };
  }
}

async function hearResult(
  context: BroadcastContext,
  memory: LinkMemory,
  { slotId, result }: Extract<SlotSays, { kind: "slot-filled" }>,
): Promise<SlotTelling> {
  const filled = (outcome: "ok" | "late" | "refused", message = ""): SlotTelling => {
    if (outcome !== "refused") memory.slots.delete(slotId);
    return { kind: "filled", slotId, outcome, message };
  };
  const slot = await findSlot(context.database, slotId);
  if (slot?.agentId !== memory.link.agentId) return filled("late");
  const broadcast = await findBroadcast(context.database, slot.broadcastId);
  if (!broadcast) return filled("late");
  if (typeof result !== "object" || result === null || Array.isArray(result)) {
    return filled("refused", "A result is a JSON object.");
  }
  try {
    const { keyId } = await requireHolder(context, memory.link);
    await fillSlot(context, broadcast, slot, result, keyId);
    return filled("ok");
  } catch (error) {
    if (!(error instanceof Fault) || isOurs(error)) throw error;
    const isBad = error.code === "result_schema_mismatch" || error.code === "payload_too_large";
    return filled(isBad ? "refused" : "late", error.message);
  }
}

async function hearFailure(
  context: BroadcastContext,
  memory: LinkMemory,
  { slotId, broadcastId, code, message }: Extract<SlotSays, { kind: "slot-given-up" }>,
): Promise<SlotTelling | undefined> {
  const slot = await findOwnSlot(context, memory.link, slotId, broadcastId);
  if (!slot) return undefined;
  memory.slots.delete(slot.id);
  const settled = { kind: "filled", slotId: slot.id } as const;
  try {
    const { keyId } = await requireHolder(context, memory.link);
    const notes = JSON.stringify({ code, message });
    const move = { event: "fail", keyId, decider: "provider", notes } as const;
    return { ...settled, outcome: await endSlot(context, slot, move), message: "" };
  } catch (error) {
    if (!(error instanceof Fault) || isOurs(error)) throw error;
    return { ...settled, outcome: "late", message: error.message };
  }
}

async function findOwnSlot(
  { database }: BroadcastContext,
  { agentId }: LinkIdentity,
  slotId: string | undefined,
  broadcastId: string | undefined,
): Promise<Slot | undefined> {
  if (slotId !== undefined) {
    const slot = await findSlot(database, slotId);
    return slot?.agentId === agentId ? slot : undefined;
  }
  const slots = await listSlotsOfAgent(database, broadcastId ?? "", agentId);
  return slots.find(({ state }) => !isSlotOver(state));
}

/** Who the connection acts for, as long as it is the agent's. Throws `unauthenticated`. */
async function requireHolder({ database, clock }: BroadcastContext, link: LinkIdentity) {
  const holder = await findLinkHolder(database, link.agentId, link.epoch);
  const isOver = (at: Date | undefined): boolean => at !== undefined && at <= clock.now();
  if (!holder || isOver(holder.revokedAt) || isOver(holder.expiresAt)) {
    throw new Fault("unauthenticated", "This connection is not the agent's any more.");
  }
  return holder.caller;
}

/** What the provider cannot help, and a moment later may be different. */
function isOurs(fault: Fault): boolean {
  return fault.code === "overloaded" || fault.code === "internal";
}
