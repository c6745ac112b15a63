/** What this wire's callers say of gig tasks and mandates -> our commands (LinkedClaw contract §6.5, §6.8). */
import { isId } from "@guildhall/protocol";
import { z } from "zod";
import type { BroadcastState, Partition } from "../../domain/broadcast.ts";
import type { PaymentType } from "../../domain/broadcast-payment.ts";
import { Fault } from "../../domain/fault.ts";
import { check, isObject } from "../shared/check.ts";
import { MICROS_PER_CREDIT } from "./credits.ts";
import { decodeChainId, decodeId, decodeIdempotencyKey, requireShort } from "./decode.ts";

const CREDITS_MAX = 10_000_000_000;
/** Each seat has a hold, all opened by one command of the ledger. */
const TARGET_MAX = 60;
const INSTRUCTION_CHARS_MAX = 32_768;

/** Handed on as it is: a record of zod's would leave a key named `__proto__` out. */
const Json = z.custom<Readonly<Record<string, unknown>>>(isObject, "expected an object");
const Instant = z.iso.datetime({ offset: true }).transform((text) => new Date(text));

/** Strict: a field by another name is money spent on something else than what was meant. */
const Task = z.strictObject({
  capability: z.string().min(1).max(128),
  instruction: z.string().min(1),
  target_providers: z.int().min(1).max(TARGET_MAX),
  credits_per_provider: z.int().min(1).max(CREDITS_MAX),
  mandate_id: z.string(),
  task_params: Json.default({}),
  result_schema: Json.nullish(),
  deadline: Instant.nullish(),
  partition_type: z
    .enum(["homogeneous", "heterogeneous", "slotted"] satisfies Partition[])
    .default("homogeneous"),
  payment_type: z
    .enum(["fixed", "tiered", "winner_take_all"] satisfies PaymentType[])
    .default("fixed"),
  required_stake: z.int().min(0).max(CREDITS_MAX).default(0),
  verifier_method: z.enum(["output_schema"]).nullish(),
});

export function decodeTask(
  body: unknown,
  headers: { readonly chainId: string | undefined; readonly idempotencyKey: string | undefined },
) {
  const task = check(Task, body);
  requireShort("instruction", task.instruction, INSTRUCTION_CHARS_MAX);
  return {
    capability: task.capability,
    instruction: task.instruction,
    params: task.task_params,
    target: task.target_providers,
    slotMicros: BigInt(task.credits_per_provider) * MICROS_PER_CREDIT,
    unitMicros: MICROS_PER_CREDIT,
    stakeMicros: BigInt(task.required_stake) * MICROS_PER_CREDIT,
    payment: task.payment_type,
    partition: task.partition_type,
    verifier: task.verifier_method === "output_schema" ? ("schema" as const) : "requester",
    resultSchema: task.result_schema ?? undefined,
    deadlineAt: task.deadline ?? undefined,
    mandateId: decodeMandateId(task.mandate_id),
    chainId: decodeChainId(headers.chainId),
    idempotencyKey: decodeIdempotencyKey(headers.idempotencyKey),
  } as const;
}

/** What has another shape is no mandate, and sounds so. */
function decodeMandateId(text: string): string {
  try {
    return decodeId("mnd", text, "mandate");
  } catch (error) {
    throw new Fault("mandate_invalid", "There is no such mandate of yours.", undefined, {
      cause: error,
    });
  }
}

const Mandate = z.strictObject({
  kind: z.enum(["gig_pa"]),
  principal_agent_id: z.string(),
  gig_pa_agent_id: z.string().nullish(),
  max_credits: z
    .int()
    .min(0)
    .max(CREDITS_MAX * TARGET_MAX),
  expires_at: Instant.nullish(),
  idempotency_key: z.string().nullish(),
});

export function decodeMandate(body: unknown, idempotencyKey: string | undefined) {
  const mandate = check(Mandate, body);
  return {
    principalAgentId: decodeId("agt", mandate.principal_agent_id, "agent"),
    delegateAgentId: mandate.gig_pa_agent_id
      ? decodeId("agt", mandate.gig_pa_agent_id, "agent")
      : undefined,
    maxMicros: BigInt(mandate.max_credits) * MICROS_PER_CREDIT,
    expiresAt: mandate.expires_at ?? undefined,
    idempotencyKey: decodeIdempotencyKey(mandate.idempotency_key ?? idempotencyKey),
  };
}

const STATES = {
  open: ["open"],
  completed: ["completed"],
  cancelled: ["cancelling", "cancelled"],
  expired: ["expiring", "expired"],
} as const satisfies Record<string, readonly BroadcastState[]>;

const List = z.object({
  status: z.enum(["open", "completed", "cancelled", "expired"]).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(50),
  cursor: z.string().refine(isId, "not a cursor of ours").optional(),
});

export function decodeTaskList(query: Readonly<Record<string, string>>) {
  const { status, limit, cursor } = check(List, query);
  return { states: status && STATES[status], limit, cursor };
}

const Available = z.object({
  capability: z.string().min(1).max(128).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(50),
});

export function decodeAvailable(query: Readonly<Record<string, string>>) {
  const { capability, limit } = check(Available, query);
  return { capability, limit };
}

const SlotKey = z.string().min(1).max(128).nullish();
const Accept = z.strictObject({ agent_id: z.string(), slot_key: SlotKey });
const Submit = z.strictObject({ agent_id: z.string(), slot_key: SlotKey, result_data: Json });

export function decodeAccept(body: unknown, taskId: string) {
  const accept = check(Accept, body);
  return {
    broadcastId: decodeTaskId(taskId),
    agentId: decodeId("agt", accept.agent_id, "agent"),
    slotKey: accept.slot_key ?? undefined,
  };
}

export function decodeSubmit(body: unknown, taskId: string) {
  const submit = check(Submit, body);
  return {
    broadcastId: decodeTaskId(taskId),
    agentId: decodeId("agt", submit.agent_id, "agent"),
    slotKey: submit.slot_key ?? undefined,
    result: submit.result_data,
  };
}

const Verify = z.strictObject({
  verdict: z.enum(["approved", "rejected"]),
  quality_score: z.int().min(0).max(100).nullish(),
  notes: Json.nullish(),
});
const NOTE_CHARS_MAX = 4_000;
const Review = z.strictObject({
  verdict: z.enum(["approve", "reject"]),
  quality_score: z.int().min(1).max(5).nullish(),
  note: z.string().nullish(),
});
/** A review's points on the scale of a verification (contract A-17). */
const POINTS_PER_STAR = 20;

export function decodeVerify(body: unknown, taskId: string, resultId: string) {
  const { verdict, quality_score: score, notes } = check(Verify, body);
  requireShort("notes", notes && JSON.stringify(notes), NOTES_CHARS_MAX);
  return {
    broadcastId: decodeTaskId(taskId),
    slotId: decodeId("res", resultId, "result"),
    isApproved: verdict === "approved",
    score: score ?? undefined,
    notes: notes ?? undefined,
  };
}

const NOTES_CHARS_MAX = 16_384;

export function decodeReview(body: unknown, taskId: string, resultId: string) {
  const { verdict, quality_score: stars, note } = check(Review, body);
  requireShort("note", note, NOTE_CHARS_MAX);
  return {
    broadcastId: decodeTaskId(taskId),
    slotId: decodeId("res", resultId, "result"),
    isApproved: verdict === "approve",
    score: typeof stars === "number" ? stars * POINTS_PER_STAR : undefined,
    notes: typeof note === "string" ? { note } : undefined,
  };
}

export function decodeTaskId(text: string): string {
  return decodeId("gig", text, "broadcast");
}
