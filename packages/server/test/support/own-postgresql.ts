/** A PostgreSQL of a test's own, to be restarted under whoever uses it. */
import { spawn } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { chown, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { afterTest } from "./cleanup.ts";
import { freePort } from "./free-port.ts";

/** As the database's own words have it: `immediate` is a crash, after which it recovers. */
export type Shutdown = "fast" | "immediate";

export interface OwnPostgresql {
  readonly url: string;
  /** Ends it and starts it again; resolves once it answers. */
  restart(how: Shutdown): Promise<void>;
  /** Ends it and starts it again so many milliseconds later. */
  away(ms: number): Promise<void>;
}

/**
 * A fresh cluster on a free port, gone after the test; nothing, and the test is reported as skipped,
 * where PostgreSQL's programs are not on this machine.
 */
export async function startOwnPostgresql(t: TestContext): Promise<OwnPostgresql | undefined> {
  const programs = programsDirectory();
  if (programs === undefined) {
    if (process.env.REQUIRE_SERVICES === "1") throw new Error("initdb and pg_ctl are missing");
    t.skip("no initdb and pg_ctl (PG_BIN)");
    return undefined;
  }
  const as = owner();
  // Not below TMPDIR, where only this user may look: PostgreSQL does not run as root.
  const directory = await mkdtemp(join(globSync("/dev/shm")[0] ?? "/tmp", "guildhall-postgresql-"));
  afterTest(t, () => rm(directory, { recursive: true, force: true }));
  if (as) await chown(directory, as.uid, as.gid);
  const data = join(directory, "data");
  const run = (program: string, ...args: string[]) =>
    runProgram(join(programs, program), args, as && { ...as, cwd: directory });
  await run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8");
  const port = await freePort();
  // Of a crash of its own, not of the machine's, it loses nothing without fsync either.
  const settings = `-p ${port} -h 127.0.0.1 -k ${directory} -c fsync=off`;
  const control = (...args: string[]) =>
    run("pg_ctl", "-D", data, "-w", "-l", join(directory, "log"), ...args);
  await control("start", "-o", settings);
  afterTest(t, () => control("stop", "-m", "immediate"));
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    restart: (how) => control("restart", "-m", how, "-o", settings),
    async away(ms) {
      await control("stop", "-m", "immediate");
      await delay(ms);
      await control("start", "-o", settings);
    },
  };
}

function programsDirectory(): string | undefined {
  const named = process.env.PG_BIN;
  if (named) return named;
  const found = globSync("/usr/lib/postgresql/*/bin/initdb").sort().at(-1);
  return found?.slice(0, -"/initdb".length);
}

/** Whose programs PostgreSQL's are, where this process is root's; nobody else's otherwise. */
function owner(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const line = /^postgres:[^:]*:(\d+):(\d+):/m.exec(readFileSync("/etc/passwd", "utf8"));
  if (!line) throw new Error("PostgreSQL does not run as root, and there is no user postgres");
  return { uid: Number(line[1]), gid: Number(line[2]) };
}

function runProgram(
  program: string,
  args: readonly string[],
  options: { uid: number; gid: number; cwd: string } | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    // Without pipes: the server that pg_ctl starts would keep them open.
    const child = spawn(program, args, { ...options, stdio: "ignore" });
    child.once("error", reject);
    child.once("exit", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${program} ${args.join(" ")} ended with ${code}`));
    });
  });
}
