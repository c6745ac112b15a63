/** Attempts: how often one may try what a guesser or a flooder would do again and again. */

export type AttemptKind =
  | "password-by-address"
  | "password-by-email"
  | "user-code"
  | "handoff-start"
  | "link-by-address"
  | "link-by-email"
  | "voucher-code";

export interface AttemptLimit {
  readonly max: number;
  readonly windowSeconds: number;
}

/** Over any window of that length, not by the clock's minutes. Each is configuration. */
// biome-ignore format: read as a table
export const ATTEMPT_LIMITS: Readonly<Record<AttemptKind, AttemptLimit>> = {
  // Many people may share an address, one account is one person's.
  "password-by-address": { max: 30, windowSeconds: 60 },
  "password-by-email":   { max: 10, windowSeconds: 900 },
  // LinkedClaw contract §5. With 21.5 bits in a code, a guesser needs about three months a hit.
  "user-code":           { max: 5,  windowSeconds: 60 },
  // Each is a row that lives for ten minutes.
  "handoff-start":       { max: 60, windowSeconds: 60 },
  // Each is a mail to somebody who may not have asked for it.
  "link-by-address":     { max: 20, windowSeconds: 3600 },
  "link-by-email":       { max: 3,  windowSeconds: 3600 },
  // Counted by workspace. A good code is not counted.
  "voucher-code":        { max: 10, windowSeconds: 600 },
};
