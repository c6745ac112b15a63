import type { Tx } from "./database.ts";

/** A limit as a query needs it: `since` is where the window that ends at `at` begins. */
export interface AttemptWindow {
  readonly at: Date;
  readonly since: Date;
  readonly max: number;
  /** When the row tells nothing any more. */
  readonly expiresAt: Date;
}

/** Counts an attempt, unless as many as the window allows were counted: then `false`. */
export async function insertAttempt(
  tx: Tx,
  subject: string,
  { at, since, max, expiresAt }: AttemptWindow,
): Promise<boolean> {
  const rows = await tx.query(
    `insert into attempts as a (subject, times, expires_at) values ($1, array[$2::timestamptz], $3)
         on conflict (subject) do update
        set times = array(select t from unnest(a.times) t where t > $4) || $2::timestamptz,
            expires_at = $3
      where (select count(*) from unnest(a.times) t where t > $4) < $5
     returning subject`,
    [subject, at, expiresAt, since, max],
  );
  return rows.length > 0;
}

/** The earliest attempt that still counts: once it is out of the window, there is room for one more. */
export async function findEarliestAttempt(
  tx: Tx,
  subject: string,
  since: Date,
): Promise<Date | undefined> {
  const rows = await tx.query<{ earliest: Date | null }>(
    "select min(t) as earliest from attempts, unnest(times) t where subject = $1 and t > $2",
    [subject, since],
  );
  return rows[0]?.earliest ?? undefined;
}

/** Takes one attempt made at `at` back; others of the same moment stay. */
export async function deleteAttempt(tx: Tx, subject: string, at: Date): Promise<void> {
  await tx.query(
    `update attempts
        set times = times[:array_position(times, $2::timestamptz) - 1]
                 || times[array_position(times, $2::timestamptz) + 1:]
      where subject = $1 and $2::timestamptz = any(times)`,
    [subject, at],
  );
}

export async function deleteAttemptsBefore(tx: Tx, expiredBefore: Date): Promise<void> {
  await tx.query("delete from attempts where expires_at < $1", [expiredBefore]);
}
