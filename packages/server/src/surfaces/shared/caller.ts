import type { Context, MiddlewareHandler } from "hono";
import type { Caller } from "../../domain/caller.ts";
import { Fault } from "../../domain/fault.ts";

/** Who is behind a secret. Throws `unauthenticated` or `suspended`. */
export interface Authenticator {
  authenticate(secret: string): Promise<Caller>;
}

/** Lets in who shows a key as `Authorization: Bearer …`, and says who it is. */
export function authenticated(callers: Authenticator): MiddlewareHandler {
  return async (c, next) => {
    c.set("caller", await callers.authenticate(bearerOf(c)));
    await next();
  };
}

/** The caller that `authenticated` let in. */
export function callerOf(c: Context): Caller {
  const caller = c.get("caller") as Caller | undefined;
  if (!caller) throw new Error("this route is not behind authenticated()");
  return caller;
}

/** The secret of `Authorization: Bearer …`. Throws `unauthenticated` where there is none. */
export function bearerOf(c: Context): string {
  const match = /^Bearer +(\S+)$/i.exec(c.req.header("authorization") ?? "");
  if (match?.[1]) return match[1];
  const message = "Show a key as Authorization: Bearer <key>.";
  throw new Fault("unauthenticated", message, { reason: "missing" });
}
