/** OpenMarlin's interface: method and path -> one use case. To be mounted at the root: the paths are whole. */
import { Hono } from "hono";
import type { Core } from "../../core/index.ts";
import type { Clock } from "../../lib/clock.ts";
import type { ClientAddress } from "../shared/client-address.ts";
import type { createRateLimiter } from "../shared/rate-limit.ts";
import { billingRoutes } from "./billing-routes.ts";
import { createCredits } from "./credits.ts";
import { executionRoutes } from "./execution-routes.ts";
import { openapiDocument } from "./openapi.ts";
import { answerStrays, refuse } from "./refusal.ts";
import { registrationRoutes } from "./registration-routes.ts";
import { taskRoutes } from "./task-routes.ts";

/** What this wire uses of the product. */
export type OpenmarlinCore = Pick<
  Core,
  | "callers"
  | "executions"
  | "referrals"
  | "registrations"
  | "statements"
  | "tasks"
  | "topups"
  | "wallets"
>;

export interface OpenmarlinOptions {
  /** Without a slash at its end. */
  readonly publicUrl: string;
  readonly addressOf: ClientAddress;
  readonly version: string;
  readonly clock: Clock;
  /** What a credit of this wire is worth: a divisor of a dollar's 1,000,000, and a multiple of 100. */
  readonly microsPerCredit: bigint;
  readonly limited: ReturnType<typeof createRateLimiter>;
}

export function openmarlinRoutes(core: OpenmarlinCore, options: OpenmarlinOptions): Hono {
  const routes = new Hono();
  const credits = createCredits(options.microsPerCredit);
  routes.onError((error, c) => refuse(c, error, { wallets: core.wallets, credits }));
  const document = openapiDocument(options.publicUrl, options.version);
  routes.get("/openapi.json", (c) => c.json(document));
  registrationRoutes(routes, core, options);
  billingRoutes(routes, core, options, credits);
  executionRoutes(routes, core, options);
  taskRoutes(routes, core, options);
  for (const pattern of ["/openapi.json", "/v1/*"]) answerStrays(routes, pattern);
  return routes;
}
