/** Broadcasts, as those who ask for them and those who answer them see them. */
import { type Broadcast, type BroadcastState, isBroadcastOver } from "../domain/broadcast.ts";
import { paymentMicros, prizeOf } from "../domain/broadcast-payment.ts";
import type { Caller } from "../domain/caller.ts";
import { Fault } from "../domain/fault.ts";
import type { SlotState } from "../domain/slot.ts";
import {
  type BroadcastRequest,
  findBroadcast,
  findBroadcastRequests,
  findBroadcasts,
  listAvailableBroadcasts,
  listBroadcastIdsOf,
  listHeldMicros,
} from "../store/broadcast.ts";
import {
  countSlots,
  listApprovedResults,
  listSlotRecords,
  type SlotRecord,
} from "../store/slot.ts";
import { advanceBroadcast, tryEvent } from "./broadcast-closing.ts";
import { BROADCAST_LIMITS, type BroadcastContext } from "./broadcast-context.ts";
import { type CreateBroadcast, openBroadcast } from "./broadcast-opening.ts";
import { type JudgeResult, judgeResult, type SubmitResult, submitResult } from "./slot.ts";
import { noSuchBroadcast, type TakeSlot, takeSlot } from "./slot-taking.ts";
import { type TakenSlot, toTaken } from "./slot-telling.ts";

/** A broadcast and what there is to it. */
export interface BroadcastView {
  readonly broadcast: Broadcast;
  readonly request: BroadcastRequest;
  /** Slots by state. */
  readonly counts: ReadonlyMap<SlotState, number>;
  /** What of the requester's money it holds now. */
  readonly heldMicros: bigint;
  /** Whether the caller is the one who asked. */
  readonly isOwn: boolean;
  /** What the caller may see of its slots; none in lists. */
  readonly slots: readonly SlotView[];
}

export interface SlotView extends SlotRecord {
  /** What its agent was paid for it, before the house's share. */
  readonly paidMicros: bigint;
}

export interface BroadcastPage {
  readonly broadcasts: readonly BroadcastView[];
  /** Hand it in again for the next page; `undefined` on the last one. */
  readonly cursor: string | undefined;
}

export interface Broadcasts {
  /** Holds all that it can cost. Throws `mandate_invalid`, what `openBroadcast` says. */
  create(caller: Caller, command: CreateBroadcast): Promise<BroadcastView>;
  /** For who asked, with all results; for who took a seat, with its own. Throws `not_found`. */
  require(caller: Caller, id: string): Promise<BroadcastView>;
  /** The caller's own, newest first. */
  list(caller: Caller, page: BroadcastQuery): Promise<BroadcastPage>;
  /** Those of others that have a free seat, the soonest to end first. */
  available(caller: Caller, query: AvailableQuery): Promise<readonly BroadcastView[]>;
  /** What is not handed in goes back; what is keeps its money until its verdict. Throws `conflict`. */
  cancel(caller: Caller, id: string): Promise<BroadcastView>;
  accept(caller: Caller, command: Omit<TakeSlot, "byLink">): Promise<TakenSlot>;
  submit(caller: Caller, command: SubmitResult): Promise<SlotRecord>;
  judge(caller: Caller, command: JudgeResult): Promise<BroadcastView>;
}

export interface BroadcastQuery {
  readonly states: readonly BroadcastState[] | undefined;
  readonly limit: number;
  readonly cursor: string | undefined;
}

export interface AvailableQuery {
  readonly capability: string | undefined;
  readonly limit: number;
}

const CANCEL_ATTEMPTS_MAX = 10;

export function createBroadcasts(context: BroadcastContext): Broadcasts {
  const { database, clock } = context;

  async function requireOwn(caller: Caller, id: string): Promise<Broadcast> {
    const broadcast = await findBroadcast(database, id);
    if (broadcast?.workspaceId !== caller.workspaceId) throw noSuchBroadcast(id);
    return broadcast;
  }

  async function require(caller: Caller, id: string): Promise<BroadcastView> {
    const broadcast = await findBroadcast(database, id);
    if (!broadcast) throw noSuchBroadcast(id);
    return viewFor(context, caller, broadcast);
  }

  return {
    async create(caller, command) {
      const { id } = await openBroadcast(context, caller, command);
      return require(caller, id);
    },
    require,
    async list(caller, { states, limit, cursor }) {
      const { workspaceId } = caller;
      const ids = await listBroadcastIdsOf(database, workspaceId, states, cursor, limit + 1);
      const shown = ids.slice(0, limit);
      const found = await findBroadcasts(database, shown);
      const byId = new Map(found.map((broadcast) => [broadcast.id, broadcast]));
      const inOrder = shown.flatMap((id) => byId.get(id) ?? []);
      return {
        broadcasts: await viewsOf(context, inOrder, workspaceId),
        cursor: ids.length > limit ? shown.at(-1) : undefined,
      };
    },
    async available({ workspaceId }, query) {
      const now = clock.now();
      const found = await listAvailableBroadcasts(database, { workspaceId, now, ...query });
      return viewsOf(context, found, workspaceId);
    },
    async cancel(caller, id) {
      await cancelBroadcast(context, () => requireOwn(caller, id), caller.keyId);
      return require(caller, id);
    },
    async accept(caller, command) {
      return toTaken(context, await takeSlot(context, caller, { ...command, byLink: false }));
    },
    submit: (caller, command) => submitResult(context, caller, command),
    async judge(caller, command) {
      await judgeResult(context, caller, command);
      return require(caller, command.broadcastId);
    },
  };
}

async function cancelBroadcast(
  context: BroadcastContext,
  look: () => Promise<Broadcast>,
  keyId: string | undefined,
): Promise<void> {
  for (let attempt = 1; attempt <= CANCEL_ATTEMPTS_MAX; attempt++) {
    const broadcast = await look();
    const approved = await listApprovedResults(context.database, broadcast.id);
    if (await tryEvent(context, broadcast, "cancel", approved, keyId)) {
      await advanceBroadcast(context, broadcast.id);
      return;
    }
  }
  throw new Fault("overloaded", "Too much happens to this task at once.", {
    retryAfterSeconds: 1,
  });
}

async function viewFor(
  context: BroadcastContext,
  { workspaceId }: Caller,
  broadcast: Broadcast,
): Promise<BroadcastView> {
  const { database } = context;
  const charactersMax = BROADCAST_LIMITS.resultsCharactersMax;
  const all = await listSlotRecords(database, broadcast.id, charactersMax);
  const isOwn = broadcast.workspaceId === workspaceId;
  const seen = isOwn ? all : all.filter(({ slot }) => slot.providerWorkspaceId === workspaceId);
  // A stranger learns nothing: not even that the task exists.
  if (!isOwn && seen.length === 0) throw noSuchBroadcast(broadcast.id);
  const [view] = await viewsOf(context, [broadcast], workspaceId);
  if (!view) throw new Error("a view of one broadcast is missing");
  const paidMicros = await paymentsOf(context, broadcast);
  const slots = seen.map((record) => ({ ...record, paidMicros: paidMicros(record) }));
  return { ...view, slots };
}

/** What each slot was paid: a winner's part only once it is known who has won. */
async function paymentsOf(
  { database }: BroadcastContext,
  broadcast: Broadcast,
): Promise<(record: SlotRecord) => bigint> {
  const { state, payment } = broadcast;
  if (payment !== "winner_take_all") {
    return ({ slot, ending }) =>
      slot.state === "approved" ? paymentMicros(broadcast, ending?.score) : 0n;
  }
  const prize = isBroadcastOver(state)
    ? prizeOf(broadcast, state === "cancelled", await listApprovedResults(database, broadcast.id))
    : undefined;
  return ({ slot }) => (prize?.slotId === slot.id ? prize.amountMicros : 0n);
}

async function viewsOf(
  { database }: BroadcastContext,
  broadcasts: readonly Broadcast[],
  workspaceId: string,
): Promise<BroadcastView[]> {
  const ids = broadcasts.map(({ id }) => id);
  const [requests, counts, held] = await Promise.all([
    findBroadcastRequests(database, ids),
    countSlots(database, ids),
    listHeldMicros(database, ids),
  ]);
  return broadcasts.map((broadcast) => {
    const request = requests.get(broadcast.id);
    if (!request) throw new Error(`broadcast ${broadcast.id} has no request`);
    const own = counts.filter(({ broadcastId }) => broadcastId === broadcast.id);
    return {
      broadcast,
      request,
      counts: new Map(own.map(({ state, count }) => [state, count])),
      heldMicros: held.get(broadcast.id) ?? 0n,
      isOwn: broadcast.workspaceId === workspaceId,
      slots: [],
    };
  });
}
