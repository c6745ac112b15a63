/** What a session's rows come to: the facts, its work, the head of its log, its hold, and how it ended. */
import type {
  Session,
  SessionClosing,
  SessionReason,
  SessionStanding,
  SessionState,
} from "../domain/session.ts";
import type { SessionTerms } from "../domain/session-terms.ts";
import { priceOf } from "./price.ts";

/** A session with everything that is known of it. */
export interface SessionView extends SessionStanding {
  readonly ending: SessionEnding | undefined;
  readonly activatedAt: Date | undefined;
  readonly invoiceId: string | undefined;
  /** The estimate of the proposal that was accepted, for an open quote. */
  readonly quotedMicros: bigint | undefined;
}

export interface SessionEnding {
  readonly reason: SessionReason;
  readonly declaredCount: number | undefined;
  readonly finalOutput: string | undefined;
  readonly continuationId: string | undefined;
  readonly note: string | undefined;
  readonly at: Date;
}

export const SESSION_COLUMNS = `
  s.id, s.workspace_id, s.agent_id, s.provider_workspace_id, s.capability, s.chain_id, s.parent_id,
  s.previous_id, s.key_id, s.shape, s.amount_micros, s.ceiling_micros, s.tier_index, s.tier_name,
  s.schedule, s.messages_max, s.fee_bp, s.referred_by, s.mandate_id, s.created_at`;

/** Everything that is known of a session that was opened. */
export const SELECT_VIEW = `
  select ${SESSION_COLUMNS},
         w.state, w.version, w.attempt, w.process_id, w.deadline_at,
         l.next_position, l.last_seq, l.last_number, l.used, l.answered, l.open_turns, l.last_at,
         l.warned_at, l.cap_hit_at, l.offered_until, l.offers, l.activated_at, l.closing,
         h.account_id as hold_account_id, h.amount_micros as hold_micros, h.captured_micros,
         h.fee_basis_points as hold_fee, h.budget_ids, h.deadline_at as hold_deadline_at,
         h.closed_at as hold_closed_at, q.accepted_at, q.amount_micros as quoted_micros,
         i.id as invoice_id, i.total_micros, i.submitted_at,
         e.reason, e.declared_count, e.final_output, e.continuation_id, e.note, e.at as ending_at
    from sessions s
    join work w on w.id = s.id
    join session_logs l on l.session_id = s.id
    left join holds h on h.work_id = s.id and h.id = s.id
    left join session_quotes q on q.session_id = s.id
    left join session_invoices i on i.session_id = s.id
    left join session_endings e on e.session_id = s.id`;

export interface SessionRow {
  id: string;
  workspace_id: string;
  agent_id: string;
  provider_workspace_id: string;
  capability: string;
  chain_id: string;
  parent_id: string | null;
  previous_id: string | null;
  key_id: string | null;
  shape: SessionTerms["shape"];
  amount_micros: bigint;
  ceiling_micros: bigint | null;
  tier_index: number | null;
  tier_name: string | null;
  schedule: string;
  messages_max: number;
  fee_bp: number;
  referred_by: string | null;
  mandate_id: string | null;
  created_at: Date;
}

export interface ViewRow extends SessionRow {
  state: SessionState;
  version: number;
  attempt: number;
  process_id: string | null;
  deadline_at: Date | null;
  next_position: number;
  last_seq: number;
  last_number: number;
  used: number;
  answered: number;
  open_turns: string;
  last_at: Date;
  warned_at: Date | null;
  cap_hit_at: Date | null;
  offered_until: Date | null;
  offers: number;
  activated_at: Date | null;
  closing: SessionClosing | null;
  hold_account_id: string | null;
  hold_micros: bigint | null;
  captured_micros: bigint | null;
  hold_fee: number | null;
  budget_ids: string | null;
  hold_deadline_at: Date | null;
  hold_closed_at: Date | null;
  accepted_at: Date | null;
  quoted_micros: bigint | null;
  invoice_id: string | null;
  total_micros: bigint | null;
  submitted_at: Date | null;
  reason: SessionReason | null;
  declared_count: number | null;
  final_output: string | null;
  continuation_id: string | null;
  note: string | null;
  ending_at: Date | null;
}

export function toSession(row: SessionRow): Session {
  return {
    id: row.id,
    workspaceId: row.workspace_id,
    agentId: row.agent_id,
    providerWorkspaceId: row.provider_workspace_id,
    capability: row.capability,
    chainId: row.chain_id,
    parentId: row.parent_id ?? undefined,
    previousId: row.previous_id ?? undefined,
    keyId: row.key_id ?? undefined,
    terms: toTerms(row),
    schedule: priceOf(row.schedule),
    messagesMax: row.messages_max,
    feeBasisPoints: row.fee_bp,
    referredBy: row.referred_by ?? undefined,
    mandateId: row.mandate_id ?? undefined,
    createdAt: row.created_at,
  };
}

function toTerms(row: SessionRow): SessionTerms {
  const { shape } = row;
  if (shape === "free") return { shape };
  if (shape === "open_quote") {
    const ceilingMicros = row.ceiling_micros ?? undefined;
    return { shape, estimateMicros: row.amount_micros, ceilingMicros };
  }
  const tierIndex = row.tier_index ?? undefined;
  const tierName = row.tier_name ?? undefined;
  return { shape, amountMicros: row.amount_micros, tierIndex, tierName };
}

export function toView(row: ViewRow): SessionView {
  return {
    session: toSession(row),
    work: {
      state: row.state,
      version: row.version,
      attempt: row.attempt,
      processId: row.process_id ?? undefined,
      deadlineAt: row.deadline_at ?? undefined,
    },
    log: toLog(row),
    hold: toHold(row),
    agreedAt: row.accepted_at ?? undefined,
    invoice: row.submitted_at
      ? { totalMicros: row.total_micros ?? 0n, submittedAt: row.submitted_at }
      : undefined,
    invoiceId: row.invoice_id ?? undefined,
    quotedMicros: row.accepted_at ? (row.quoted_micros ?? undefined) : undefined,
    closedAt: row.ending_at ?? undefined,
    activatedAt: row.activated_at ?? undefined,
    ending: toEnding(row),
  };
}

function toLog(row: ViewRow): SessionView["log"] {
  return {
    events: row.next_position,
    lastSeq: row.last_seq,
    lastNumber: row.last_number,
    used: row.used,
    answered: row.answered,
    openTurns: turnsOf(row.open_turns),
    lastAt: row.last_at,
    warnedAt: row.warned_at ?? undefined,
    capHitAt: row.cap_hit_at ?? undefined,
    offeredUntil: row.offered_until ?? undefined,
    offers: row.offers,
    closing: row.closing ?? undefined,
  };
}

/** ",3,4," as numbers. */
export function turnsOf(text: string): number[] {
  return text.split(",").filter(Boolean).map(Number);
}

function toHold(row: ViewRow): SessionView["hold"] {
  const { hold_account_id: accountId, hold_fee: feeBasisPoints, budget_ids: budgetIds } = row;
  if (accountId === null || feeBasisPoints === null) return undefined;
  return {
    terms: {
      id: row.id,
      workId: row.id,
      accountId,
      feeBasisPoints,
      budgetIds: budgetIds ? budgetIds.split(" ") : [],
      deadlineAt: row.hold_deadline_at ?? undefined,
    },
    amountMicros: row.hold_micros ?? 0n,
    capturedMicros: row.captured_micros ?? 0n,
    isOpen: row.hold_closed_at === null,
  };
}

function toEnding(row: ViewRow): SessionEnding | undefined {
  if (row.reason === null || row.ending_at === null) return undefined;
  return {
    reason: row.reason,
    declaredCount: row.declared_count ?? undefined,
    finalOutput: row.final_output ?? undefined,
    continuationId: row.continuation_id ?? undefined,
    note: row.note ?? undefined,
    at: row.ending_at,
  };
}
