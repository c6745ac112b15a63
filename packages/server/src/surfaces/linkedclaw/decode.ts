/** What this wire's callers say -> our commands (LinkedClaw contract §6). */
import { isId, LIMITS, unprefixed } from "@guildhall/protocol";
import { z } from "zod";
import { Fault } from "../../domain/fault.ts";
import { check, isObject } from "../shared/check.ts";
import { MICROS_PER_CREDIT } from "./credits.ts";

/** Handed on as it is: a record of zod's would leave a key named `__proto__` out. */
const Input = z.custom<Readonly<Record<string, unknown>>>(isObject, "expected an object");
const INTENTION_CHARS_MAX = 4_000;
const Manifest = z.looseObject({ intention: z.string().min(1) });

export function decodeManifest(body: unknown): z.output<typeof Manifest> {
  return shortManifest(check(Manifest, body));
}

function shortManifest(manifest: z.output<typeof Manifest>): z.output<typeof Manifest> {
  requireShort("intention", manifest.intention, INTENTION_CHARS_MAX);
  return manifest;
}

/** What somebody wrote at length has a cap of its own, refused as a body is that is too large (contract §4). */
export function requireShort(field: string, text: string | null | undefined, charsMax: number) {
  if (!text || text.length <= charsMax || Array.from(text).length <= charsMax) return;
  const message = `${field} may have ${charsMax} characters.`;
  throw new Fault("payload_too_large", message, { field, charsMax });
}

const Invoke = z.object({
  agent_id: z.string(),
  capability: z.string().min(1).max(128),
  input: Input,
  manifest: Manifest.nullish(),
  manifest_id: z.string().nullish(),
  max_credits: z.int().min(0).max(10_000_000_000).nullish(),
  timeout_seconds: z.int().min(LIMITS.runSecondsMin).max(LIMITS.runSecondsMax).nullish(),
  referred_by: z.string().max(200).nullish(),
});

/** What is asked for, its manifest still to be found where it is named by id. */
export function decodeInvoke(
  body: unknown,
  headers: { readonly chainId: string | undefined; readonly idempotencyKey: string | undefined },
) {
  const invoke = check(Invoke, body);
  const manifest = invoke.manifest ?? undefined;
  const manifestId = invoke.manifest_id ?? undefined;
  if ((manifest === undefined) === (manifestId === undefined)) {
    throw invalid("manifest", "Give exactly one of manifest and manifest_id.");
  }
  return {
    agentId: decodeId("agt", invoke.agent_id, "agent"),
    capability: invoke.capability,
    input: invoke.input,
    manifest: manifest && shortManifest(manifest),
    manifestId: manifestId && decodeId("mft", manifestId, "manifest"),
    maxMicros:
      typeof invoke.max_credits === "number"
        ? BigInt(invoke.max_credits) * MICROS_PER_CREDIT
        : undefined,
    timeoutSeconds: invoke.timeout_seconds ?? LIMITS.runSecondsDefault,
    referredBy: invoke.referred_by ?? undefined,
    chainId: decodeChainId(headers.chainId),
    idempotencyKey: decodeIdempotencyKey(headers.idempotencyKey),
  };
}

/** Printable and short, so that it can be an index entry. */
export function decodeIdempotencyKey(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (!/^[\x21-\x7e]{1,255}$/.test(text)) {
    throw invalid("Idempotency-Key", "An idempotency key has 1 to 255 visible characters.");
  }
  return text;
}

export function decodeChainId(text: string | undefined): string | undefined {
  if (text === undefined || text === "") return undefined;
  const id = unprefixed("chn", text);
  if (!id) throw new Fault("chain_not_authorised", "You are not doing any work of this chain.");
  return id;
}

/** The id behind this wire's prefix. What has another shape cannot exist, and sounds so. */
export function decodeId(prefix: string, text: string, kind: string): string {
  const id = unprefixed(prefix, text);
  if (!id) throw new Fault("not_found", `No such ${kind}.`, { kind, id: text.slice(0, 64) });
  return id;
}

const INTENT_CHARS_MAX = 2_000;
const Search = z.object({
  capability: z.string().min(1).max(128).optional(),
  intent: z.string().max(INTENT_CHARS_MAX).optional(),
  interaction_mode: z.enum(["invoke", "session"]).optional(),
  owner: z.string().max(64).optional(),
  status: z.enum(["online", "offline", "all"]).optional(),
  sort: z.enum(["newest", "price_asc", "price_desc", "trust"]).optional(),
});

export function decodeSearch(query: Readonly<Record<string, string>>, workspaceId: string) {
  const search = check(Search, query);
  const { capability, intent, owner } = search;
  const hasIntent = intent !== undefined && intent.trim() !== "";
  if (capability === undefined && !hasIntent && owner === undefined) {
    throw invalid("capability", "Give a capability slug, an intent, or an owner.");
  }
  const ownerId = owner === "me" ? workspaceId : unprefixed("usr", owner ?? "");
  return {
    capability,
    intent: hasIntent ? intent : undefined,
    mode: search.interaction_mode,
    // An owner that cannot exist owns nothing.
    ownerId: owner === undefined ? undefined : (ownerId ?? ""),
    status: search.status,
    sort: search.sort,
  };
}

const Receipts = z.object({
  role: z.enum(["provider", "requester"]).default("provider"),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().refine(isId, "not a cursor of ours").optional(),
});

export function decodeReceipts(query: Readonly<Record<string, string>>) {
  const { role, limit, cursor } = check(Receipts, query);
  return { side: role, limit, cursor };
}

function invalid(field: string, message: string): Fault {
  return new Fault("invalid_request", message, { field });
}
