/** Broadcasts and slots as agents are told of them. */
import type { Broadcast } from "../domain/broadcast.ts";
import type { Slot } from "../domain/slot.ts";
import { type BroadcastRequest, findBroadcast, findBroadcastRequests } from "../store/broadcast.ts";
import type { BroadcastContext } from "./broadcast-context.ts";
import type { SlotTelling, ToldBroadcast } from "./ports.ts";

/** Longer ones are shown only to who takes a seat: an announcement goes to many. */
const PARAMS_SHOWN_CHARACTERS_MAX = 65_536;

/** A slot, and what its agent is to do. */
export interface TakenSlot {
  readonly slot: Slot;
  readonly broadcast: Broadcast;
  readonly request: BroadcastRequest;
  /** With its files where the agent can fetch them. */
  readonly params: unknown;
}

/** A broadcast as everybody may see it; its files are only named. */
export function told(broadcast: Broadcast, request: BroadcastRequest): ToldBroadcast {
  const isLong = request.params.length > PARAMS_SHOWN_CHARACTERS_MAX;
  return toTold(broadcast, request, isLong ? undefined : JSON.parse(request.params));
}

/** A slot as its agent is told of it. */
export async function toTaken(context: BroadcastContext, slot: Slot): Promise<TakenSlot> {
  const { database, files } = context;
  const broadcast = await findBroadcast(database, slot.broadcastId);
  const request = (await findBroadcastRequests(database, [slot.broadcastId])).get(slot.broadcastId);
  if (!broadcast || !request) throw new Error(`slot ${slot.id} has no broadcast`);
  const { workspaceId, providerWorkspaceId, executeBy } = slot;
  const asked: unknown = JSON.parse(request.params);
  const params = await files.deliver(workspaceId, asked, executeBy, providerWorkspaceId);
  return { slot, broadcast, request, params };
}

export async function slotTelling(context: BroadcastContext, slot: Slot): Promise<SlotTelling> {
  const { broadcast, request, params } = await toTaken(context, slot);
  return {
    kind: "slot",
    slotId: slot.id,
    slotKey: slot.slotKey,
    broadcast: toTold(broadcast, request, params),
    chainId: broadcast.chainId,
    executeBy: slot.executeBy,
    isByLink: slot.byLink,
  };
}

function toTold(
  broadcast: Broadcast,
  { instruction, resultSchema }: BroadcastRequest,
  params: unknown,
): ToldBroadcast {
  const { capability, payment, slotMicros, stakeMicros, slotKeys, deadlineAt } = broadcast;
  return {
    broadcastId: broadcast.id,
    ...{ capability, instruction, params, payment, slotMicros, stakeMicros, slotKeys, deadlineAt },
    resultSchema: resultSchema === undefined ? undefined : JSON.parse(resultSchema),
    requesterWorkspaceId: broadcast.workspaceId,
  };
}
