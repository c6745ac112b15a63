/** What an operator wants to know of a server at a glance. */
import type { Tx } from "./database.ts";

export interface DatabaseStatus {
  readonly version: string;
  /** The last migration that was applied. */
  readonly migration: string;
  readonly providersOnline: number;
  readonly processes: number;
  /** Work that is not over, by its state. */
  readonly liveWork: Readonly<Record<string, number>>;
  /** Live work whose process has no lease: the sweeper takes it over within seconds. */
  readonly abandonedWork: number;
  /** What wallets have promised to work. */
  readonly heldMicros: bigint;
}

/** A provider is online as `listLinkStates` has it. */
export async function findStatus(tx: Tx, now: Date, seenAfter: Date): Promise<DatabaseStatus> {
  const [row] = await tx.query<{
    version: string;
    migration: string;
    providers: number;
    processes: number;
    abandoned: number;
    held: bigint;
  }>(
    `select current_setting('server_version') as version,
            (select max(name) from migrations) as migration,
            (select count(*)::int
               from provider_links l join processes p on p.id = l.process_id
              where l.ended_at is null and l.last_seen_at >= $2 and p.lease_until > $1) as providers,
            (select count(*)::int from processes where lease_until > $1) as processes,
            (select count(*)::int
               from work w left join processes p on p.id = w.process_id
              where w.deadline_at is not null and w.shape = 'run' and (p.id is null or p.lease_until <= $1)) as abandoned,
            (select coalesce(sum(held_micros), 0)::bigint
               from accounts where kind = 'wallet') as held`,
    [now, seenAfter],
  );
  if (!row) throw new Error("a select without a table returned no row");
  const work = await tx.query<{ state: string; count: number }>(
    `select shape || '.' || state as state, count(*)::int as count
       from work where deadline_at is not null group by 1 order by 1`,
  );
  return {
    version: row.version,
    migration: row.migration,
    providersOnline: row.providers,
    processes: row.processes,
    liveWork: Object.fromEntries(work.map(({ state, count }) => [state, count])),
    abandonedWork: row.abandoned,
    heldMicros: row.held,
  };
}
