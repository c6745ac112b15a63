/** Work as a handler reads it: one object a piece, told apart by `event` (LinkedClaw contract §8). */
import { prefixed, unitsDown, unitsUp } from "@guildhall/protocol";
import type {
  ClosedSession,
  RunContext,
  SessionFacts,
  SessionMessage,
  TaskContext,
} from "@guildhall/sdk";

/** LinkedClaw's credit, in micros. */
export const MICROS_PER_CREDIT = 100n;

interface Work {
  /** Unique while the daemon lives; the answer carries it. */
  readonly id: string;
  readonly agent_id: string;
  readonly capability: string;
  readonly requester_id: string;
  /** What is bought for this work belongs to this chain. */
  readonly chain_id: string;
}

/** One call. The answer has an `output`. */
export interface InvokeJob extends Work {
  readonly event: "invoke";
  readonly invoke_id: string;
  readonly input: unknown;
  readonly manifest: unknown;
  readonly max_credits: number;
  /** By when the answer is needed. */
  readonly deadline_at: string;
}

interface SessionWork extends Work {
  readonly session_id: string;
  readonly max_messages: number;
  readonly price: {
    readonly shape: string;
    /** For the session, the task or each message; of an open quote the estimate. */
    readonly amount_credits: number;
    /** The most that the whole session can be charged; `null` while nothing is agreed on. */
    readonly max_credits: number | null;
    readonly tier_name: string | null;
  };
  /** The session that this one goes on from. */
  readonly parent_session_id: string | null;
}

/** One message of a session. The answer has a `reply`. */
export interface MessageJob extends SessionWork {
  readonly event: "session.message";
  readonly seq: number;
  readonly payload: unknown;
  /** Nothing was said in this session before. */
  readonly is_first: boolean;
  readonly deadline_at: string;
}

/** What is to be done, before there is a price. The answer may have a `quote`. */
export interface BriefJob extends SessionWork {
  readonly event: "session.brief";
  readonly seq: number;
  readonly payload: unknown;
}

/** A session is over. The answer is read where an invoice is required, and may have an `invoice`. */
export interface EndJob extends SessionWork {
  readonly event: "session.end";
  readonly how: "ended" | "cancelled";
  readonly reason: string;
  readonly message_count: number;
  readonly final_output: string | null;
  readonly invoice_required: boolean;
}

/** One slot of a broadcast. The answer has an `output`, a JSON object. */
export interface TaskJob extends Work {
  readonly event: "gig.execute";
  readonly task_id: string;
  readonly result_id: string;
  readonly slot_key: string | null;
  readonly instruction: string;
  readonly input: unknown;
  readonly result_schema: unknown;
  readonly payment_type: string;
  readonly max_credits: number;
  readonly deadline_at: string;
}

export type Job = InvokeJob | MessageJob | BriefJob | EndJob | TaskJob;

export function invokeJob(input: unknown, context: RunContext): InvokeJob {
  return {
    id: `${prefixed("inv", context.runId)}.${context.attempt}`,
    event: "invoke",
    invoke_id: prefixed("inv", context.runId),
    ...workOf(context),
    input,
    manifest: context.manifest,
    max_credits: creditsDown(context.maxMicros),
    deadline_at: context.deadlineAt.toISOString(),
  };
}

export function messageJob(
  { seq, payload }: SessionMessage,
  session: SessionFacts,
  { isFirst, deadlineAt }: { readonly isFirst: boolean; readonly deadlineAt: Date },
): MessageJob {
  return {
    id: `${prefixed("ses", session.sessionId)}.${seq}`,
    event: "session.message",
    ...sessionWorkOf(session),
    ...{ seq, payload, is_first: isFirst },
    deadline_at: deadlineAt.toISOString(),
  };
}

export function briefJob({ seq, payload }: SessionMessage, session: SessionFacts): BriefJob {
  return {
    id: `${prefixed("ses", session.sessionId)}.brief.${seq}`,
    event: "session.brief",
    ...sessionWorkOf(session),
    ...{ seq, payload },
  };
}

export function endJob(closed: ClosedSession): EndJob {
  return {
    id: `${prefixed("ses", closed.sessionId)}.end`,
    event: "session.end",
    ...sessionWorkOf(closed),
    how: closed.how,
    reason: closed.reason,
    message_count: closed.turns,
    final_output: closed.finalOutput ?? null,
    invoice_required: closed.isBillDue,
  };
}

export function taskJob(input: unknown, context: TaskContext): TaskJob {
  return {
    id: prefixed("res", context.resultId),
    event: "gig.execute",
    task_id: prefixed("gig", context.taskId),
    result_id: prefixed("res", context.resultId),
    slot_key: context.slotKey ?? null,
    ...workOf(context),
    instruction: context.instruction,
    input,
    result_schema: context.resultSchema ?? null,
    payment_type: context.payment,
    max_credits: creditsDown(context.maxMicros),
    deadline_at: context.deadlineAt.toISOString(),
  };
}

function sessionWorkOf(session: SessionFacts): Omit<SessionWork, "id"> {
  const { price, previousId } = session;
  const { ceilingMicros } = price;
  return {
    session_id: prefixed("ses", session.sessionId),
    ...workOf(session),
    max_messages: session.messagesMax,
    price: {
      shape: price.shape,
      amount_credits: Number(unitsUp(price.amountMicros, MICROS_PER_CREDIT)),
      max_credits: ceilingMicros === undefined ? null : creditsDown(ceilingMicros),
      tier_name: price.tier ?? null,
    },
    parent_session_id: previousId === undefined ? null : prefixed("ses", previousId),
  };
}

function workOf(context: {
  readonly agentId: string;
  readonly capability: string;
  readonly requester: string;
  readonly chainId: string;
}) {
  return {
    agent_id: prefixed("agt", context.agentId),
    capability: context.capability,
    requester_id: prefixed("usr", context.requester),
    chain_id: prefixed("chn", context.chainId),
  };
}

/** Rounded down: a handler that stays within it stays within what was agreed on. */
function creditsDown(micros: bigint): number {
  return Number(unitsDown(micros, MICROS_PER_CREDIT));
}
