/** What this wire says no with: `{"error":{"message","type","param","code"}}`. */
import type { Context } from "hono";
import { wordFault } from "../shared/fault-table.ts";
import { OPENAI_ERRORS, type OpenaiWord } from "./errors.ts";

export function refuse(c: Context, error: unknown): Response {
  const { word, retryAfterSeconds } = wordFault<OpenaiWord>(OPENAI_ERRORS, error);
  if (retryAfterSeconds !== undefined) c.header("retry-after", String(retryAfterSeconds));
  // Bugs are logged by the handler of all surfaces, which looks here for what was thrown.
  c.set("thrown", error);
  return c.json(errorBody(error), word.status as 400);
}

export function errorBody(thrown: unknown): { readonly error: object } {
  const { word, fault } = wordFault<OpenaiWord>(OPENAI_ERRORS, thrown);
  const { field } = (fault.facts ?? {}) as { field?: string };
  const param = field ?? (word.code === "model_not_found" ? "model" : null);
  return { error: { message: fault.message, type: word.type, param, code: word.code } };
}
