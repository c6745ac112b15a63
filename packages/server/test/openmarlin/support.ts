/** Requests to OpenMarlin's interface as they are, good or bad. */
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

export interface Reply {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON the test looks into.
  readonly body: any;
  readonly headers: Headers;
}

/** Sends a request; an object becomes JSON, text goes as it is. */
export async function send(
  { url }: { readonly url: string },
  method: string,
  path: string,
  body?: object | string,
  headers: Record<string, string> = {},
): Promise<Reply> {
  const response = await fetch(url + path, {
    method,
    redirect: "manual",
    headers: { "user-agent": "Python-urllib/3.12", accept: "application/json", ...headers },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    body: text === "" ? undefined : JSON.parse(text),
    headers: response.headers,
  };
}

/** A refusal in this wire's one shape: a word, a sentence, and nothing of ours. */
export function assertRefused(reply: Reply, status: number, error: string): void {
  const told = JSON.stringify(reply.body);
  assert.deepEqual([reply.status, reply.body?.error], [status, error], told);
  assert.equal(typeof reply.body.message, "string", told);
  assert.ok(reply.body.message.length > 0, told);
  assert.match(reply.headers.get("content-type") ?? "", /^application\/json/);
}

export const SESSIONS = "/v1/registration/sessions";

export type Flow = "device" | "workos_callback";

export async function startRegistration(server: { readonly url: string }, flow: Flow = "device") {
  const reply = await send(server, "POST", SESSIONS, { provider: "workos", auth_flow: flow });
  assert.equal(reply.status, 201, JSON.stringify(reply.body));
  return reply.body;
}

/** What proves that one's a registration's. */
export function proofOf(session: { handoff: Record<string, string> }): object {
  const { type, device_code, callback_state } = session.handoff;
  return type === "device" ? { device_code } : { callback_state };
}

/** True, and the test is reported as skipped, where there is no Python; a failure with `REQUIRE_SERVICES=1`. */
export function isPythonMissing(t: TestContext): boolean {
  if (spawnSync("python3", ["--version"]).status === 0) return false;
  assert.notEqual(process.env.REQUIRE_SERVICES, "1", "python3 is needed");
  t.skip("no python3");
  return true;
}

const CLIENT = fileURLToPath(new URL("./client.py", import.meta.url));

export interface Ran {
  readonly code: number;
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON the command prints.
  readonly printed: any;
  readonly said: string;
}

/** Runs the stand-in of the published client as a process of its own. */
export function runClient(
  { url }: { readonly url: string },
  args: readonly string[],
  home: string,
): Promise<Ran> {
  const { PATH } = process.env;
  const env = { PATH, HOME: home, no_proxy: "127.0.0.1,localhost" };
  return new Promise((resolve) => {
    // -B: nothing compiled is left beside the sources.
    const given = ["-B", CLIENT, args[0] ?? "", "--server-url", url, ...args.slice(1)];
    execFile("python3", given, { env, timeout: 60_000 }, (error, stdout, stderr) => {
      const code = error ? Number(error.code ?? -1) : 0;
      resolve({ code, printed: stdout === "" ? undefined : JSON.parse(stdout), said: stderr });
    });
  });
}
