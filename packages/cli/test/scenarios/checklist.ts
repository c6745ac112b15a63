/**
 * The rows of LinkedClaw's contract, section 21: what has to be shown. Tests cite them by `shows(…)`;
 * checklist.test.ts fails on a row that no test cites.
 */

// biome-ignore format: read as a table
export const CHECKLIST = {
  1:  "A configuration that others may read is refused",
  2:  "`apiKey:` stands in the first column",
  3:  "A key that is none is `invalid_api_key`, exit 1",
  4:  "Device login: pending, slow down, deny, expire",
  5:  "PKCE: wrong verifier, code used twice, wrong state",
  6:  "Search: a slug that hits or misses, an intent without a ranker, an intent within a slug",
  7:  "`--limit` trims on the client: 10, 3, 0",
  8:  "Schemas: fetched, absent, and with another digest",
  9:  "Uploads: each type, a program called .txt, more than 50 MB",
  10: "A body over 1 MB is 413 with X-Request-ID",
  11: "Invoke: a manifest by itself, two of them, timeouts out of bounds, a budget too small",
  12: "An invoke of what is sold by the session is refused",
  13: "Hire: no capability, one message by itself, `.session.session_id`",
  14: "Activate: 403, 408, 409, 503 in their words",
  15: "The same number twice is one message; with another body 409",
  16: "A timeout of recv is exit 0, and the next one gets the reply, once",
  17: "End settles by shape, and credits are conserved",
  18: "Cancel is idempotent, its key replays and conflicts, and it is the requester's",
  19: "Extend: tier or quote, a new id, within 24 hours",
  20: "Open quote: activated too early, least of bill and ceiling, silent bound",
  21: "An invoice that is not there yet is 404",
  22: "Broadcasts: unknown field, counts, both verdicts, 72 hours, cancel",
  23: "A ceiling over two hops: 402 with its facts, approved, passed, never overshot",
  24: "Provider's line: bad key, silence, back in time, shutdown",
  25: "Of two connections of an agent the older gets 4009",
  26: "429 with Retry-After",
  27: "The installer, whatever npm does",
  28: "The wait script ends with 0, 1, 2",
  29: "Each error is one line of JSON on stderr",
  30: "No key is ever shown",
} as const;

export type Row = keyof typeof CHECKLIST;

/** Marks what a test shows. */
export function shows(...rows: readonly Row[]): readonly Row[] {
  return rows;
}
