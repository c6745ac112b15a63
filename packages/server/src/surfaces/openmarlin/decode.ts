/** What this wire's callers say -> our commands (OpenMarlin contract §2, §4). */
import { LIMITS, parseJson, unprefixed } from "@guildhall/protocol";
import type { Context } from "hono";
import { z } from "zod";
import { Fault } from "../../domain/fault.ts";
import { memberTwice } from "../../lib/json-members.ts";
import { isObject } from "../shared/check.ts";
import { readText } from "../shared/json-body.ts";

/**
 * The request's body, a JSON object, whatever content type it came with. No object in it has a member
 * twice: readers differ in which of the two they take, and so in what is paid for.
 *
 * @throws {Fault} `payload_too_large`, `invalid_request`
 */
export async function readObject(c: Context): Promise<Readonly<Record<string, unknown>>> {
  const text = await readText(c, LIMITS.bodyBytesMax);
  const parsed = parseJson(text);
  if (!parsed.ok) throw invalid("body", `The body ${parsed.problem}.`);
  if (!isObject(parsed.value)) throw invalid("body", "The body has to be a JSON object.");
  const twice = memberTwice(text);
  if (twice === undefined) return parsed.value;
  throw invalid(twice, `"${twice}" stands twice in the same object of the body.`);
}

export const StartRegistration = z
  .strictObject({
    provider: z.literal("workos"),
    auth_flow: z.enum(["device", "workos_callback"]),
    referral_code: z.string().max(64).nullish(),
  })
  .transform(({ auth_flow, referral_code }) => ({
    proof: auth_flow === "device" ? ("device-code" as const) : ("state" as const),
    referralCode: referral_code ?? undefined,
  }));

const proof = z.string().min(1).max(200);
const label = z.string().max(200).nullish();

/** Exactly one proof. */
export const IssueKey = z
  .union(
    [
      z.strictObject({ device_code: proof, label }),
      z.strictObject({ callback_state: proof, label }),
    ],
    { error: "give exactly one of device_code and callback_state, and a label if you like" },
  )
  .transform((body) => ({
    proof:
      "device_code" in body
        ? { kind: "device-code" as const, value: body.device_code }
        : { kind: "state" as const, value: body.callback_state },
    label: body.label?.trim() || undefined,
  }));

/** The most credits that one top-up may be of (contract §8.5). */
const TOPUP_CREDITS_MAX = 1_000_000;

/** An amount in credits; how many decimals it may have, `credits` says. */
export const OpenTopup = z.strictObject({
  amount: z.number().positive().max(TOPUP_CREDITS_MAX),
});

/** A top-up's id. What cannot be one is treated as one that does not exist. */
export function decodeTopupId(text: string): string {
  const id = unprefixed("topup", text);
  if (id !== undefined) return id;
  throw new Fault("not_found", "There is no such top-up.", { kind: "topup", id: text });
}

const text = z.string().trim().min(1).max(200);

/** Who a development server is told to take the person for: an address, or any name. */
export const CompleteDevice = z
  .strictObject({
    device_code: proof,
    provider_subject: text.nullish(),
    primary_email: text.nullish(),
  })
  .transform(({ device_code, provider_subject, primary_email }, context) => {
    const email = primary_email ?? emailOfSubject(provider_subject ?? undefined);
    if (email !== undefined) return { deviceCode: device_code, email };
    context.addIssue({ code: "custom", message: "give primary_email or provider_subject" });
    return z.NEVER;
  });

/** The same subject is the same person. `.invalid` is nobody's domain, for good (RFC 2606). */
function emailOfSubject(subject: string | undefined): string | undefined {
  if (subject === undefined || subject.includes("@")) return subject;
  return `${subject.toLowerCase().replace(/[^a-z0-9._-]+/g, "-")}@subject.invalid`;
}

function invalid(field: string, message: string): Fault {
  return new Fault("invalid_request", message, { field });
}
