/**
 * A wallet's statement: what its available balance is made of, newest first.
 *
 * What is available is what was posted less what is held. So a statement has one line for what each
 * work moved, one for each transfer that was not for work, one for each amount that is held, and where it
 * does not go back to the beginning a last one for all that came before. Their sum is the balance, exactly,
 * however long the wallet's past is. Beside each held amount stands what is expected of it, which counts for
 * nothing: how much of it becomes a charge is known when the work ends.
 */
import { transferId } from "./wallet.ts";

export interface StatementLine {
  /**
   *   work       what a piece of work moved, all its transfers together
   *   held       promised to a work that is open
   *   expected   the same once more, as the most that the work will be charged; not in the sum
   *   operation  one transfer that was not for work
   *   earlier    all that is not listed
   */
  readonly kind: "work" | "held" | "expected" | "operation" | "earlier";
  /** No two lines of a statement have the same. An operation's is its transfer's. */
  readonly id: string;
  /** The work, or the operation's word. */
  readonly reference: string;
  /** The hold's name, or the transfer's; empty for a whole work. */
  readonly name: string;
  /** The top-up behind an operation, where one is. */
  readonly topupId: string | undefined;
  /** Above zero where it came in. Never zero. */
  readonly amountMicros: bigint;
  readonly at: Date;
}

/** A line as it is read from the books: what it is called follows from what it is. */
export type StatementPart = Omit<StatementLine, "id"> & {
  readonly kind: "work" | "held" | "operation";
};

/** A wallet at one moment: its balance, and its lines in any order, perhaps not all. */
export interface StatementParts {
  readonly availableMicros: bigint;
  readonly lines: readonly StatementPart[];
}

/** The newest lines, at most `limit`; the last one stands for all others where there are any. */
export function statementOf(
  { availableMicros, lines }: StatementParts,
  limit: number,
): readonly StatementLine[] {
  const sorted = lines
    .filter(({ amountMicros }) => amountMicros !== 0n)
    .flatMap(toLines)
    .sort((a, b) => b.at.getTime() - a.at.getTime() || (a.id < b.id ? 1 : -1));
  if (sorted.length <= limit && sumOf(sorted) === availableMicros) return sorted;
  const listed = sorted.slice(0, limit - 1);
  const amountMicros = availableMicros - sumOf(listed);
  const at = sorted[listed.length]?.at ?? listed.at(-1)?.at;
  if (amountMicros === 0n || at === undefined) return listed;
  return [
    ...listed,
    {
      kind: "earlier",
      id: "earlier",
      reference: "",
      name: "",
      topupId: undefined,
      amountMicros,
      at,
    },
  ];
}

function toLines(part: StatementPart): StatementLine[] {
  const { kind, reference, name } = part;
  if (kind === "operation") return [{ ...part, id: transferId(part) }];
  if (kind === "work") return [{ ...part, id: reference }];
  return [
    { ...part, id: `${reference}:held:${name}` },
    { ...part, kind: "expected", id: `${reference}:expected:${name}` },
  ];
}

function sumOf(lines: readonly StatementLine[]): bigint {
  return lines.reduce(
    (sum, { kind, amountMicros }) => (kind === "expected" ? sum : sum + amountMicros),
    0n,
  );
}
