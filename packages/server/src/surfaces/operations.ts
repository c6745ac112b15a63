/** What operators' machines ask: is it alive, is it ready, how is it doing. */
import { timingSafeEqual } from "node:crypto";
import { getConnInfo } from "@hono/node-server/conninfo";
import { type Context, Hono } from "hono";

export interface Operations {
  /** What keeps the server from taking work; empty when it is ready. */
  problems(): Promise<readonly string[]>;
  /** What it works without, as slowly as that is. */
  warnings(): readonly string[];
  metricsText(): Promise<string>;
  readonly metricsType: string;
  readonly metricsToken: string | undefined;
  readonly version: string;
}

export function operationsRoutes(operations: Operations): Hono {
  const routes = new Hono();
  // Alive: the process answers. Whether it can work is another question, so that nobody restarts a
  // process because a database elsewhere is away.
  routes.get("/healthz", (c) => c.json({ status: "ok", version: operations.version }));
  routes.get("/readyz", async (c) => {
    const problems = await operations.problems();
    const isReady = problems.length === 0;
    const status = isReady ? "ready" : "not ready";
    return c.json({ status, problems, warnings: operations.warnings() }, isReady ? 200 : 503);
  });
  routes.get("/metrics", async (c) => {
    if (!mayRead(c, operations.metricsToken)) return c.json({ error: "not_found" }, 404);
    return c.body(await operations.metricsText(), 200, { "content-type": operations.metricsType });
  });
  return routes;
}

/** Metrics tell a stranger how much goes on, so they are for this machine and for who has the token. */
function mayRead(c: Context, token: string | undefined): boolean {
  if (token !== undefined) {
    const given = Buffer.from(c.req.header("authorization") ?? "");
    const wanted = Buffer.from(`Bearer ${token}`);
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  }
  const address = getConnInfo(c).remote.address ?? "";
  // A proxy on this machine speaks for strangers.
  const isForwarded = c.req.header("x-forwarded-for") ?? c.req.header("forwarded");
  return isForwarded === undefined && /^(?:::ffff:)?127\.|^::1$/.test(address);
}
