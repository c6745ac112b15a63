/** Runs our commands as a person's shell does: a child process with a configuration of its own. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { afterTest, killAfterTest } from "../../server/test/support/cleanup.ts";

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  stdout(): string;
  stderr(): string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly input?: string;
}

const BIN = fileURLToPath(new URL("../bin/", import.meta.url));
/** Every home here is a new one, with an empty cache in it; this one is shared. */
export const COMPILED = join(tmpdir(), "guildhall-cli-compiled");

/** An empty directory that is gone after the test. */
export function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "guildhall-cli-"));
  afterTest(t, () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Somebody's shell: a home, a configuration directory, no server anywhere but where it is told. */
export function shell(t: TestContext, env: RunOptions["env"] = {}) {
  const home = temporaryDirectory(t);
  const config = join(home, "config");
  const surroundings = {
    PATH: process.env.PATH,
    HOME: home,
    NODE_COMPILE_CACHE: COMPILED,
    LINKEDCLAW_CONFIG_DIR: config,
    GUILDHALL_DATA_DIR: join(home, "data"),
    ...env,
  };
  const start = (name: string, args: readonly string[], options: RunOptions = {}): Running =>
    startScript(join(BIN, `${name}.mjs`), args, options);
  const startScript = (
    script: string,
    args: readonly string[],
    options: RunOptions = {},
  ): Running => {
    const child = spawn(process.execPath, [script, ...args], {
      env: { ...surroundings, ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    const said = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => (said.stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said.stderr += text));
    // A command may end before it has read what it was given.
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input ?? "");
    const finished = once(child, "close").then(([code]) => ({ code: code as number, ...said }));
    killAfterTest(t, child);
    return { child, finished, stdout: () => said.stdout, stderr: () => said.stderr };
  };
  return {
    home,
    config,
    start,
    /** Runs any script of ours with this Node. */
    startScript,
    linkedclaw: (args: readonly string[], options?: RunOptions) =>
      start("linkedclaw", args, options).finished,
    guildhall: (args: readonly string[], options?: RunOptions) =>
      start("guildhall", args, options).finished,
  };
}

export type Shell = ReturnType<typeof shell>;

/** The answer of a command that succeeded: exactly one line of JSON. */
export function answerOf({ code, stdout, stderr }: Finished): unknown {
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^[^\n]+\n$/, "stdout is one line");
  return JSON.parse(stdout);
}

export interface ErrorLine {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly [fact: string]: unknown;
}

/** The error of a command that failed: the last line of stderr, and nothing on stdout. */
export function errorOf({ code, stdout, stderr }: Finished, exitCode = 1): ErrorLine {
  assert.equal(code, exitCode, `${stdout}${stderr}`);
  assert.equal(stdout, "");
  assert.ok(stderr.endsWith("\n"));
  const { error } = JSON.parse(stderr.trimEnd().split("\n").at(-1) ?? "") as { error: ErrorLine };
  assert.equal(typeof error.code, "string");
  assert.equal(typeof error.message, "string");
  return error;
}

export interface Received {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** What a server of the outside world answers. */
export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text as it is; anything else as JSON. */
  readonly body?: unknown;
  /** No answer: the line breaks. */
  readonly hangUp?: boolean;
}

/** A real HTTP server that answers as it is told, and remembers what it was asked. */
export async function startCloud(
  t: TestContext,
  answer: (received: Received) => Answer | undefined | Promise<Answer | undefined>,
) {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    void respond(request, response);
  });
  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? "/", `http://${request.headers.host}`);
    const body = Buffer.concat(chunks).toString("latin1");
    const one = { method: request.method ?? "", url, headers: request.headers, body };
    received.push(one);
    const answered = (await answer(one)) ?? { status: 404 };
    const { status = 200, headers = {}, body: said = {} } = answered;
    if (answered.hangUp) {
      request.socket.destroy();
      return;
    }
    response.writeHead(status, {
      "content-type": "application/json",
      "x-request-id": `req_${received.length}`,
      ...headers,
    });
    response.end(typeof said === "string" || Buffer.isBuffer(said) ? said : JSON.stringify(said));
  }
  const url = await listen(t, server);
  return { url, received };
}

/** Listens on a free port of this machine until the test is over. Returns the address. */
export async function listen(t: TestContext, server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  afterTest(t, () => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Waits until `condition` is true, looking every few milliseconds. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
): Promise<void> {
  const endMs = performance.now() + 60_000;
  while (!(await condition())) {
    assert.ok(performance.now() < endMs, `never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
