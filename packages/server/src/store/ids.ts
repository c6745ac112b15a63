/** Ids begin with their time (see lib/random.ts), so a span of time is a range of a primary key. */

const HOUR_MS = 3_600_000;

/** The first possible id of the hour that ended at `before`, and the first after it. */
export function hourOfIdsBefore(before: Date): [from: string, until: string] {
  return [idPrefixOf(new Date(before.getTime() - HOUR_MS)), idPrefixOf(before)];
}

/** The first 12 characters of ids made at `at`. */
function idPrefixOf(at: Date): string {
  return at.getTime().toString(16).padStart(12, "0");
}
