import type { Context } from "hono";
import { requestIdOf } from "./request-id.ts";

/** A refusal that no wire words, in a body that every wire's reader finds: at the top and under `error`. */
export function plainRefusal(c: Context, code: string, message: string): object {
  const requestId = requestIdOf(c);
  return {
    error: { code, message, request_id: requestId },
    detail: message,
    code,
    error_code: code,
    request_id: requestId,
  };
}
