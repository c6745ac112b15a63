/**
 * Logging in with the browser of this machine (RFC 8252, RFC 7636).
 *
 *   1. We make a secret, and send only its digest along with the browser.
 *   2. The person approves; the browser brings a code back to a port of ours.
 *   3. Code and secret together are exchanged for the key, so a stolen code is worth nothing.
 */
import { createHash, randomBytes } from "node:crypto";
import type { Cli } from "../../cli.ts";
import type { Server } from "../../server.ts";
import { openBrowser } from "./browser.ts";
import { type Callback, listenForCallback } from "./callback.ts";
import { CLIENT_ID, type LoginEndpoints, SCOPE } from "./endpoints.ts";
import { type Authorization, askForToken } from "./token.ts";

const WAIT_MS = 600_000;
/** 43 characters as base64url, the shortest verifier that RFC 7636 allows; all of them chance. */
const VERIFIER_BYTES = 32;
const STATE_BYTES = 16;

/** The authorization, or `undefined` where no port or no browser can be had after all. */
export async function loginByLoopback(
  cli: Cli,
  server: Server,
  endpoints: LoginEndpoints,
  label: string,
): Promise<Authorization | undefined> {
  const verifier = randomBytes(VERIFIER_BYTES).toString("base64url");
  const state = randomBytes(STATE_BYTES).toString("base64url");
  const callback = await listenForCallback(state, WAIT_MS).catch(() => undefined);
  if (callback === undefined) return undefined;
  try {
    const url = authorizationUrl(endpoints, { verifier, state, label, callback });
    const { terminal } = cli;
    terminal.note(`Opening the browser to log in. If nothing opens, go to:\n${url}`);
    if (!(await openBrowser(cli.env, url))) return undefined;
    const code = await terminal.waiting("waiting for the approval", callback.code);
    const answer = await askForToken(server, endpoints.tokenPath, {
      grant_type: "authorization_code",
      code,
      redirect_uri: callback.redirectUri,
      client_id: CLIENT_ID,
      code_verifier: verifier,
    });
    if (answer.kind === "refused") throw answer.failure;
    return answer.authorization;
  } finally {
    callback.close();
  }
}

interface Started {
  readonly verifier: string;
  readonly state: string;
  readonly label: string;
  readonly callback: Callback;
}

function authorizationUrl(endpoints: LoginEndpoints, started: Started): string {
  const url = new URL(endpoints.authorizationUrl);
  const query = {
    response_type: "code",
    client_id: CLIENT_ID,
    redirect_uri: started.callback.redirectUri,
    code_challenge: createHash("sha256").update(started.verifier).digest("base64url"),
    code_challenge_method: "S256",
    state: started.state,
    scope: SCOPE,
    device_label: started.label,
  };
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url.href;
}
