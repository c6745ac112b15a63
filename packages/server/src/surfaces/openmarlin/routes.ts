/** OpenMarlin's interface: method and path -> one use case. To be mounted at the root: the paths are whole. */
import { Hono } from "hono";
import type { Core } from "../../core/index.ts";
import type { ClientAddress } from "../shared/client-address.ts";
import { openapiDocument } from "./openapi.ts";
import { answerStrays, refuse } from "./refusal.ts";
import { registrationRoutes } from "./registration-routes.ts";

/** What this wire uses of the product. */
export type OpenmarlinCore = Pick<Core, "registrations">;

export interface OpenmarlinOptions {
  /** Without a slash at its end. */
  readonly publicUrl: string;
  readonly addressOf: ClientAddress;
  readonly version: string;
}

export function openmarlinRoutes(core: OpenmarlinCore, options: OpenmarlinOptions): Hono {
  const routes = new Hono();
  routes.onError((error, c) => refuse(c, error));
  const document = openapiDocument(options.publicUrl, options.version);
  routes.get("/openapi.json", (c) => c.json(document));
  registrationRoutes(routes, core, options);
  answerStrays(routes, "/v1/*");
  return routes;
}
