/**
 * What anybody may fetch who knows its address: files by a signed link, schemas by their digest.
 * Providers and clients follow these addresses without any key.
 */
import { isId } from "@guildhall/protocol";
import { type Context, Hono } from "hono";
import type { Core } from "../../core/index.ts";
import { faultCodeOf } from "../../domain/fault.ts";
import { sendFile } from "./file-response.ts";
import { plainRefusal } from "./plain-refusal.ts";

const DIGEST = /^[0-9a-f]{64}$/;

export function storedFileRoutes(core: Pick<Core, "assets" | "schemas">): Hono {
  const routes = new Hono();
  routes.onError((error, c) => {
    if (faultCodeOf(error) === "not_found") return notFound(c, error.message);
    throw error;
  });

  routes.get("/files/:id", async (c) => {
    const id = c.req.param("id");
    if (!isId(id)) return notFound(c, "No such file.");
    const { expires = "", signature = "" } = c.req.query();
    return sendFile(c, await core.assets.openByLink(id, { expires, signature }));
  });

  // The extension is part of the name, since people and programs look at it.
  routes.get("/schemas/:name{.+\\.json}", async (c) => {
    const digest = c.req.param("name").slice(0, -".json".length);
    if (!DIGEST.test(digest)) return notFound(c, "No such schema.");
    const content = await core.schemas.require(digest);
    return c.body(new Uint8Array(content), 200, {
      "access-control-allow-origin": "*",
      "cache-control": "public, max-age=31536000, immutable",
      "content-type": "application/schema+json",
      etag: `"${digest}"`,
      "x-content-type-options": "nosniff",
    });
  });
  return routes;
}

function notFound(c: Context, detail: string): Response {
  return c.json(plainRefusal(c, "not_found", detail), 404);
}
