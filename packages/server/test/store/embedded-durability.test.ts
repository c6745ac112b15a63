/** What was acknowledged stays, and no two processes share a directory. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { PGlite } from "@electric-sql/pglite";
import { NodeFS } from "@electric-sql/pglite/nodefs";
import { createLog } from "../../src/lib/log.ts";
import {
  requireDurability,
  START_PARAMETERS,
  SyncedNodeFs,
} from "../../src/store/embedded/engine.ts";
import { openEmbedded } from "../../src/store/embedded/index.ts";
import { killAfterTest } from "../support/cleanup.ts";
import { testDataDirectory } from "../support/database.ts";

const log = createLog("silent");
const CHILD = fileURLToPath(new URL("../support/embedded-child.ts", import.meta.url));
const KILLS = process.env.GUILDHALL_TEST_LONG === "1" ? 10 : 2;

interface Build {
  says: string;
  files(directory: string): NodeFS & { syncs?: number };
  parameters: readonly string[];
  refusal: RegExp | undefined;
}

const WITHOUT_METHOD = START_PARAMETERS.filter((_, index, all) => {
  const isOfMethod = (text: string | undefined) => text?.startsWith("wal_sync_method=");
  return !isOfMethod(all[index]) && !isOfMethod(all[index + 1]);
});

const BUILDS: readonly Build[] = [
  {
    says: "all three parts: serves",
    files: (directory) => new SyncedNodeFs(directory),
    parameters: START_PARAMETERS,
    refusal: undefined,
  },
  {
    says: "no fsync in the file system: refused",
    files: (directory) => new NodeFS(directory),
    parameters: START_PARAMETERS,
    refusal: /a commit did not sync the write-ahead log/,
  },
  {
    says: "started with -F: refused",
    files: (directory) => new SyncedNodeFs(directory),
    parameters: [...START_PARAMETERS, "-F"],
    refusal: /fsync is off, not on/,
  },
  {
    says: "another wal_sync_method: refused",
    files: (directory) => new SyncedNodeFs(directory),
    parameters: WITHOUT_METHOD,
    refusal: /wal_sync_method is \w+, not fsync/,
  },
];

for (const { says, files, parameters, refusal } of BUILDS) {
  test(`a build of the engine with ${says}`, async (t) => {
    const directory = join(await testDataDirectory(t), "database");
    const fs = files(directory);
    const pg = await PGlite.create({ fs, startParams: [...parameters] });
    try {
      const verdict = requireDurability(pg, () => fs.syncs ?? 0);
      if (refusal) await assert.rejects(verdict, refusal);
      else await verdict;
    } finally {
      await pg.close();
    }
  });
}

test("nothing that was acknowledged is lost to kill -9", async (t) => {
  for (let kill = 0; kill < KILLS; kill++) {
    const directory = await testDataDirectory(t);
    const child = startChild(t, directory, "insert");
    const acknowledged: number[] = [];
    for await (const line of child.lines) {
      if (line !== "open") acknowledged.push(Number(line));
      // What it had said before it died is still read.
      if (acknowledged.length === 200 + 150 * kill) child.process.kill("SIGKILL");
    }
    const database = await openEmbedded({ directory, log });
    const rows = await database.query<{ id: number }>("select id from acknowledged");
    await database.close();
    const kept = new Set(rows.map((row) => row.id));
    assert.deepEqual(
      acknowledged.filter((id) => !kept.has(id)),
      [],
    );
  }
});

test("a second process is refused, and let in as soon as the first is dead", async (t) => {
  const directory = await testDataDirectory(t);
  const child = startChild(t, directory, "wait");
  await child.opened;
  const refused = openEmbedded({ directory, log });
  await assert.rejects(refused, (error: Error) => {
    assert.ok(error.message.includes(`The data directory ${directory} is in use`));
    assert.match(error.message, /GUILDHALL_DATA_DIR/);
    return true;
  });
  child.process.kill("SIGKILL");
  await once(child.process, "exit");
  const database = await openEmbedded({ directory, log });
  await database.close();
});

test("of many that start at once on one directory, one gets it", async (t) => {
  const directory = await testDataDirectory(t);
  const children = Array.from({ length: 4 }, () => startChild(t, directory, "wait"));
  const outcomes = await Promise.all(
    children.map((child) => Promise.race([child.opened, once(child.process, "exit")])),
  );
  assert.equal(outcomes.filter((outcome) => outcome === "open").length, 1);
});

test("a directory can be opened again in the same process, once it is closed", async (t) => {
  const directory = await testDataDirectory(t);
  const first = await openEmbedded({ directory, log });
  await first.query("create table kept(id int)");
  await assert.rejects(openEmbedded({ directory, log }), /is in use by another process/);
  await first.close();
  const second = await openEmbedded({ directory, log });
  assert.deepEqual(await second.query("select * from kept"), []);
  await second.close();
});

interface Child {
  process: ChildProcess;
  lines: AsyncIterable<string>;
  /** Resolves to "open" when the child has its database. */
  opened: Promise<string>;
}

function startChild(t: TestContext, directory: string, task: string): Child {
  const child = spawn(process.execPath, [CHILD, directory, task], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  killAfterTest(t, child);
  const lines = createInterface({ input: child.stdout });
  const opened = once(lines, "line").then(([line]) => String(line));
  return { process: child, lines, opened };
}
