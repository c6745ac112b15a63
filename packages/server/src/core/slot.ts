/** Results of broadcasts: handed in by agents, judged by whoever asked. */
import { createHash } from "node:crypto";
import { LIMITS } from "@guildhall/protocol";
import type { Broadcast } from "../domain/broadcast.ts";
import type { Caller } from "../domain/caller.ts";
import { Fault } from "../domain/fault.ts";
import { reviewBy, type Slot } from "../domain/slot.ts";
import { findBroadcast } from "../store/broadcast.ts";
import { findKey } from "../store/key.ts";
import {
  findSlotRecord,
  keepSlotResult,
  listSlotsOfAgent,
  type SlotRecord,
} from "../store/slot.ts";
import { endSlot } from "./broadcast-closing.ts";
import type { BroadcastContext } from "./broadcast-context.ts";
import { moveSlot } from "./slot-settling.ts";
import { noSuchBroadcast, requireWorker } from "./slot-taking.ts";

export interface SubmitResult {
  readonly broadcastId: string;
  readonly agentId: string;
  readonly slotKey: string | undefined;
  readonly result: unknown;
}

export interface JudgeResult {
  readonly broadcastId: string;
  readonly slotId: string;
  readonly isApproved: boolean;
  /** 0 to 100. */
  readonly score: number | undefined;
  readonly notes: unknown;
}

/**
 * Takes an agent's result. The same result again changes nothing. Throws `not_found`, `forbidden`,
 * `payload_too_large`, `result_schema_mismatch`, and `conflict` where the agent has no slot to fill.
 */
export async function submitResult(
  context: BroadcastContext,
  caller: Caller,
  command: SubmitResult,
): Promise<SlotRecord> {
  const { database } = context;
  const agent = await requireWorker(context, caller, command.agentId);
  const broadcast = await findBroadcast(database, command.broadcastId);
  if (!broadcast) throw noSuchBroadcast(command.broadcastId);
  const slots = await listSlotsOfAgent(database, broadcast.id, agent.id);
  const slot = slots.at(-1);
  if (!slot) throw new Fault("conflict", "This agent has not accepted the task.");
  const isOther = command.slotKey !== undefined && command.slotKey !== slot.slotKey;
  if (isOther) throw new Fault("conflict", "This agent's slot is another one.");
  await fillSlot(context, broadcast, slot, command.result, caller.keyId);
  const record = await findSlotRecord(database, slot.id);
  if (!record) throw new Error(`slot ${slot.id} is gone`);
  return record;
}

/**
 * Puts a result into a slot; approves it where its schema is what decides. The first one that was written
 * down counts: should another come before it was handed in, as after a crash, that one is handed in, and
 * the other refused.
 */
export async function fillSlot(
  context: BroadcastContext,
  broadcast: Broadcast,
  slot: Slot,
  result: unknown,
  keyId: string | undefined,
): Promise<void> {
  const text = JSON.stringify(result);
  const digest = createHash("sha256").update(text).digest("hex");
  if (await isHandedIn(context, slot, digest)) return;
  if (text.length > LIMITS.slotResultCharactersMax) {
    throw new Fault("payload_too_large", "A result may have 256 KB; hand in files for more.", {
      bytesMax: LIMITS.slotResultCharactersMax,
    });
  }
  let isChecked = await checkResult(context, broadcast, result);
  const kept = await keepSlotResult(context.database, {
    slotId: slot.id,
    ...{ result: text, digest },
    submittedAt: context.clock.now(),
  });
  const isOther = kept.digest !== digest;
  if (isOther && kept.result !== undefined) {
    isChecked = await checkResult(context, broadcast, JSON.parse(kept.result));
  }
  const passes = isChecked && broadcast.verifier === "schema";
  const outcome = passes
    ? await endSlot(context, slot, { event: "pass", keyId, decider: "schema" })
    : await moveSlot(context, slot, {
        ...{ event: "submit", keyId, decider: "provider" },
        reviewBy: reviewBy(broadcast, kept.submittedAt),
      });
  if (isOther) throw alreadyHandedIn();
  if (outcome === "ok") return;
  const record = await findSlotRecord(context.database, slot.id);
  // It may have been handed in by the same request, sent twice.
  if (record?.result?.digest !== digest) throw tooLate();
}

/** Whether this very result is there already. Throws `conflict` where no result is wanted any more. */
async function isHandedIn(
  { database, clock }: BroadcastContext,
  slot: Slot,
  digest: string,
): Promise<boolean> {
  if (slot.state === "accepted") {
    if (clock.now() < slot.executeBy) return false;
    throw tooLate();
  }
  const record = await findSlotRecord(database, slot.id);
  if (!record?.result) throw tooLate();
  if (record.result.digest === digest) return true;
  throw alreadyHandedIn();
}

function tooLate(): Fault {
  return new Fault("conflict", "The slot is over: its deadline passed, or it was cancelled.");
}

function alreadyHandedIn(): Fault {
  return new Fault("conflict", "Another result was handed in for this slot.");
}

/**
 * Whether the result was held against its schema, and fits. Where the requester's own schema cannot
 * be used, its agent is not the one to blame: the requester decides by itself.
 */
async function checkResult(
  { schemas, log }: BroadcastContext,
  broadcast: Broadcast,
  result: unknown,
): Promise<boolean> {
  if (!broadcast.resultSchema) return false;
  let errors: readonly string[];
  try {
    errors = await schemas.problemsOf(broadcast.workspaceId, broadcast.resultSchema, result);
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== "schema_unavailable") throw error;
    log.warn({ error, broadcastId: broadcast.id }, "a result could not be checked");
    return false;
  }
  if (errors.length === 0) return true;
  const message = `The result does not fit the task's schema: ${errors.join("; ")}`;
  throw new Fault("result_schema_mismatch", message, { errors });
}

/**
 * The requester's verdict. Throws `not_found`, `mandate_invalid` where nothing may be approved under
 * it any more, and `conflict` where the result does not wait for a verdict.
 */
export async function judgeResult(
  context: BroadcastContext,
  caller: Caller,
  command: JudgeResult,
): Promise<void> {
  const { database, mandates } = context;
  const broadcast = await findBroadcast(database, command.broadcastId);
  if (broadcast?.workspaceId !== caller.workspaceId) throw noSuchBroadcast(command.broadcastId);
  const record = await findSlotRecord(database, command.slotId);
  if (record?.slot.broadcastId !== broadcast.id) {
    throw new Fault("not_found", "No such result.", { kind: "slot", id: command.slotId });
  }
  const { slot } = record;
  if (slot.state !== "submitted") {
    throw new Fault("conflict", `The result is ${slot.state}; it does not wait for a verdict.`);
  }
  if (command.isApproved && (await mandates.isRevoked(broadcast.mandateId))) {
    throw new Fault("mandate_invalid", "The mandate is revoked.");
  }
  // A verdict is written before it is carried out, so here too no cache says that the key is good.
  if (caller.keyId) await requireLiveKey(context, caller.keyId);
  const outcome = await endSlot(context, slot, {
    event: command.isApproved ? "approve" : "reject",
    keyId: caller.keyId,
    decider: "requester",
    score: command.score,
    notes: command.notes === undefined ? undefined : JSON.stringify(command.notes),
  });
  if (outcome === "late" && !(await isAsJudged(context, command))) {
    throw new Fault("conflict", "The result was judged already.");
  }
}

/** Whether another one, such as time, carried out this very verdict: it was written down first. */
async function isAsJudged(
  { database }: BroadcastContext,
  { slotId, isApproved, score }: JudgeResult,
): Promise<boolean> {
  const record = await findSlotRecord(database, slotId);
  const isSame = record?.slot.state === (isApproved ? "approved" : "rejected");
  return isSame && record.ending?.decider === "requester" && record.ending.score === score;
}

async function requireLiveKey({ database, clock }: BroadcastContext, id: string): Promise<void> {
  const key = await findKey(database, id);
  const isOver = (at: Date | undefined): boolean => at !== undefined && at <= clock.now();
  if (key && !isOver(key.revokedAt) && !isOver(key.expiresAt)) return;
  throw new Fault("unauthenticated", "The key is revoked or expired.");
}
