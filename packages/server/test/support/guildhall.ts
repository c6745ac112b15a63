/** Whole servers for tests: child processes on port 0, on a database and data directory of their own. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { Agent, type Dispatcher, request } from "undici";
import { createLog } from "../../src/lib/log.ts";
import { type Database, openPostgresql } from "../../src/store/database.ts";
import { openEmbedded } from "../../src/store/embedded/index.ts";
import { afterTest } from "./cleanup.ts";
import {
  emptyDirectory,
  hostOf,
  testDatabaseUrl,
  testDataDirectory,
  type WantedHost,
} from "./database.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const READY_MS_MAX = 60_000;
/** As `scripts/test.mjs` starts the tests, and for the same reason. */
const ENGINE_FLAGS = process.execArgv.filter((flag) => flag.startsWith("--wasm-"));

export interface Guildhall {
  readonly url: string;
  readonly dataDirectory: string;
  /** What it wrote to its log and standard error so far. */
  output(): string;
  /** Sends the operator's command and gives its answer. */
  admin(method: "GET" | "POST", path: string, body?: object): Promise<Record<string, never>>;
  /** A member with 100 USD of play money and a key. */
  member(email: string, keyLimits?: object): Promise<Member>;
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same data, at the same port. */
  restart(): Promise<void>;
  /** Stops it, changes its rows as time that nobody wants to wait for would have, and starts it again. */
  asleep(work: (database: Database) => Promise<unknown>): Promise<void>;
}

export interface Member {
  readonly email: string;
  readonly key: string;
  readonly keyId: string;
  readonly workspaceId: string;
  /** Sends a request to LinkedClaw's interface; gives status and body. */
  ask(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: an answer is whatever JSON the test looks into.
  readonly body: any;
  readonly headers: Headers;
}

/** What a server is started with beside its place; see docs/configuration.md. */
export type Environment = Readonly<Record<string, string>>;

/** A fresh server on this host, stopped after the test. The house stays off unless it is asked for. */
export async function startGuildhall(
  t: TestContext,
  wanted: WantedHost,
  environment: Environment = {},
): Promise<Guildhall> {
  if (environment.DATABASE_URL) return startServer(t, await emptyDirectory(t), environment);
  if ((await hostOf(wanted)) === "embedded") {
    return startServer(t, await testDataDirectory(t), environment);
  }
  const DATABASE_URL = await testDatabaseUrl(t);
  return startServer(t, await emptyDirectory(t), { DATABASE_URL, ...environment });
}

/** A server process on a data directory and database that the caller chose. */
export async function startServer(
  t: TestContext,
  dataDirectory: string,
  environment: Environment,
): Promise<Guildhall> {
  const agent = new Agent({ connections: 256, pipelining: 1 });
  let running = await spawnServer(dataDirectory, environment, "0");
  const port = new URL(running.url).port;
  afterTest(t, async () => {
    await running.kill("SIGKILL");
    await agent.close();
  });
  const ask = async (
    key: string,
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> => {
    const isJson = body !== undefined && typeof body !== "string";
    // Not fetch, which takes longer than the server.
    const response = await request(running.url + path, {
      method: method as Dispatcher.HttpMethod,
      dispatcher: agent,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: isJson ? JSON.stringify(body) : (body as string) }),
    });
    const text = await response.body.text();
    const parsed: unknown = text === "" ? undefined : JSON.parse(text);
    return {
      status: response.statusCode,
      body: parsed,
      get headers() {
        return new Headers(response.headers as Record<string, string>);
      },
    };
  };
  const admin = async (method: "GET" | "POST", path: string, body?: object) => {
    const key = readFileSync(join(dataDirectory, "operator.key"), "utf8").trim();
    const answer = await ask(key, method, `/api/guildhall/v1/admin${path}`, body);
    if (answer.status >= 300) throw new Error(`${path}: ${JSON.stringify(answer.body)}`);
    return answer.body as Record<string, never>;
  };
  return {
    get url() {
      return running.url;
    },
    dataDirectory,
    output: () => running.output(),
    admin,
    async member(email, keyLimits = {}) {
      const member = await admin("POST", "/members", { email });
      const key = await admin("POST", "/keys", { email, kind: "lc", label: "test", ...keyLimits });
      return {
        email,
        key: String(key.key),
        keyId: String(key.key_id),
        workspaceId: String(member.workspace_id),
        ask: (method, path, body, headers) =>
          ask(String(key.key), method, `/api/v1${path}`, body, headers),
      };
    },
    kill: (signal) => running.kill(signal),
    async restart() {
      running = await spawnServer(dataDirectory, environment, port);
    },
    async asleep(work) {
      await running.kill("SIGTERM");
      await onItsDatabase(dataDirectory, environment, work);
      running = await spawnServer(dataDirectory, environment, port);
    },
  };
}

/** Does something to the database of a server that does not run. */
async function onItsDatabase(
  directory: string,
  { DATABASE_URL: url }: Environment,
  work: (database: Database) => Promise<unknown>,
): Promise<void> {
  const log = createLog("silent");
  const database = url ? openPostgresql(url, 1) : await openEmbedded({ directory, log });
  try {
    await work(database);
  } finally {
    await database.close();
  }
}

interface Running {
  readonly url: string;
  output(): string;
  kill(signal: NodeJS.Signals): Promise<void>;
}

async function spawnServer(
  dataDirectory: string,
  environment: Environment,
  port: string,
): Promise<Running> {
  const { PATH, HOME, TMPDIR, NODE_COMPILE_CACHE } = process.env;
  const child = spawn(process.execPath, [...ENGINE_FLAGS, MAIN], {
    env: {
      ...{ PATH, HOME },
      ...(TMPDIR && { TMPDIR }),
      ...(NODE_COMPILE_CACHE && { NODE_COMPILE_CACHE }),
      ...{ GUILDHALL_DATA_DIR: dataDirectory, PORT: port, GUILDHALL_HOUSE: "off" },
      ...{ GUILDHALL_LOG_LEVEL: "warn", ...environment },
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      text = (text + chunk).slice(-100_000);
    });
  }
  const url = await untilListening(child, dataDirectory, () => text);
  return { url, output: () => text, kill: (signal) => kill(child, signal) };
}

/** The note is written once the server answers; one of an earlier process names another pid. */
async function untilListening(
  child: ChildProcess,
  dataDirectory: string,
  output: () => string,
): Promise<string> {
  const note = join(dataDirectory, "server.json");
  const deadline = performance.now() + READY_MS_MAX;
  while (performance.now() < deadline) {
    if (child.exitCode !== null) break;
    if (existsSync(note)) {
      // Not what clients are told, which in production is a name that nobody here knows.
      const told = JSON.parse(readFileSync(note, "utf8")) as { local_url: string; pid: number };
      if (told.pid === child.pid) return told.local_url;
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  child.kill("SIGKILL");
  throw new Error(`the server did not start: ${output()}`);
}

async function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  await ended;
}
