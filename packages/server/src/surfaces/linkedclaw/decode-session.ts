/** What this wire's callers say about sessions -> our commands (LinkedClaw contract §6.7). */
import { isId, LIMITS, unprefixed } from "@guildhall/protocol";
import { z } from "zod";
import { Fault } from "../../domain/fault.ts";
import type { SessionState } from "../../domain/session.ts";
import { check, isObject } from "../shared/check.ts";
import { MICROS_PER_CREDIT } from "./credits.ts";
import { decodeChainId, decodeId, decodeIdempotencyKey, requireShort } from "./decode.ts";

const Credits = z.int().min(0).max(10_000_000_000);
const QuoteProposal = z.object({
  shape: z.enum(["free", "per_session", "per_task", "per_message", "itemized"]),
  amount_credits: Credits.nullish(),
  max_credits: Credits.nullish(),
});
type QuoteProposal = z.output<typeof QuoteProposal>;

const Open = z.object({
  agent_id: z.string(),
  capability: z.string().min(1).max(128),
  max_messages: z.int().min(1).max(LIMITS.sessionMessagesMax).nullish(),
  quote: QuoteProposal.nullish(),
  open_quote: z.boolean().nullish(),
  referred_by: z.string().max(200).nullish(),
  mandate_id: z.string().max(64).nullish(),
});

export function decodeOpenSession(
  body: unknown,
  headers: { readonly chainId: string | undefined; readonly idempotencyKey: string | undefined },
) {
  const open = check(Open, body);
  const quote = open.quote ?? undefined;
  // An itemized quote without a ceiling is how clients ask for an open one (contract A-32).
  const isPlaceholder = quote?.shape === "itemized" && !quote.max_credits;
  return {
    agentId: decodeId("agt", open.agent_id, "agent"),
    capability: open.capability,
    messagesMax: open.max_messages ?? 1,
    quote: quote && !isPlaceholder ? toQuote(quote) : undefined,
    isOpenQuote: open.open_quote === true || isPlaceholder,
    referredBy: open.referred_by ?? undefined,
    mandateId: decodeMandateId(open.mandate_id),
    chainId: decodeChainId(headers.chainId),
    idempotencyKey: decodeIdempotencyKey(headers.idempotencyKey),
  };
}

function toQuote({ shape, amount_credits: amount, max_credits: most }: QuoteProposal) {
  return {
    shape: shape === "itemized" ? ("open_quote" as const) : shape,
    amountMicros: BigInt(amount ?? 0) * MICROS_PER_CREDIT,
    ceilingMicros: toMicros(most),
  };
}

function decodeMandateId(text: string | null | undefined): string | undefined {
  if (text === null || text === undefined) return undefined;
  return decodeId("mnd", text, "mandate");
}

/** Handed on as it is: a record of zod's would leave a key named `__proto__` out. */
const Payload = z.custom<Readonly<Record<string, unknown>>>(isObject, "expected an object");
const SEQ_MAX = 2 ** 31 - 1;
const Message = z.object({ seq: z.int().min(1).max(SEQ_MAX), payload: Payload });

export function decodeMessage(body: unknown) {
  const { seq, payload } = check(Message, body);
  return { seq, payload };
}

const Events = z.object({
  since: z.coerce.number().int().min(0).max(SEQ_MAX).default(0),
  limit: z.coerce.number().int().min(1).max(200).default(200),
});

export function decodeEvents(query: Readonly<Record<string, string>>) {
  return check(Events, query);
}

const STATES = [
  "pending",
  "active",
  "interrupted",
  "awaiting_invoice",
  "ended",
  "cancelled",
] as const satisfies readonly SessionState[];
const List = z.object({
  status: z.enum(STATES).optional(),
  role: z.enum(["requester", "provider"]).default("requester"),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z
    .string()
    .transform((text) => unprefixed("ses", text) ?? text)
    .refine(isId, "not a cursor of ours")
    .optional(),
});

export function decodeList(query: Readonly<Record<string, string>>) {
  const { status, role, limit, cursor } = check(List, query);
  return { side: role, state: status, limit, cursor };
}

const End = z.object({
  message_count: z.int().min(0).max(SEQ_MAX).nullish(),
  final_output: z.string().nullish(),
});

export function decodeEnd(body: unknown) {
  const { message_count: count, final_output: output } = check(End, body);
  requireShort("final_output", output, LIMITS.messageBytesMax);
  return { declaredCount: count ?? undefined, finalOutput: output ?? undefined };
}

const Cancel = z.object({ mandate_id: z.string().max(64).nullish() });

export function decodeCancel(body: unknown, idempotencyKey: string | undefined) {
  return {
    mandateId: decodeMandateId(check(Cancel, body).mandate_id),
    idempotencyKey: decodeIdempotencyKey(idempotencyKey),
  };
}

const Lines = z.custom<unknown>((value) => value === undefined || typeof value === "object");
const Note = z.string().max(2_000).nullish();
const Propose = z.object({
  shape: z.literal("itemized").nullish(),
  amount_credits: Credits,
  max_credits: Credits,
  line_items: Lines.optional(),
  note: Note,
});

export function decodePropose(body: unknown) {
  const proposal = check(Propose, body);
  return {
    amountMicros: BigInt(proposal.amount_credits) * MICROS_PER_CREDIT,
    ceilingMicros: BigInt(proposal.max_credits) * MICROS_PER_CREDIT,
    lines: proposal.line_items ?? undefined,
    note: proposal.note ?? undefined,
  };
}

const AcceptQuote = z.object({
  proposal_hash: z.string().max(128),
  silent_consent_bound: Credits.nullish(),
});

export function decodeAcceptQuote(body: unknown) {
  const { proposal_hash: hash, silent_consent_bound: bound } = check(AcceptQuote, body);
  return { hash, silentBoundMicros: toMicros(bound) };
}

const Bill = z.object({ total_credits: Credits, line_items: Lines.optional(), note: Note });

export function decodeBill(body: unknown) {
  const { total_credits: total, line_items: lines, note } = check(Bill, body);
  return {
    totalMicros: BigInt(total) * MICROS_PER_CREDIT,
    lines: lines ?? undefined,
    note: note ?? undefined,
  };
}

const AcceptInvoice = z.object({ invoice_id: z.string().max(64) });

export function decodeAcceptInvoice(body: unknown): string {
  return decodeId("inv", check(AcceptInvoice, body).invoice_id, "invoice");
}

const Flag = z.object({ reason: z.string().min(1).max(200), note: Note });

export function decodeFlag(body: unknown) {
  const { reason, note } = check(Flag, body);
  return { reason, note: note ?? undefined };
}

const Extend = z.object({
  tier: z.union([z.int().min(0).max(1_000), z.literal("next")]).nullish(),
  quote: QuoteProposal.nullish(),
});

export function decodeExtend(body: unknown, key: string | undefined) {
  const { tier, quote } = check(Extend, body);
  const hasTier = tier !== undefined && tier !== null;
  const hasQuote = quote !== undefined && quote !== null;
  if (hasTier === hasQuote) {
    throw new Fault("invalid_request", "Give exactly one of tier and quote.", { field: "tier" });
  }
  return {
    tier: hasTier ? tier : undefined,
    quote: hasQuote ? toQuote(quote) : undefined,
    idempotencyKey: decodeIdempotencyKey(key),
  };
}

function toMicros(credits: number | null | undefined): bigint | undefined {
  if (credits === null || credits === undefined) return undefined;
  return BigInt(credits) * MICROS_PER_CREDIT;
}
