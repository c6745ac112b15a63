/** Mounts every surface over the one core. Each wire words its own refusals. */
import type { HttpBindings } from "@hono/node-server";
import { type Context, Hono, type MiddlewareHandler } from "hono";
import type { Core } from "../core/index.ts";
import type { Log } from "../lib/log.ts";
import { linkedclawRoutes } from "./linkedclaw/routes.ts";
import { nativeRoutes } from "./native/routes.ts";
import { type Operations, operationsRoutes } from "./operations.ts";
import { faultOf } from "./shared/fault-table.ts";
import { oneHost } from "./shared/one-host.ts";
import { plainRefusal } from "./shared/plain-refusal.ts";
import type { createRateLimiter } from "./shared/rate-limit.ts";
import { requestIdOf, requestIds } from "./shared/request-id.ts";
import { storedFileRoutes } from "./shared/stored-files.ts";
import { missingPage } from "./sign-in/errors.ts";

export interface HttpParts {
  readonly core: Core;
  readonly publicUrl: string;
  readonly log: Log;
  readonly newRequestId: () => string;
  readonly operations: Operations;
  readonly limited: ReturnType<typeof createRateLimiter>;
  /** A request that was answered, for the metrics page. */
  readonly observe: (answered: { method: string; status: number; ms: number }) => void;
  readonly nowMs: () => number;
  /** Refuses what may not be answered at all; only on a development server. */
  readonly guard: MiddlewareHandler | undefined;
  /** Surfaces whose paths are whole: sign-in, OAuth, our own API. */
  readonly surfaces: readonly Hono[];
}

/** Paths whose every call is written to the log are all but these. */
const QUIET = /^\/(?:healthz|readyz|metrics)$/;

export function createHttp(parts: HttpParts): Hono {
  const { core, log, publicUrl } = parts;
  // Not strict: a path means the same with a slash at its end.
  const app = new Hono({ strict: false });
  app.use(requestIds(parts.newRequestId));
  app.use(accessLog(parts));
  app.use(securityHeaders);
  app.use(oneHost);
  if (parts.guard) app.use(parts.guard);
  app.onError((error, c) => {
    log.error({ error, requestId: requestIdOf(c) }, "a request failed");
    const { code, message } = faultOf(error);
    return c.json(plainRefusal(c, code, message), code === "overloaded" ? 503 : 500);
  });
  app.notFound((c) =>
    isPerson(c)
      ? missingPage(c)
      : c.json(plainRefusal(c, "not_found", "There is nothing here."), 404),
  );
  app.route("/", operationsRoutes(parts.operations));
  // Receipts are checked with these, by anyone.
  app.get("/.well-known/guildhall-keys.json", async (c) =>
    c.json({ keys: await core.receipts.publicKeys() }),
  );
  app.route("/", storedFileRoutes(core));
  app.route("/api/guildhall/v1", nativeRoutes(core, { limited: parts.limited, publicUrl }));
  for (const surface of parts.surfaces) app.route("/", surface);
  app.route("/api/v1", linkedclawRoutes(core, { limited: parts.limited, publicUrl, hint }));
  return app;
}

/** A browser that opens an address says that it reads HTML; programs do not. */
function isPerson({ req }: Context): boolean {
  return req.method === "GET" && (req.header("accept") ?? "").includes("text/html");
}

/** One line a request, and the bugs behind those that failed. */
function accessLog({ log, observe, nowMs }: HttpParts): MiddlewareHandler {
  return async (c, next) => {
    const startedAtMs = nowMs();
    await next();
    const ms = nowMs() - startedAtMs;
    const { method } = c.req;
    const path = withoutSecrets(c.req.path);
    const { status } = c.res;
    observe({ method, status, ms });
    const thrown = c.error ?? (c.get("thrown" as never) as unknown);
    const about = { requestId: requestIdOf(c), method, path, status, ms: Math.round(ms) };
    if (status >= 500 && faultOf(thrown).code === "internal" && thrown !== undefined) {
      log.error({ ...about, error: thrown }, "request failed");
    } else if (!QUIET.test(path)) log.debug(about, "request");
  };
}

/** Whoever knows the id of an OpenMarlin registration is given its key. */
function withoutSecrets(path: string): string {
  return path.replace(/\bregsess_[^/]+/g, "regsess_…");
}

// Set before there is an answer: afterwards each would make the answer anew.
const securityHeaders: MiddlewareHandler = async (c, next) => {
  c.header("x-content-type-options", "nosniff");
  c.header("referrer-policy", "same-origin");
  await next();
};

/**
 * Tells something before the answer is there, by a 103 (RFC 8297), to a caller that asks for it:
 * some clients mistake any early answer for the answer.
 */
function hint(c: Context, headers: Readonly<Record<string, string>>): void {
  if (!/\bearly-id\b/i.test(c.req.header("prefer") ?? "")) return;
  const { outgoing } = (c.env ?? {}) as Partial<HttpBindings>;
  if (!outgoing || !("writeEarlyHints" in outgoing)) return;
  // Node sends early hints only with a link among them; the work itself is what it points to.
  const link = `<${c.req.path}/${Object.values(headers)[0]}>; rel=monitor`;
  outgoing.writeEarlyHints({ link, ...headers });
}
