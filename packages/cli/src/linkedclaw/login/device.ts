/**
 * Logging in from a machine without a browser (RFC 8628).
 *
 *   1. The server hands out a secret for us and a short code for a person.
 *   2. The person opens a page anywhere, types the code and approves.
 *   3. Meanwhile we ask every few seconds, more slowly each time we are told so.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Cli } from "../../cli.ts";
import { fieldsOf, type Server } from "../../server.ts";
import { CLIENT_ID, type LoginEndpoints, SCOPE, webAddress } from "./endpoints.ts";
import { type Authorization, askForToken, loginFailure } from "./token.ts";

const GRANT = "urn:ietf:params:oauth:grant-type:device_code";
/** RFC 8628 §3.5: how much slower, for good, after each `slow_down`. */
const SLOWER_BY_SECONDS = 5;
const INTERVAL_SECONDS_DEFAULT = 5;
const LIFETIME_SECONDS_MAX = 600;

export async function loginByDevice(
  cli: Cli,
  server: Server,
  endpoints: LoginEndpoints,
  label: string,
): Promise<Authorization> {
  const said = fieldsOf(
    await server.ask({
      method: "POST",
      path: endpoints.deviceAuthorizationPath,
      form: { client_id: CLIENT_ID, scope: SCOPE, device_label: label },
    }),
  );
  const { terminal } = cli;
  const paint = terminal.errorPaint;
  const page = webAddress(said.verification_uri);
  const complete = said.verification_uri_complete;
  terminal.note(`To log in, open ${paint.accent(page)} in any browser`);
  terminal.note(`and enter the code ${paint.bold(String(said.user_code))}`);
  if (complete !== undefined) terminal.note(`or open ${paint.accent(webAddress(complete))}`);
  const waiting = untilApproved(server, endpoints.tokenPath, said);
  return terminal.waiting("waiting for the approval", waiting);
}

async function untilApproved(
  server: Server,
  path: string,
  said: Readonly<Record<string, unknown>>,
): Promise<Authorization> {
  const form = {
    grant_type: GRANT,
    device_code: String(said.device_code),
    client_id: CLIENT_ID,
  };
  const lifetime = Math.min(
    positive(said.expires_in) ?? LIFETIME_SECONDS_MAX,
    LIFETIME_SECONDS_MAX,
  );
  const endMs = performance.now() + lifetime * 1000;
  let interval = positive(said.interval) ?? INTERVAL_SECONDS_DEFAULT;
  while (performance.now() + interval * 1000 < endMs) {
    await delay(interval * 1000);
    const answer = await askForToken(server, path, form);
    if (answer.kind === "authorized") return answer.authorization;
    if (answer.error === "slow_down") interval += SLOWER_BY_SECONDS;
    else if (answer.error !== "authorization_pending") throw answer.failure;
  }
  throw loginFailure("expired_token");
}

function positive(value: unknown): number | undefined {
  return typeof value === "number" && value > 0 ? value : undefined;
}
