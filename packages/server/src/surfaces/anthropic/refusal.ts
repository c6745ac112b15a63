/** What this wire says no with: `{"type":"error","error":{"type","message"}}`. */
import type { Context } from "hono";
import { wordFault } from "../shared/fault-table.ts";
import { requestIdOf } from "../shared/request-id.ts";
import { ANTHROPIC_ERRORS, type AnthropicWord } from "./errors.ts";

export function refuse(c: Context, error: unknown): Response {
  const { word, retryAfterSeconds } = wordFault<AnthropicWord>(ANTHROPIC_ERRORS, error);
  if (retryAfterSeconds !== undefined) c.header("retry-after", String(retryAfterSeconds));
  // Bugs are logged by the handler of all surfaces, which looks here for what was thrown.
  c.set("thrown", error);
  return c.json({ ...errorBody(error), request_id: requestIdOf(c) }, word.status as 400);
}

export function errorBody(thrown: unknown): object {
  const { word, fault } = wordFault<AnthropicWord>(ANTHROPIC_ERRORS, thrown);
  return { type: "error", error: { type: word.type, message: fault.message } };
}
