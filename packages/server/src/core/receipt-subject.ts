/** What receipts are about: each shape of work that is paid for says what its receipt says. */
import { createHash } from "node:crypto";
import { type Broadcast, isBroadcastOver } from "../domain/broadcast.ts";
import { prizeOf } from "../domain/broadcast-payment.ts";
import {
  type BookedTransfer,
  type Receipt,
  receiptOf,
  sessionReceiptOf,
  slotReceiptOf,
} from "../domain/receipt.ts";
import { isTerminal, type Run } from "../domain/run.ts";
import { isOver } from "../domain/session.ts";
import { isSlotOver } from "../domain/slot.ts";
import { findBroadcasts } from "../store/broadcast.ts";
import type { Database } from "../store/database.ts";
import { listTransfersOf } from "../store/receipt.ts";
import { findResult, findRuns } from "../store/run.ts";
import { findSessionViews } from "../store/session.ts";
import type { SessionView } from "../store/session-rows.ts";
import { findSlotRecords, listApprovedResults, type SlotRecord } from "../store/slot.ts";

/** Work that has, or will have, a receipt. */
export interface ReceiptSubject {
  readonly id: string;
  readonly workspaceId: string;
  readonly providerWorkspaceId: string;
  /** Whether all that its receipt says is settled. */
  readonly isOver: boolean;
  /** What is shown beside a receipt, and not signed. */
  details(): Promise<ReceiptDetails>;
  receipt(): Promise<Receipt>;
}

export interface ReceiptDetails {
  readonly errorMessage: string | undefined;
  /** JSON text. */
  readonly evidence: string | undefined;
}

/** The work of these ids, whatever its shape; what there is not is left out. */
export async function findReceiptSubjects(
  database: Database,
  ids: readonly string[],
): Promise<ReceiptSubject[]> {
  const [runs, sessions, slots] = await Promise.all([
    findRuns(database, ids),
    findSessionViews(database, ids),
    findSlotRecords(database, ids),
  ]);
  return [
    ...runs.map((run) => runSubject(database, run)),
    ...sessions.map((view) => sessionSubject(database, view)),
    ...(await slotSubjects(database, slots)),
  ];
}

function runSubject(database: Database, run: Run): ReceiptSubject {
  const { id, workspaceId, providerWorkspaceId } = run;
  return {
    ...{ id, workspaceId, providerWorkspaceId },
    isOver: isTerminal(run.state),
    async details() {
      const result = await findResult(database, run);
      return { errorMessage: result?.errorMessage, evidence: result?.evidence };
    },
    async receipt() {
      const result = await findResult(database, run);
      const ending = {
        errorCode: run.state === "expired" ? "deadline_exceeded" : result?.errorCode,
        outputDigest: result?.output === undefined ? undefined : sha256(result.output),
        finishedAt: result?.finishedAt ?? run.hold.deadlineAt ?? run.createdAt,
      };
      return receiptOf(run, ending, await listTransfersOf(database, id));
    },
  };
}

function sessionSubject(database: Database, view: SessionView): ReceiptSubject {
  const { session, work, ending } = view;
  const { id, workspaceId, providerWorkspaceId } = session;
  return {
    ...{ id, workspaceId, providerWorkspaceId },
    isOver: isOver(work.state),
    details: async () => ({ errorMessage: ending?.note, evidence: undefined }),
    async receipt() {
      const output = ending?.finalOutput;
      const end = {
        reason: ending?.reason,
        outputDigest: output === undefined ? undefined : sha256(output),
        finishedAt: ending?.at ?? session.createdAt,
      };
      return sessionReceiptOf(view, end, await listTransfersOf(database, id));
    },
  };
}

/** Where the winner takes all, nobody's receipt is done before it is known who has won. */
async function slotSubjects(
  database: Database,
  records: readonly SlotRecord[],
): Promise<ReceiptSubject[]> {
  const broadcasts = await findBroadcasts(database, [
    ...new Set(records.map(({ slot }) => slot.broadcastId)),
  ]);
  const byId = new Map(broadcasts.map((broadcast) => [broadcast.id, broadcast]));
  return records.flatMap(({ slot, result, ending }) => {
    const broadcast = byId.get(slot.broadcastId);
    if (!broadcast) return [];
    const isDecided = broadcast.payment !== "winner_take_all" || isBroadcastOver(broadcast.state);
    const { id, workspaceId, providerWorkspaceId } = slot;
    return [
      {
        ...{ id, workspaceId, providerWorkspaceId },
        isOver: isSlotOver(slot.state) && isDecided,
        details: async () => ({ errorMessage: undefined, evidence: undefined }),
        async receipt() {
          return slotReceiptOf(broadcast, slot, {
            score: ending?.score,
            resultDigest: result?.digest,
            finishedAt: ending?.at ?? slot.executeBy,
            transfers: await listTransfersOf(database, id),
            prize: await prizeTransfers(database, broadcast, id),
          });
        },
      },
    ];
  });
}

/** What the winner of a broadcast was paid; nothing for any other slot. */
async function prizeTransfers(
  database: Database,
  broadcast: Broadcast,
  slotId: string,
): Promise<readonly BookedTransfer[]> {
  const approved = await listApprovedResults(database, broadcast.id);
  const prize = prizeOf(broadcast, broadcast.state === "cancelled", approved);
  return prize?.slotId === slotId ? listTransfersOf(database, broadcast.id) : [];
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
