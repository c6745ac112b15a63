/** What this wire says no with: `error` is always a word, `message` a sentence (contract §2.1). */
import type { Context, Hono } from "hono";
import type { Fault } from "../../domain/fault.ts";
import { wordFault } from "../shared/fault-table.ts";
import { NOT_FOUND_ERRORS, OPENMARLIN_ERRORS, type OpenmarlinWord } from "./errors.ts";

export function refuse(c: Context, error: unknown): Response {
  const { word, fault, retryAfterSeconds } = wordFault<OpenmarlinWord>(OPENMARLIN_ERRORS, error);
  if (retryAfterSeconds !== undefined) c.header("retry-after", String(retryAfterSeconds));
  // Bugs are logged by the handler of all surfaces, which looks here for what was thrown.
  c.set("thrown", error);
  const details = detailsOf(fault);
  return c.json(
    { error: wordOf(fault, word), message: fault.message, ...(details && { details }) },
    word.status as 400,
  );
}

function wordOf({ code, facts }: Fault, word: OpenmarlinWord): string {
  if (code !== "not_found") return word.error;
  return NOT_FOUND_ERRORS[(facts as { kind: string }).kind] ?? word.error;
}

/** What is wrong, for programs. */
function detailsOf({ facts }: Fault): object | undefined {
  const { field } = (facts ?? {}) as { field?: string };
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
