/**
 * The engine of the embedded host: PGlite, which is PostgreSQL compiled to WebAssembly, made durable.
 *
 * As it comes it loses whatever was acknowledged when the power goes: it starts with fsync off, and
 * its file system has no fsync to call. Three things make it durable, and any two are not enough:
 *
 *   1. the file system's streams get an `fsync` that reaches the disk;
 *   2. the engine starts without `-F`;
 *   3. `wal_sync_method` is `fsync`, the one method that ends in that call.
 *
 * Nothing but a power cut would show that one is missing, so `requireDurability` looks at each start.
 */
import { type Dirent, fsyncSync, readFileSync } from "node:fs";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { NodeFS } from "@electric-sql/pglite/nodefs";
import { startupMessage } from "./wire.ts";

/** The part of Emscripten's Node file system that is extended here. */
interface NodeFsModule {
  NODEFS: { stream_ops: { fsync?: (stream: { nfd: number }) => number } };
}

/** The package's file system on a real directory, with the `fsync` that it lacks, and a count of its calls. */
export class SyncedNodeFs extends NodeFS {
  syncs = 0;

  override async init(
    pg: PGlite,
    options: Parameters<NodeFS["init"]>[1],
  ): ReturnType<NodeFS["init"]> {
    const { emscriptenOpts } = await super.init(pg, options);
    const addFsync = (module: unknown) => {
      (module as NodeFsModule).NODEFS.stream_ops.fsync = (stream) => {
        this.syncs++;
        fsyncSync(stream.nfd);
        return 0;
      };
    };
    return {
      emscriptenOpts: { ...emscriptenOpts, preRun: [...(emscriptenOpts.preRun ?? []), addFsync] },
    };
  }
}

/** How the engine is started. Nothing checkpoints by itself, but `max_wal_size` bounds what it recycles. */
export const START_PARAMETERS: readonly string[] = [
  ...PGlite.defaultStartParams.filter((parameter) => parameter !== "-F"),
  ...["-c", "wal_sync_method=fsync"],
  ...["-c", "max_wal_size=128MB"],
  // An analyze holds up everybody, and takes as long as its sample is big: 300 rows for each of these.
  ...["-c", "default_statistics_target=20"],
];

/** What must be so for a commit to be on the disk when it is acknowledged. */
const DURABLE_SETTINGS = { fsync: "on", synchronous_commit: "on", wal_sync_method: "fsync" };

/**
 * Commits once and looks whether that reached the disk: settings alone say "on" in two of the three
 * broken builds.
 *
 * @param syncs how often the file system was told to sync, so far
 * @throws when a commit would be acknowledged before it is safe
 */
export async function requireDurability(pg: PGlite, syncs: () => number): Promise<void> {
  const faults: string[] = [];
  for (const [name, wanted] of Object.entries(DURABLE_SETTINGS)) {
    const { rows } = await pg.query<{ value: string }>("select current_setting($1) as value", [
      name,
    ]);
    if (rows[0]?.value !== wanted) faults.push(`${name} is ${rows[0]?.value}, not ${wanted}`);
  }
  const before = syncs();
  await pg.query("select pg_logical_emit_message(true, 'selftest', 'x')");
  if (syncs() === before) faults.push("a commit did not sync the write-ahead log");
  if (faults.length === 0) return;
  throw new Error(
    `The embedded database would lose data in a power cut (${faults.join("; ")}), so it will not ` +
      "serve. Install the dependencies exactly as locked (npm ci), or set DATABASE_URL.",
  );
}

/** The engine, opened on a directory and seen to be durable. */
export interface Engine {
  /** What every session begins with: "you are in", the server's parameters, and "ready". */
  greeting: Buffer;
  /**
   * Runs whole wire-protocol messages and gives what the engine answered. Blocks the thread until
   * the answer is complete.
   */
  run(messages: Uint8Array): Promise<Buffer>;
  /** One statement of our own; only while no client has the backend. */
  query<Row extends object>(text: string): Promise<Row[]>;
  close(): Promise<void>;
}

export interface EngineHooks {
  /** A line of PostgreSQL's own log. */
  onLine(line: string): void;
  /** The engine failed in a way that is no SQL error. It must not be used again: end the thread. */
  onBroken(error: unknown): never;
}

/** With this status PostgreSQL leaves its main loop on an SQL error, to be entered again. */
const SQL_ERROR_STATUS = 100;
const VERSION_FILE = "PG_VERSION";
const VERSION = "18";
/** Enough of PostgreSQL's last words to say why it did not start. */
const LAST_LINES = 5;
/** As many as Node has threads for files. */
const SYNCS_AT_ONCE = 4;

/** Opens an existing database directory, or throws saying why not. */
export async function openEngine(directory: string, hooks: EngineHooks): Promise<Engine> {
  requireVersion(directory);
  const files = new SyncedNodeFs(directory);
  const pg = await start(files, hooks);
  await requireDurability(pg, () => files.syncs);
  watchMainLoop(pg, hooks);
  const run = async (messages: Uint8Array) => {
    const pieces: Uint8Array[] = [];
    // The pieces are views of the engine's memory, which it writes over.
    const onRawData = (piece: Uint8Array) => void pieces.push(piece.slice());
    await pg.execProtocolRawStream(messages, { syncToFs: false, onRawData });
    return Buffer.concat(pieces);
  };
  return {
    greeting: await run(startupMessage()),
    run,
    async query<Row extends object>(text: string) {
      return (await pg.query<Row>(text)).rows;
    },
    close: () => pg.close(),
  };
}

async function start(files: NodeFS, hooks: Pick<EngineHooks, "onLine">): Promise<PGlite> {
  const lastLines: string[] = [];
  try {
    return await PGlite.create({
      fs: files,
      startParams: [...START_PARAMETERS],
      onStderr(line) {
        lastLines.splice(0, Math.max(0, lastLines.length - LAST_LINES + 1));
        lastLines.push(line);
        hooks.onLine(line);
        return false;
      },
    });
  } catch (error) {
    const words = lastLines.join("\n");
    throw new Error(`The embedded database did not start. Its last words:\n${words}`, {
      cause: error,
    });
  }
}

/** The package goes on after a crash of the engine as if nothing had happened. Here the thread ends. */
function watchMainLoop(pg: PGlite, hooks: EngineHooks): void {
  const module = pg.Module;
  const mainLoopOnce = module._PostgresMainLoopOnce;
  module._PostgresMainLoopOnce = () => {
    try {
      mainLoopOnce();
    } catch (error) {
      if ((error as { status?: unknown }).status !== SQL_ERROR_STATUS) hooks.onBroken(error);
      throw error;
    }
  };
}

function requireVersion(directory: string): void {
  const version = readFileSync(join(directory, VERSION_FILE), "utf8").trim();
  if (version === VERSION) return;
  throw new Error(
    `The database in ${directory} is of PostgreSQL ${version}; this version embeds ${VERSION}. ` +
      "Start the Guildhall version that made it, or restore a dump into a new data directory.",
  );
}

/**
 * Makes a new database: under another name until all of it is on the disk, so that a kill or a power
 * cut on the way leaves nothing that looks like a database.
 */
export async function createDatabase(directory: string, onLine: EngineHooks["onLine"]) {
  const unfinished = `${directory}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true, mode: 0o700 });
  const pg = await start(new SyncedNodeFs(unfinished), { onLine });
  // Nobody will ever connect to the templates, and what is never vacuumed stops the transaction
  // counter one day (age of datfrozenxid).
  await pg.exec("update pg_database set datistemplate = false where datname like 'template%'");
  await pg.exec("drop database template0");
  await pg.exec("drop database template1");
  await pg.close();
  await syncTree(unfinished);
  await rename(unfinished, directory);
  await syncDirectories([dirname(directory)]);
}

async function syncTree(root: string): Promise<void> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const pathsOf = (isWanted: (entry: Dirent) => boolean) =>
    entries.filter(isWanted).map((entry) => join(entry.parentPath, entry.name));
  // Windows syncs only what is open for writing.
  await syncPaths(
    pathsOf((entry) => entry.isFile()),
    "r+",
  );
  await syncDirectories([root, ...pathsOf((entry) => entry.isDirectory())]);
}

/** On Windows there is no such thing. */
async function syncDirectories(paths: readonly string[]): Promise<void> {
  if (process.platform !== "win32") await syncPaths(paths, "r");
}

/** Several at once, because a file system writes what several wait for in one go. */
async function syncPaths(paths: readonly string[], flags: string): Promise<void> {
  const queue = paths.values();
  const syncAll = async () => {
    for (const path of queue) {
      const file = await open(path, flags);
      await file.sync().finally(() => file.close());
    }
  };
  await Promise.all(Array.from({ length: SYNCS_AT_ONCE }, syncAll));
}
