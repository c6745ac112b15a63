/**
 * The one way to the database, whichever host it has. PostgreSQL's SQL, in the subset of version 15.
 *
 * `bigint` columns are `bigint`, `timestamptz` is `Date`, `jsonb` is the value, `bytea` is a Buffer.
 * A JSON parameter is passed as text (`$1::text::jsonb`): an array would be taken for an SQL array.
 */
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { Outage } from "../lib/outage.ts";
import { arrayLiteral, TYPES } from "./values.ts";

/** What SQL can be said to: the database itself, or a transaction on it. */
export interface Tx {
  /** Runs one statement with `$1`-style parameters and returns its rows. Throws `Outage` where nobody answers. */
  query<Row extends object>(text: string, parameters?: readonly unknown[]): Promise<Row[]>;
  /** Runs several statements, without parameters or results: a migration. */
  script(text: string): Promise<void>;
}

export interface Database extends Tx {
  readonly host: "embedded" | "postgresql";
  /**
   * Runs `work` in one transaction; retries it whole on a deadlock or a serialisation failure, so
   * it must have no effect but its SQL. Only the database may be awaited inside, for at most 2 s:
   * the embedded host has one backend, and everybody waits for it.
   */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** For libraries that bring SQL of their own and want node-postgres: made when first asked for. */
  pool(): pg.Pool;
  /** Lets queries under way finish, for a while. Whoever closes again waits for the first to be done. */
  close(): Promise<void>;
}

const ATTEMPTS_MAX = 5;
/** How long queries under way may take to finish when the database is closed. */
const CLOSE_GRACE_MS = 5_000;
/** Sign-in alone uses the library pool, so it needs few connections. */
const LIBRARY_CONNECTIONS_MAX = 4;
/** Each connection keeps each of these prepared; statements beyond are parsed each time. */
const PREPARED_STATEMENTS_MAX = 1_000;
/** A process that hangs in a transaction holds its locks no longer than this. */
const IDLE_IN_TRANSACTION_MS = 10_000;
/** A caller waits no longer for a database that is away. */
const CONNECT_MS_MAX = 10_000;

/** SQLSTATE 40001 serialization_failure and 40P01 deadlock_detected: another attempt may succeed. */
export function isRetryable(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return code === "40001" || code === "40P01";
}

/** SQLSTATEs: connection exceptions, resources gone, shutdown and recovery, input/output errors, a standby. */
export const OUTAGE_STATES = /^(?:08|53|57P|58)|^25006$/;

/** What a statement or a connection failed with, as an `Outage` where that is what it is. */
function failure(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof Outage) return error;
  if (error instanceof pg.DatabaseError) {
    return OUTAGE_STATES.test(error.code ?? "") ? new Outage(error) : error;
  }
  // A parameter that cannot be written is a bug; what else the driver says is of its connection.
  return error instanceof TypeError || error instanceof RangeError ? error : new Outage(error);
}

/** A `Database` on a PostgreSQL server (`DATABASE_URL`), with at most `connectionsMax` connections. */
export function openPostgresql(url: string, connectionsMax = 10): Database {
  const connection = {
    connectionString: url,
    application_name: "guildhall",
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
  };
  return databaseOver("postgresql", connection, connectionsMax);
}

/** A `Database` over connections of any kind. */
export function databaseOver(
  host: Database["host"],
  connection: pg.PoolConfig,
  connectionsMax: number,
): Database {
  const statements = new StatementNames();
  const pool = newPool({ ...connection, types: TYPES, max: connectionsMax });
  let libraryPool: pg.Pool | undefined;
  let closing: Promise<void> | undefined;
  const endPools = async (): Promise<void> => {
    const isClosed = Promise.all([pool.end(), libraryPool?.end()]);
    await Promise.race([isClosed, delay(CLOSE_GRACE_MS, undefined, { ref: false })]);
  };
  return {
    host,
    ...txOver(pool, statements),
    async transaction(work) {
      for (let attempt = 1; ; attempt++) {
        try {
          return await runOnce(pool, statements, work);
        } catch (error) {
          if (attempt >= ATTEMPTS_MAX || !isRetryable(error)) throw error;
        }
      }
    },
    pool() {
      libraryPool ??= newPool({ ...connection, max: LIBRARY_CONNECTIONS_MAX });
      return libraryPool;
    },
    close() {
      closing ??= endPools();
      return closing;
    },
  };
}

function newPool(config: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool({
    ...config,
    // Connections stay, for the statements that they have prepared.
    idleTimeoutMillis: 0,
    connectionTimeoutMillis: CONNECT_MS_MAX,
  });
  // Whoever uses a connection that is lost hears of it from its query. These events would otherwise
  // end the process: a lost connection is replaced, not mourned.
  const ignore = () => undefined;
  pool.on("error", ignore);
  pool.on("connect", (client) => client.on("error", ignore));
  return pool;
}

/**
 * One attempt at a transaction. Once it is over nothing that `work` left running may reach its
 * connection, which is somebody else's by then.
 */
async function runOnce<T>(
  pool: pg.Pool,
  statements: StatementNames,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  const client = await connect(pool);
  let lost: Error | undefined;
  const onLost = (error: Error) => {
    lost ??= error;
  };
  client.on("error", onLost);
  const transaction = guardedTx(txOver(client, statements));
  try {
    await said(client.query("begin"));
    const result = await work(transaction.tx);
    const { command } = await said(client.query("commit"));
    // PostgreSQL answers a commit of what has failed with a rollback, not with an error.
    if (command !== "COMMIT") throw transaction.firstError() ?? new Error("rolled back");
    return result;
  } catch (error) {
    await client.query("rollback").catch(onLost);
    // Why the connection was lost says more than that it was.
    throw lost ? failure(lost) : error;
  } finally {
    transaction.end();
    client.off("error", onLost);
    client.release(lost);
  }
}

function guardedTx(tx: Tx): { tx: Tx; end(): void; firstError(): unknown } {
  let isOver = false;
  let firstError: unknown;
  const guarded = async <R>(ask: () => Promise<R>): Promise<R> => {
    if (isOver) throw new Error("This transaction is over.");
    try {
      return await ask();
    } catch (error) {
      firstError ??= error;
      throw error;
    }
  };
  return {
    tx: {
      query: (text, parameters) => guarded(() => tx.query(text, parameters)),
      script: (text) => guarded(() => tx.script(text)),
    },
    end: () => {
      isOver = true;
    },
    firstError: () => firstError,
  };
}

function txOver(client: pg.Pool | pg.PoolClient, statements: StatementNames): Tx {
  return {
    async query<Row extends object>(text: string, parameters: readonly unknown[] = []) {
      // Without parameters a statement is not worth preparing, and some cannot be prepared.
      if (parameters.length === 0) return (await said(client.query<Row>(text))).rows;
      const values = parameters.map(toValue);
      const name = statements.nameOf(text);
      const statement = { text, values, ...(name && { name }) };
      if (client instanceof pg.Pool) return queryPool<Row>(client, statement);
      return (await said(client.query<Row>(statement))).rows;
    },
    async script(text) {
      await said(client.query(text));
    },
  };
}

/**
 * One statement on any connection. The pool's own `query` gives a connection up for every error, and
 * all that was prepared on it: planning the ledger's function anew takes longer than a batch.
 */
async function queryPool<Row extends object>(
  pool: pg.Pool,
  statement: pg.QueryConfig,
): Promise<Row[]> {
  const client = await connect(pool);
  let lost: Error | undefined;
  try {
    return (await client.query<Row>(statement)).rows;
  } catch (error) {
    // What the database refuses, it refuses and goes on; what ends the connection is FATAL. A server
    // that says so in another language loses a connection for each error, and nothing else.
    const isRefusal = error instanceof pg.DatabaseError && error.severity === "ERROR";
    if (!isRefusal) lost = error as Error;
    throw failure(error);
  } finally {
    client.release(lost);
  }
}

function connect(pool: pg.Pool): Promise<pg.PoolClient> {
  return said(pool.connect());
}

async function said<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw failure(error);
  }
}

function toValue(parameter: unknown): unknown {
  if (parameter === undefined) throw new TypeError("a parameter is undefined; say null");
  return Array.isArray(parameter) ? arrayLiteral(parameter) : parameter;
}

/** Gives each text of a statement a name under which connections prepare it. */
class StatementNames {
  readonly #names = new Map<string, string>();

  nameOf(text: string): string | undefined {
    const known = this.#names.get(text);
    if (known || this.#names.size >= PREPARED_STATEMENTS_MAX) return known;
    const name = `s${this.#names.size}`;
    this.#names.set(text, name);
    return name;
  }
}
