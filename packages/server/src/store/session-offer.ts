/** How a session's provider is asked to take it: a mark in its log. */
import type { Tx } from "./database.ts";

/**
 * Notes that the provider is asked until `until`, once more, unless it is being asked already: then nothing
 * changes, and how long it has is returned. Of several who ask at once, one is the first.
 */
export async function offerSession(
  tx: Tx,
  sessionId: string,
  now: Date,
  until: Date,
): Promise<{ readonly until: Date; readonly isFirst: boolean }> {
  const noted = await tx.query(
    `update session_logs set offered_until = $3, offers = offers + 1
      where session_id = $1 and (offered_until is null or offered_until <= $2)
      returning session_id`,
    [sessionId, now, until],
  );
  if (noted.length > 0) return { until, isFirst: true };
  const [row] = await tx.query<{ offered_until: Date }>(
    "select offered_until from session_logs where session_id = $1",
    [sessionId],
  );
  return { until: row?.offered_until ?? until, isFirst: false };
}

/** The provider is not asked any more; nothing changes where it is being asked anew. */
export async function withdrawOffer(tx: Tx, sessionId: string, until: Date): Promise<void> {
  await tx.query(
    "update session_logs set offered_until = null where session_id = $1 and offered_until = $2",
    [sessionId, until],
  );
}
