/**
 * How programs sign a person in: OAuth 2.0 for native apps (RFC 6749, 7636, 8252, 8414, 8628;
 * LinkedClaw contract §5). The pages that the person sees are in surfaces/sign-in.
 */
import { type Context, Hono } from "hono";
import type { Handoffs, Redemption } from "../../core/index.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { addressGroup } from "../shared/admission.ts";
import type { ClientAddress } from "../shared/client-address.ts";
import { wordFault } from "../shared/fault-table.ts";
import { requestIdOf } from "../shared/request-id.ts";
import { decodeDevice, decodeToken, required } from "./decode.ts";
import { DEVICE_GRANT, encodeDevice, encodeMetadata, encodeToken } from "./encode.ts";
import { OAUTH_ERRORS, REDEMPTION_ERRORS } from "./errors.ts";

export interface OAuthOptions {
  /** Without a slash at its end. */
  readonly publicUrl: string;
  readonly addressOf: ClientAddress;
  readonly clock: Clock;
  readonly log: Log;
}

/** To be mounted at the root: the paths are whole. */
export function oauthRoutes(
  core: { readonly handoffs: Handoffs },
  { publicUrl, addressOf, clock, log }: OAuthOptions,
): Hono {
  const routes = new Hono();
  routes.onError((error, c) => refuse(c, error, log));

  routes.get("/.well-known/oauth-authorization-server", (c) => c.json(encodeMetadata(publicUrl)));

  routes.post("/api/v1/oauth/device_authorization", async (c) => {
    const request = await decodeDevice(c);
    const address = addressOf(c);
    const network = addressGroup(address);
    const device = await core.handoffs.startDevice({ ...request, address, network });
    c.header("cache-control", "no-store");
    return c.json(encodeDevice(device, publicUrl, clock.now()));
  });

  routes.post("/api/v1/oauth/token", async (c) => {
    const redemption = await redeem(core.handoffs, c);
    c.header("cache-control", "no-store");
    c.header("pragma", "no-cache");
    if (redemption.outcome === "deliver") return c.json(encodeToken(redemption));
    const { error, description } = REDEMPTION_ERRORS[redemption.outcome];
    return c.json({ error, error_description: description }, 400);
  });
  return routes;
}

async function redeem(handoffs: Handoffs, c: Context): Promise<Redemption> {
  const request = await decodeToken(c);
  const clientId = required(request.clientId, "client_id");
  switch (required(request.grantType, "grant_type")) {
    case "authorization_code": {
      const redemption = await handoffs.redeemLoopback({
        clientId,
        code: required(request.code, "code"),
        redirectUri: required(request.redirectUri, "redirect_uri"),
        verifier: required(request.codeVerifier, "code_verifier"),
      });
      // RFC 6749 has one word for every code that is no good any more; only devices have two.
      const isOver = redemption.outcome === "denied" || redemption.outcome === "expired";
      return isOver ? { outcome: "unknown" } : redemption;
    }
    case DEVICE_GRANT: {
      const deviceCode = required(request.deviceCode, "device_code");
      return handoffs.redeemDevice({ clientId, deviceCode });
    }
    default:
      throw new UnsupportedGrant();
  }
}

/** RFC 6749 §5.2 has a word of its own for this, which no other wire needs. */
class UnsupportedGrant extends Error {
  override readonly name = "UnsupportedGrant";
}

function refuse(c: Context, error: unknown, log: Log): Response {
  c.header("cache-control", "no-store");
  if (error instanceof UnsupportedGrant) {
    const description = `Supported are authorization_code and ${DEVICE_GRANT}.`;
    return c.json({ error: "unsupported_grant_type", error_description: description }, 400);
  }
  const { word, fault, retryAfterSeconds } = wordFault(OAUTH_ERRORS, error);
  if (fault.code === "internal") log.error({ error, requestId: requestIdOf(c) }, "a bug");
  if (retryAfterSeconds !== undefined) c.header("retry-after", String(retryAfterSeconds));
  return c.json({ error: word.error, error_description: fault.message }, word.status);
}
