/** A server as a child process, on a directory and database of its own, for benchmarks. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import type { Dispatcher } from "undici";

export type Host = "embedded" | "postgresql";

const POSTGRESQL = process.env.TEST_DATABASE_URL ?? "postgres://postgres@127.0.0.1:5432/postgres";

const MEASURED = ["--expose-gc", "--import", "./bench/support/memory-report.ts"];

export interface BenchServer {
  readonly url: string;
  /** Where it listens, whatever clients are told. */
  readonly localUrl: string;
  readonly pid: number;
  readonly operatorKey: string;
  /** What its program holds after tidying up, on the heap and beside it. */
  memoryBytes(): Promise<number>;
  stop(): Promise<void>;
}

/** Both hosts, or the one that was asked for; without PostgreSQL, the embedded one alone. */
export async function hostsToMeasure(asked: string): Promise<Host[]> {
  if (asked === "embedded" || asked === "postgresql") return [asked];
  const isThere = await say("select 1").then(
    () => true,
    () => false,
  );
  if (!isThere) console.log("no PostgreSQL answers: the embedded database alone is measured");
  return isThere ? ["postgresql", "embedded"] : ["embedded"];
}

export async function startServer(
  host: Host,
  environment: Readonly<Record<string, string>>,
): Promise<BenchServer> {
  const directory = mkdtempSync(join(tmpdir(), "guildhall-bench-"));
  const memoryFile = join(directory, "memory");
  const name = `guildhall_bench_${process.pid}_${host}`;
  const database = new URL(POSTGRESQL);
  database.pathname = `/${name}`;
  if (host === "postgresql") await say(`create database ${name}`);
  const child = spawn(process.execPath, [...MEASURED, "packages/server/src/main.ts"], {
    env: {
      ...{ PATH: process.env.PATH, HOME: process.env.HOME, PORT: "0" },
      ...{ GUILDHALL_DATA_DIR: directory, GUILDHALL_HOUSE: "off", GUILDHALL_LOG_LEVEL: "warn" },
      ...environment,
      BENCH_MEMORY_FILE: memoryFile,
      ...(host === "postgresql" && { DATABASE_URL: database.href }),
    },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const note = join(directory, "server.json");
  while (!existsSync(note)) {
    if (child.exitCode !== null) throw new Error("the server did not start");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const told = JSON.parse(readFileSync(note, "utf8")) as { url: string; local_url: string };
  return {
    ...{ url: told.url, localUrl: told.local_url, pid: child.pid ?? 0 },
    operatorKey: readFileSync(join(directory, "operator.key"), "utf8").trim(),
    async memoryBytes() {
      rmSync(memoryFile, { force: true });
      child.kill("SIGUSR2");
      while (!existsSync(memoryFile)) await new Promise((resolve) => setTimeout(resolve, 20));
      return Number(readFileSync(memoryFile, "utf8"));
    },
    async stop() {
      const exit = new Promise((resolve) => child.once("exit", resolve));
      if (child.exitCode === null && child.kill("SIGTERM")) await exit;
      rmSync(directory, { recursive: true, force: true });
      if (host === "postgresql") await say(`drop database ${name} with (force)`);
    },
  };
}

/** What was measured on each host: the line of JSON that a benchmark ends with, in PostgreSQL's ratios where it is there. */
export function printOutcomes(
  bench: string,
  outcomes: ReadonlyMap<Host, { readonly ratios: object; readonly figures: object }>,
): void {
  const ratios = (outcomes.get("postgresql") ?? outcomes.get("embedded"))?.ratios;
  const figures = [...outcomes].flatMap(([host, outcome]) =>
    Object.entries(outcome.figures).map(([name, value]) => [`${host}_${name}`, value]),
  );
  console.log(JSON.stringify({ bench, ratios, figures: Object.fromEntries(figures) }));
}

/** Says the operator's commands to a server. Throws where one is refused. */
export function adminOf(server: BenchServer, pool: Dispatcher) {
  return async (method: "GET" | "POST", path: string, body?: object) => {
    const { statusCode, body: answer } = await pool.request({
      ...{ origin: server.localUrl, method, path: `/api/guildhall/v1/admin${path}` },
      headers: {
        authorization: `Bearer ${server.operatorKey}`,
        "content-type": "application/json",
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    // biome-ignore lint/suspicious/noExplicitAny: whatever JSON is looked into.
    const json = (await answer.json()) as any;
    if (statusCode >= 300) throw new Error(`${path}: ${statusCode} ${JSON.stringify(json)}`);
    return json;
  };
}

async function say(sql: string): Promise<void> {
  const client = new pg.Client(POSTGRESQL);
  await client.connect();
  await client.query(sql);
  await client.end();
}
