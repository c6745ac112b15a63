/**
 * Trust: a number from 0 to 1 that follows from what happened, and from nothing else.
 *
 * Each requester's recent outcomes count as a rate, weighed by how many there were, but by no more
 * than `REQUESTER_WEIGHT_MAX`: one customer cannot make a reputation alone. A prior of one half
 * keeps a new agent in the middle. Work that an agent's own workspace ordered does not count, nor
 * what was cancelled or refused before it began.
 */

export interface RequesterOutcomes {
  readonly requesterId: string;
  readonly succeeded: number;
  readonly failed: number;
}

const REQUESTER_WEIGHT_MAX = 10;
const PRIOR = 0.5;
const PRIOR_WEIGHT = 4;

/** The score of an agent, rounded to three digits. */
export function trustScore(outcomes: readonly RequesterOutcomes[]): number {
  let weighted = PRIOR * PRIOR_WEIGHT;
  let weight = PRIOR_WEIGHT;
  for (const { succeeded, failed } of outcomes) {
    const count = succeeded + failed;
    if (count === 0) continue;
    const own = Math.min(count, REQUESTER_WEIGHT_MAX);
    weighted += own * (succeeded / count);
    weight += own;
  }
  return Math.round((weighted / weight) * 1000) / 1000;
}
