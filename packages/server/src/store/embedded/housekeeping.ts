/**
 * What PostgreSQL's background processes do and a single backend does not do by itself: without
 * this the write-ahead log grows without end, dead rows stay, and plans rest on no statistics.
 *
 *   1. Each second, when the backend is free, look at the log's position and at each table's counts.
 *   2. Checkpoint after 64 MB of log, or after 5 minutes with any.
 *   3. Vacuum and analyze what changed by more than PostgreSQL's own autovacuum would bear. Small
 *      tables at once; a big one holds up everybody for seconds, so only when nobody is there or
 *      when it is overdue.
 */
import { monotonicMs } from "../../lib/clock.ts";
import type { Engine } from "./engine.ts";

// biome-ignore format: read as a table
export const THRESHOLDS = {
  lookEveryMs: 1_000,
  checkpointBytes: 64 * 1024 * 1024,
  checkpointMs: 5 * 60_000,
  /** Up to this many pages of 8 KB a vacuum takes some milliseconds. */
  smallPages: 1_000,
  /**
   * While somebody is there, a table rests after care for this many times what the care took, and at
   * most as long as PostgreSQL's autovacuum sleeps: fast growing tables would be looked after all the
   * time, and each analyze makes every statement on the table be planned anew.
   */
  restFactor: 500,         restMsMax: 60_000,
  /** Without a client's query for this long, nobody is there. */
  idleMs: 1_000,
  // The next four are PostgreSQL's own: autovacuum_vacuum_threshold and its scale, and for analyze.
  deadRows: 50,            deadShare: 0.2,
  changedRows: 50,         changedShare: 0.1,
  /** Insert-only tables: autovacuum_vacuum_insert_threshold and its scale. */
  insertedRows: 1_000,     insertedShare: 0.2,
  /** A big table that has as many dead or changed rows as rows is vacuumed even in a rush. */
  overdueShare: 1,
  /** Transaction ids run out at 2,100 million; PostgreSQL itself forces a vacuum at 200 million. */
  freezeAge: 150_000_000,  freezeOverdueAge: 1_000_000_000,
} as const;

/** Counts of one table since it was last vacuumed or analyzed. */
export interface TableState {
  /** Quoted, with its schema. */
  name: string;
  rows: number;
  pages: number;
  deadRows: number;
  changedRows: number;
  insertedRows: number;
  /** Transactions since its oldest row that is not frozen. */
  age: number;
}

/** How long a table is left alone, in milliseconds, after care that took `tookMs`. */
export function restAfter(tookMs: number): number {
  return Math.min(THRESHOLDS.restMsMax, THRESHOLDS.restFactor * tookMs);
}

/** The statement that a table needs now, if any. `isRested`: its last care was long enough ago. */
export function careFor(table: TableState, isIdle: boolean, isRested = true): string | undefined {
  const t = THRESHOLDS;
  // With as much new as old, what is known of the table misleads the planner, and with as much dead as
  // alive it grows for nothing: that does not wait. Rows that changed and left no dead ones behind do.
  const hasDoubled =
    Math.max(table.insertedRows, table.deadRows) > Math.max(table.rows, t.insertedRows);
  if (!isIdle && !isRested && !hasDoubled) return undefined;
  const mustVacuum =
    table.deadRows > t.deadRows + t.deadShare * table.rows ||
    table.insertedRows > t.insertedRows + t.insertedShare * table.rows;
  const mustAnalyze = table.changedRows > t.changedRows + t.changedShare * table.rows;
  const mustFreeze = table.age > t.freezeAge;
  const isOverdue =
    Math.max(table.deadRows, table.changedRows) > t.overdueShare * table.rows ||
    table.age > t.freezeOverdueAge;

  if (table.pages > t.smallPages && !isIdle && !isOverdue) return undefined;
  if (mustFreeze) return `vacuum (freeze, analyze) ${table.name}`;
  if (mustVacuum) return `vacuum (analyze) ${table.name}`;
  if (mustAnalyze) return `analyze ${table.name}`;
  return undefined;
}

/** Where the log ends, in bytes since the database was made. */
const LOG_END = "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 as bytes";

const TABLES = `
  select c.oid::regclass::text as name,
         greatest(c.reltuples, 0)::float8 as rows,
         c.relpages as pages,
         pg_stat_get_dead_tuples(c.oid)::float8 as "deadRows",
         pg_stat_get_mod_since_analyze(c.oid)::float8 as "changedRows",
         pg_stat_get_ins_since_vacuum(c.oid)::float8 as "insertedRows",
         age(c.relfrozenxid)::float8 as age
    from pg_class c
   where c.relkind = 'r' and c.relpersistence = 'p'`;

export interface HousekeepingSurroundings {
  engine: Engine;
  /** Runs a task while no client has the backend. */
  schedule(task: () => Promise<void>): void;
  /** Milliseconds since a client last had something done. */
  idleMs(): number;
  onDone(what: string, tookMs: number): void;
  /** A statement of housekeeping failed, as when its table was dropped meanwhile. */
  onFailed(error: unknown): void;
}

/** Starts keeping house; the result stops it. */
export function keepHouse(surroundings: HousekeepingSurroundings): () => void {
  const { engine, schedule, idleMs, onDone, onFailed } = surroundings;
  const checkpointIfDue = checkpointer(engine);
  let isLooking = false;

  const restsUntil = new Map<string, number>();

  const perform = async (statement: string) => {
    const startedAt = monotonicMs();
    await engine.query(statement);
    const tookMs = monotonicMs() - startedAt;
    onDone(statement, tookMs);
    return tookMs;
  };
  const care = async (table: string, statement: string) => {
    restsUntil.set(table, monotonicMs() + restAfter(await perform(statement)));
  };
  const look = async () => {
    await checkpointIfDue(perform);
    const tables = await engine.query<TableState>(TABLES);
    const isIdle = idleMs() > THRESHOLDS.idleMs;
    const now = monotonicMs();
    for (const table of tables) {
      const isRested = now >= (restsUntil.get(table.name) ?? 0);
      const statement = careFor(table, isIdle, isRested);
      // Each waits for its own turn, so that clients come in between.
      if (statement) schedule(() => care(table.name, statement).catch(onFailed));
    }
    schedule(async () => {
      isLooking = false;
    });
  };
  const timer = setInterval(() => {
    if (isLooking) return;
    isLooking = true;
    schedule(() =>
      look().catch((error: unknown) => {
        isLooking = false;
        onFailed(error);
      }),
    );
  }, THRESHOLDS.lookEveryMs);
  return () => clearInterval(timer);
}

function checkpointer(engine: Engine) {
  let doneAt = monotonicMs();
  let doneBytes = 0;
  const logEnd = async () => {
    const [end] = await engine.query<{ bytes: number }>(LOG_END);
    return end?.bytes ?? 0;
  };
  return async (perform: (statement: string) => Promise<unknown>) => {
    const written = (await logEnd()) - doneBytes;
    const isOld = monotonicMs() - doneAt > THRESHOLDS.checkpointMs;
    if (written < THRESHOLDS.checkpointBytes && !(isOld && written > 0)) return;
    await perform("checkpoint");
    doneBytes = await logEnd();
    doneAt = monotonicMs();
  };
}
