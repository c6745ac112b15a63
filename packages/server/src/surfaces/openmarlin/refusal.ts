/** What this wire says no with: `error` is always a word, `message` a sentence (contract §2.1). */
import type { Context, Hono } from "hono";
import type { Wallets } from "../../core/index.ts";
import type { Caller } from "../../domain/caller.ts";
import type { Fault, KeyProblem } from "../../domain/fault.ts";
import { wordFault } from "../shared/fault-table.ts";
import type { Credits } from "./credits.ts";
import { encodeShortage } from "./encode-billing.ts";
import { KEY_ERRORS, NOT_FOUND_ERRORS, OPENMARLIN_ERRORS, type OpenmarlinWord } from "./errors.ts";

/** Where the balance that a 402 tells comes from, and the unit that it is told in. */
export interface ShortageTeller {
  readonly wallets: Pick<Wallets, "balance">;
  readonly credits: Credits;
}

export async function refuse(
  c: Context,
  error: unknown,
  teller: ShortageTeller,
): Promise<Response> {
  const { word, fault, retryAfterSeconds } = wordFault<OpenmarlinWord>(OPENMARLIN_ERRORS, error);
  if (retryAfterSeconds !== undefined) c.header("retry-after", String(retryAfterSeconds));
  // Bugs are logged by the handler of all surfaces, which looks here for what was thrown.
  c.set("thrown", error);
  const shortage = await shortageOf(c, fault, teller);
  if (shortage) return c.json(shortage, word.status as 402);
  const { status, error: said } = wordOf(fault, word);
  const details = detailsOf(fault, teller.credits);
  return c.json(
    { error: said, message: fault.message, ...(details && { details }) },
    status as 400,
  );
}

/** The whole of a 402 (contract §8.1): clients act on both amounts. */
async function shortageOf(
  c: Context,
  { code, facts }: Fault,
  { wallets, credits }: ShortageTeller,
): Promise<object | undefined> {
  const caller = c.get("caller") as Caller | undefined;
  if (code !== "insufficient_funds" || !caller) return undefined;
  const { neededMicros } = facts as { neededMicros: bigint };
  const { availableMicros } = await wallets.balance(caller);
  return encodeShortage(caller.workspaceId, { availableMicros, neededMicros }, credits);
}

function wordOf({ code, facts }: Fault, word: OpenmarlinWord): OpenmarlinWord {
  if (code === "unauthenticated" && facts !== undefined) {
    return KEY_ERRORS[(facts as { reason: KeyProblem }).reason];
  }
  if (code === "invalid_request" && (facts as { field?: string }).field === "labels") {
    return { ...word, error: "invalid_routing_labels" };
  }
  if (code !== "not_found") return word;
  return NOT_FOUND_ERRORS[(facts as { kind: string }).kind] ?? word;
}

/** What is wrong, for programs. */
function detailsOf({ facts }: Fault, credits: Credits): object | undefined {
  const { field, neededMicros, limitMicros } = (facts ?? {}) as {
    field?: string;
    neededMicros?: bigint;
    limitMicros?: bigint;
  };
  if (neededMicros !== undefined && limitMicros !== undefined) {
    return { required: credits.amount(neededMicros), limit: credits.amount(limitMicros) };
  }
  return field === undefined ? undefined : { field };
}

/**
 * Answers what no route answers: 405 where the path is one of ours and the method is not, else 404.
 * Nobody is asked who they are: what is here is no secret.
 */
export function answerStrays(routes: Hono, pattern: string): void {
  const known = routes.routes.map(({ method, path }) => ({ method, matches: matcherOf(path) }));
  routes.all(pattern, (c) => {
    const methods = new Set(
      known.filter(({ matches }) => matches.test(c.req.path)).map(({ method }) => method),
    );
    if (methods.size === 0) {
      return c.json({ error: "not_found", message: "There is nothing here." }, 404);
    }
    const allowed = [...methods].join(", ");
    c.header("allow", allowed);
    return c.json(
      { error: "method_not_allowed", message: `This path answers to ${allowed}.` },
      405,
    );
  });
}

/** Paths of this wire have parameters that are whole segments. */
function matcherOf(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(".", "\\.").replace(/:\w+/g, "[^/]+")}/?$`);
}
