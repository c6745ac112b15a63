/** Our own API's words -> commands. Amounts are US dollars as decimal text; ids may have a wire's prefix. */
import { isId, microsOfUsd, unprefixed } from "@guildhall/protocol";
import { z } from "zod";
import { Fault } from "../../domain/fault.ts";
import type { PayoutState } from "../../domain/payout.ts";

const email = z.string().min(3).max(254);
const reason = z.string().trim().min(1).max(500);

/** Exact: a JSON number would have been rounded before we see it. */
const usd = z.string().transform((text, context) => {
  const micros = microsOfUsd(text);
  if (micros !== undefined) return micros;
  context.addIssue({ code: "custom", message: 'an amount in US dollars, as text, like "0.50"' });
  return z.NEVER;
});

const instant = z.iso.datetime({ offset: true }).transform((text) => new Date(text));

/** An agent's id, as it is stored or as LinkedClaw shows it. */
const agentId = z.string().transform((text, context) => {
  const id = isId(text) ? text : unprefixed("agt", text);
  if (id !== undefined) return id;
  context.addIssue({ code: "custom", message: "no agent's id" });
  return z.NEVER;
});

export const CreateMember = z.strictObject({ email, handle: z.string().max(40).optional() });
export const OfMember = z.strictObject({ email });
export const RoleOfMember = z.strictObject({ email, role: z.enum(["member", "operator"]) });
const limits = {
  daily_usd: usd.optional(),
  monthly_usd: usd.optional(),
  prepaid_usd: usd.optional(),
};
export const CreateKey = z
  .strictObject({
    email,
    kind: z.enum(["lc", "claw_wsk", "mrg", "cllk_live", "shk", "gld"]),
    agent_id: agentId.optional(),
    label: z.string().max(200).optional(),
    ...limits,
  })
  .transform(({ agent_id, daily_usd, monthly_usd, prepaid_usd, ...rest }) => ({
    ...rest,
    agentId: agent_id,
    limits: { dailyMicros: daily_usd, monthlyMicros: monthly_usd, prepaidMicros: prepaid_usd },
  }));
/** A limit that is not given is none: what is said is the whole of it. */
export const LimitMember = z
  .strictObject({ email, ...limits, chain_ceiling_usd: usd.optional() })
  .transform((body) => ({
    email: body.email,
    limits: {
      dailyMicros: body.daily_usd,
      monthlyMicros: body.monthly_usd,
      prepaidMicros: body.prepaid_usd,
    },
    chainCeilingMicros: body.chain_ceiling_usd,
  }));
export const CreditMember = z
  .strictObject({
    email,
    usd,
    reason: reason.optional(),
    // It becomes a part of the transfer's name.
    reference: z
      .string()
      .regex(/^[A-Za-z0-9._:/-]{1,200}$/, "letters, digits and . _ : / -")
      .optional(),
  })
  .transform(({ usd: amountMicros, reason: why, ...rest }) => {
    return { ...rest, amountMicros, reason: why ?? "credited by the operator" };
  });
export const Reverse = z.strictObject({ reason });
export const CreateVoucher = z
  .strictObject({ usd, code: z.string().max(200).optional(), expires_at: instant.optional() })
  .transform((body) => ({
    amountMicros: body.usd,
    code: body.code,
    expiresAt: body.expires_at,
  }));
export const ApproveHandoff = z.strictObject({ code: z.string().min(1).max(200), email });
export const Nothing = z.strictObject({});

export const RedeemVoucher = z.strictObject({ code: z.string().min(1).max(200) });
export const OpenTopup = z
  .strictObject({
    usd,
    /** Whoever the server has, where it is not said. */
    rail: z.enum(["dev", "stripe"]).optional(),
    payment_id: z.string().max(200).optional(),
    /** On the development rail: `false` leaves it pending. */
    pay: z.boolean().optional(),
  })
  .transform((body) => ({
    amountMicros: body.usd,
    rail: body.rail,
    paymentId: body.payment_id,
    isPaidLater: body.pay === false,
  }));
export const RequestPayout = z.strictObject({ usd });

const PAYOUT_STATES = ["pending", "requested", "refused", "returned", "paid"] as const;
const PAGE_MAX = 100;
const PAGE_DEFAULT = 50;

const limit = z
  .string()
  .regex(/^\d{1,4}$/, "a whole number")
  .transform((text) => Math.min(Math.max(1, Number(text)), PAGE_MAX))
  .default(PAGE_DEFAULT);
/** The id of the last row of the page before. */
const cursor = z
  .string()
  .regex(/^[0-9a-f]{24}$/, "not one of ours")
  .optional();

export const Page = z.object({ limit, cursor });
export const TransferPage = z.object({ limit, cursor: z.string().max(40).optional() });
export const PayoutPage = z.object({
  limit,
  cursor,
  state: z.enum(PAYOUT_STATES).optional(),
}) satisfies z.ZodType<{ state?: PayoutState | undefined }>;
export const KeysOfMember = z.object({ email });

/** An id in a path. What cannot be one is treated as one that does not exist. */
export function decodeId(text: string | undefined, kind: string, prefix?: string): string {
  const id = text ?? "";
  if (isId(id)) return id;
  const bare = prefix === undefined ? undefined : unprefixed(prefix, id);
  if (bare !== undefined) return bare;
  throw new Fault("not_found", `There is no such ${kind}.`, { kind, id });
}

/** `full=1` reads the books from their first transfer on. */
export const Verify = z.strictObject({
  full: z
    .enum(["0", "1"])
    .default("0")
    .transform((text) => text === "1"),
});
