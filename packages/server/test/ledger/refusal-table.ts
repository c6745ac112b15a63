/**
 * Which refusal may be for what. That there is a case for each is `refusals.test.ts`'s to show, and that
 * random commands are refused for each of these and for nothing else, `model.test.ts`'s.
 */
import type { Refusal } from "../../src/domain/command.ts";
import type { Culprit } from "./model.ts";

type Answers = readonly [0 | 1, 0 | 1, 0 | 1, 0 | 1, 0 | 1, 0 | 1, 0 | 1];

const CULPRITS: readonly Culprit[] = [
  "command",
  "open-hold",
  "reduce-hold",
  "capture-hold",
  "close-hold",
  "transfer",
  "limit-budget",
];

// biome-ignore format: read as a table
const MAY_BE_FOR = {
  //                   command  open  reduce  capture  close  transfer  limit
  insufficient_funds:  [0,      1,    0,      0,       0,     1,        0],
  account_frozen:      [0,      1,    0,      0,       0,     1,        0],
  budget_exceeded:     [0,      1,    0,      0,       0,     0,        0],
  version_conflict:    [1,      0,    0,      0,       0,     0,        0],
  key_revoked:         [1,      0,    0,      0,       0,     0,        0],
  workspace_suspended: [1,      0,    0,      0,       0,     0,        0],
  hold_closed:         [0,      0,    1,      1,       1,     0,        0],
  hold_exceeded:       [0,      0,    1,      1,       0,     0,        0],
  hold_exists:         [0,      1,    0,      0,       0,     0,        0],
  unknown_row:         [0,      1,    1,      1,       1,     1,        1],
  bad_amount:          [0,      1,    1,      1,       0,     1,        1],
  offer_changed:       [1,      0,    0,      0,       0,     0,        0],
  already_opened:      [1,      0,    0,      0,       0,     0,        0],
  transfer_exists:     [0,      0,    0,      1,       0,     1,        0],
} as const satisfies Record<Refusal["code"], Answers>;

/** A refusal's code and what it is for, in a word. */
export function combinationOf({ code }: Pick<Refusal, "code">, culprit: Culprit): string {
  return `${code} ${culprit}`;
}

/** All that there are, sorted. */
export const COMBINATIONS: readonly string[] = Object.entries(MAY_BE_FOR)
  .flatMap(([code, answers]) =>
    CULPRITS.filter((_, index) => answers[index] === 1).map((culprit) =>
      combinationOf({ code: code as Refusal["code"] }, culprit),
    ),
  )
  .sort();
