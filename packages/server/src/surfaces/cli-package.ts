/** `GET /cli.tgz`: our commands, for `npm install -g` (LinkedClaw contract §16, R5). */
import { Hono } from "hono";
import { plainRefusal } from "./shared/plain-refusal.ts";

/** What is served: its bytes, and what they are known by. */
interface Package {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly digest: string;
}

const RETRY_SECONDS = "15";

export function cliPackageRoutes(open: () => Promise<Package | undefined>): Hono {
  const routes = new Hono();
  routes.get("/cli.tgz", async (c) => {
    const made = await open();
    if (!made) {
      const detail = "This server cannot pack its command line; its log says why.";
      return c.json(plainRefusal(c, "unavailable", detail), 503, { "retry-after": RETRY_SECONDS });
    }
    const etag = `"${made.digest}"`;
    // Asked for again each time: after an update it is another one at the same address.
    const headers = { etag, "cache-control": "no-cache" };
    if (c.req.header("if-none-match") === etag) return c.body(null, 304, headers);
    return c.body(made.bytes, 200, {
      ...headers,
      "content-type": "application/gzip",
      "content-disposition": 'attachment; filename="guildhall-cli.tgz"',
    });
  });
  return routes;
}
