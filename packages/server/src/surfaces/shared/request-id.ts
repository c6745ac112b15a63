import type { Context, MiddlewareHandler } from "hono";

/** What every handler finds in its context. */
export interface RequestVariables {
  requestId: string;
}

const GIVEN = /^[A-Za-z0-9._-]{8,128}$/;

/**
 * Names each request, on the response also where it failed. A caller that names its requests itself
 * keeps its name, so that its log and ours can be read together.
 */
export function requestIds(newRequestId: () => string): MiddlewareHandler {
  return async (c, next) => {
    const given = c.req.header("x-request-id");
    const id = given && GIVEN.test(given) ? given : `req_${newRequestId()}`;
    c.set("requestId", id);
    c.header("x-request-id", id);
    await next();
  };
}

export function requestIdOf(c: Context): string {
  return (c.get("requestId") as string | undefined) ?? "";
}
