/**
 * The page that a browser comes back to: one request on 127.0.0.1, then it is gone (RFC 8252).
 * What does not carry our own `state` is not our login: it is refused, and we go on waiting, so
 * that a page which guesses the port can neither log us in nor spoil the login.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { loginFailure } from "./token.ts";

export const CALLBACK_PATH = "/callback";

export interface Callback {
  readonly redirectUri: string;
  /** The code that the browser brought. Refused by `access_denied` and the like. */
  readonly code: Promise<string>;
  close(): void;
}

/** Listens for the browser. Rejects where no port can be had. */
export async function listenForCallback(state: string, timeoutMs: number): Promise<Callback> {
  const { promise: code, resolve, reject } = Promise.withResolvers<string>();
  // Whoever waits hears of a refusal; nobody waits while the browser is still being started.
  code.catch(() => undefined);
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    if (request.method !== "GET" || url.pathname !== CALLBACK_PATH) {
      return answer(response, 404, "There is nothing here.");
    }
    if (!isSame(url.searchParams.get("state") ?? "", state)) {
      return answer(response, 400, "This is not the login that was started here.");
    }
    const error = url.searchParams.get("error");
    const brought = url.searchParams.get("code");
    const isGood = error === null && brought !== null;
    if (isGood) answer(response, 200, "You are logged in. You may close this tab.");
    else answer(response, 200, "The login was not approved. You may close this tab.");
    if (isGood) resolve(brought);
    else reject(loginFailure(error ?? "invalid_request"));
  });
  await new Promise<void>((listening, failed) => {
    server.once("error", failed);
    server.listen(0, "127.0.0.1", listening);
  });
  const timer = setTimeout(() => reject(loginFailure("expired_token")), timeoutMs);
  const { port } = server.address() as AddressInfo;
  return {
    redirectUri: `http://127.0.0.1:${port}${CALLBACK_PATH}`,
    code,
    close() {
      clearTimeout(timer);
      server.close();
      // A browser keeps its connection open; the command is to end all the same.
      server.closeIdleConnections();
    },
  };
}

function answer(response: ServerResponse, status: number, text: string): void {
  const page = `<!doctype html><meta charset="utf-8"><title>Guildhall</title>
<style>body{font:18px system-ui;display:grid;place-items:center;height:90vh;color:#223}</style>
<p>${text}</p>`;
  response
    .writeHead(status, {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
      "cache-control": "no-store",
      "referrer-policy": "no-referrer",
      connection: "close",
    })
    .end(page);
}

/** Compares without telling by its time how much was right. */
function isSame(given: string, expected: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
