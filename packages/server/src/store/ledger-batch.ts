/**
 * Packs commands into the arrays that `commit_commands` takes, and reads its answers.
 *
 *   1. Each command and step is written down; what it names goes into a list a table, once.
 *   2. The lists are sorted, which is the order in which the database locks. Now what was named has
 *      a position, and positions stand for ids in all the other arrays.
 *   3. The answer has a code and a detail a command; a detail that is a position becomes an id again.
 *
 * The function's comment in its migration says what each array is.
 */
import assert from "node:assert/strict";
import type {
  Command,
  CommandOutcome,
  Refusal,
  Step,
  WorkChange,
  WorkOpening,
} from "../domain/command.ts";
import { type Entry, HoldList, List, type Lists, NONE, OfferList } from "./ledger-lists.ts";

/** A batch as the function's parameters, and what reading its answers needs. */
export interface PackedBatch {
  /** From `k_ids` to `s_name`, in order: literals of PostgreSQL's arrays. */
  readonly parameters: readonly (string | boolean)[];
  readonly lists: Lists;
  /** Position of each command's first step, from 1. */
  readonly firstSteps: readonly number[];
}

/**
 * Packs commands, of which no two make the same transfer or use the same idempotency key.
 *
 * A command that changes work is known by the work's version, so its transfers are taken to be new:
 * where that is wrong, the batch fails on a unique key. With `isCareful` all transfers are looked up.
 */
export function packBatch(commands: readonly Command[], isCareful: boolean): PackedBatch {
  const lists: Lists = {
    keys: new List(),
    offers: new OfferList(),
    works: new List(),
    holds: new HoldList(),
    budgets: new List(),
    accounts: new List(),
  };
  const commandColumns = writeCommands(commands, lists);
  const stepColumns = writeSteps(commands, lists);
  for (const list of Object.values(lists)) list.sort();
  const isSeeking = isCareful || commands.some((command) => !command.work && movesMoney(command));
  return {
    parameters: [
      ids(lists.keys),
      ...packOffers(lists.offers),
      ids(lists.works),
      ...packHolds(lists.holds),
      ids(lists.budgets),
      ids(lists.accounts),
      ...packOpenings(commandColumns.openings),
      ...packCommands(commandColumns),
      isSeeking,
      ...packSteps(stepColumns),
    ],
    lists,
    firstSteps: commandColumns.firstSteps,
  };
}

function movesMoney({ steps }: Command): boolean {
  return steps.some(({ kind }) => kind === "transfer" || kind === "capture-hold");
}

interface CommandColumns {
  readonly keys: Entry[];
  readonly offers: Entry[];
  /** Of each command, and then of each further work that one changes. */
  readonly changes: WorkColumns;
  /** Whose the further ones are: positions of commands, from 1. */
  readonly furtherOf: number[];
  readonly openings: WorkOpening[];
  readonly firstSteps: number[];
  readonly lastSteps: number[];
}

interface WorkColumns {
  readonly works: Entry[];
  readonly changes: (WorkChange | undefined)[];
  /** Positions among the openings, from 1; 0 is none. */
  readonly openings: number[];
}

function writeCommands(commands: readonly Command[], lists: Lists): CommandColumns {
  const columns: CommandColumns = {
    keys: [],
    offers: [],
    changes: { works: [], changes: [], openings: [] },
    furtherOf: [],
    openings: [],
    firstSteps: [],
    lastSteps: [],
  };
  let stepCount = 0;
  for (const { keyId, offer, work, also = [], steps } of commands) {
    // Where work opens without a key, its workspace asks: either may have lost its right.
    const opening = [work, ...also].find((change) => change?.opening)?.opening;
    const asking = keyId ?? opening?.workspaceId;
    columns.keys.push(asking === undefined ? NONE : lists.keys.add(asking));
    columns.offers.push(offer ? lists.offers.add(offer) : NONE);
    writeChange(columns, work, lists);
    columns.firstSteps.push(stepCount + 1);
    stepCount += steps.length;
    columns.lastSteps.push(stepCount);
  }
  commands.forEach(({ also = [] }, index) => {
    for (const change of also) {
      writeChange(columns, change, lists);
      columns.furtherOf.push(index + 1);
    }
  });
  return columns;
}

function writeChange(columns: CommandColumns, work: WorkChange | undefined, lists: Lists): void {
  const { works, changes, openings } = columns.changes;
  works.push(work ? lists.works.add(work.id) : NONE);
  changes.push(work);
  openings.push(work?.opening ? columns.openings.push(work.opening) : 0);
}

interface StepColumns {
  readonly kinds: number[];
  readonly holds: Entry[];
  readonly from: Entry[];
  readonly to: Entry[];
  readonly house: Entry[];
  readonly amounts: bigint[];
  readonly references: (string | undefined)[];
  readonly names: (string | undefined)[];
}

/** What a step says, in the words of the function's arrays. */
interface StepWords {
  readonly kind: number;
  readonly hold?: Entry;
  readonly from?: Entry;
  readonly to?: Entry;
  readonly house?: Entry;
  readonly amount?: bigint;
  readonly reference?: string;
  readonly name?: string;
}

function writeSteps(commands: readonly Command[], lists: Lists): StepColumns {
  const columns: StepColumns = {
    kinds: [],
    holds: [],
    from: [],
    to: [],
    house: [],
    amounts: [],
    references: [],
    names: [],
  };
  for (const { steps } of commands) {
    for (const step of steps) {
      const words = wordsOf(step, lists);
      columns.kinds.push(words.kind);
      columns.holds.push(words.hold ?? NONE);
      columns.from.push(words.from ?? NONE);
      columns.to.push(words.to ?? NONE);
      columns.house.push(words.house ?? NONE);
      columns.amounts.push(words.amount ?? 0n);
      columns.references.push(words.reference);
      columns.names.push(words.name);
    }
  }
  return columns;
}

function wordsOf(step: Step, lists: Lists): StepWords {
  switch (step.kind) {
    case "open-hold":
      return { kind: 1, hold: lists.holds.add(step.hold, lists), amount: step.amountMicros };
    case "reduce-hold":
      return { kind: 2, hold: lists.holds.add(step.hold, lists), amount: step.amountMicros };
    case "capture-hold":
      return {
        kind: 3,
        hold: lists.holds.add(step.hold, lists),
        from: lists.accounts.add(step.hold.accountId),
        to: lists.accounts.add(step.toAccountId),
        house: lists.accounts.add(step.feeAccountId),
        amount: step.amountMicros,
        reference: step.hold.workId,
        name: step.name,
      };
    case "close-hold":
      return { kind: 4, hold: lists.holds.add(step.hold, lists) };
    case "transfer":
      return {
        kind: 5,
        from: lists.accounts.add(step.fromAccountId),
        to: lists.accounts.add(step.toAccountId),
        amount: step.amountMicros,
        reference: step.reference,
        name: step.name,
      };
    case "limit-budget":
      return { kind: 6, from: lists.budgets.add(step.budgetId), amount: step.limitMicros };
  }
}

function packOffers({ entries }: OfferList): string[] {
  return [
    texts(entries.map(({ offer }) => offer.agentId)),
    numbers(entries.map(({ offer }) => offer.revision)),
  ];
}

function packHolds({ entries }: HoldList): string[] {
  const terms = entries.map((entry) => entry.terms);
  const budgets: Entry[] = [];
  const first: number[] = [];
  const last: number[] = [];
  for (const entry of entries) {
    first.push(budgets.length + 1);
    budgets.push(...entry.budgets);
    last.push(budgets.length);
  }
  return [
    texts(terms.map((hold) => hold.workId)),
    texts(terms.map((hold) => hold.id)),
    positions(entries.map((entry) => entry.account)),
    numbers(terms.map((hold) => hold.feeBasisPoints)),
    times(terms.map((hold) => hold.deadlineAt)),
    texts(terms.map((hold) => hold.budgetIds.join(" "))),
    numbers(first),
    numbers(last),
    positions(budgets),
  ];
}

function packOpenings(openings: readonly WorkOpening[]): (string | boolean)[] {
  return [
    texts(openings.map((opening) => opening.workspaceId)),
    texts(openings.map((opening) => opening.operation)),
    texts(openings.map((opening) => opening.idempotencyKey)),
    texts(openings.map((opening) => opening.requestHash)),
    openings.some((opening) => opening.idempotencyKey !== undefined),
  ];
}

function packCommands({ keys, offers, changes: work, ...columns }: CommandColumns): string[] {
  const { works, changes, openings } = work;
  return [
    positions(keys),
    positions(offers),
    positions(works),
    numbers(changes.map((change) => change?.expectedVersion ?? 0)),
    numbers(openings),
    texts(changes.map((change) => change?.shape)),
    texts(changes.map((change) => change?.state)),
    times(changes.map((change) => change?.deadlineAt)),
    texts(changes.map((change) => change?.processId)),
    numbers(changes.map((change) => change?.attempt ?? 0)),
    numbers(columns.lastSteps),
    numbers(columns.furtherOf),
  ];
}

function packSteps(columns: StepColumns): string[] {
  return [
    numbers(columns.kinds),
    positions(columns.holds),
    positions(columns.from),
    positions(columns.to),
    positions(columns.house),
    numbers(columns.amounts),
    texts(columns.references),
    texts(columns.names),
  ];
}

// Here the types of elements are known. Looking at each value, as `arrayLiteral` does, takes several
// times as long, and a batch has thousands.

function numbers(values: readonly (number | bigint)[]): string {
  return `{${values.join(",")}}`;
}

function positions(entries: readonly Entry[]): string {
  return numbers(entries.map((entry) => entry.position));
}

function ids(list: List): string {
  return texts(list.entries.map((entry) => entry.id));
}

/** Milliseconds since 1970: several times faster to write and to read than a date. */
function times(values: readonly (Date | undefined)[]): string {
  return `{${values.map((value) => value?.getTime() ?? "NULL").join(",")}}`;
}

const NEEDS_ESCAPE = /[\\"]/;

function texts(values: readonly (string | undefined)[]): string {
  // Nearly all are ids: one look at all of them is cheaper than one at each.
  const isPlain = !values.includes(undefined) && !NEEDS_ESCAPE.test(values.join(""));
  if (isPlain) return values.length === 0 ? "{}" : `{"${values.join('","')}"}`;
  return `{${values.map(elementOf).join(",")}}`;
}

function elementOf(text: string | undefined): string {
  return text === undefined ? "NULL" : `"${text.replace(/[\\"]/g, "\\$&")}"`;
}

/** Reads the function's answer: a code and a detail a command. */
export function readAnswers(answers: string, batch: PackedBatch): CommandOutcome[] {
  const [codes = "", details = "", openings = ""] = answers.split(";");
  const detailOf = details.split(",");
  const opened = openings.split(",").values();
  return codes.split(",").map((code, index): CommandOutcome => {
    const detail = Number(detailOf[index]);
    if (code === "0") return { ok: true, version: detail, isDuplicate: false };
    if (code === "1") return { ok: true, version: detail, isDuplicate: true };
    if (code === "12") {
      const [workId = "", requestHash] = opened.next().value?.split(":") ?? [];
      const refusal = {
        code: "already_opened",
        workId,
        requestHash: requestHash || undefined,
      } as const;
      return { ok: false, refusal };
    }
    const step = detail - (batch.firstSteps[index] ?? 0);
    return { ok: false, refusal: readRefusal(code, detail, step, batch.lists) };
  });
}

function readRefusal(code: string, detail: number, step: number, lists: Lists): Refusal {
  switch (code) {
    case "2":
      return { code: "insufficient_funds", accountId: at(lists.accounts, detail).id };
    case "3":
      return { code: "budget_exceeded", budgetId: at(lists.budgets, detail).id };
    case "4":
      return { code: "version_conflict", version: detail };
    case "5":
      return { code: "key_revoked" };
    case "6":
      return { code: "workspace_suspended" };
    case "7":
      return { code: "hold_closed", holdId: at(lists.holds, detail).id };
    case "8":
      return { code: "hold_exceeded", holdId: at(lists.holds, detail).id };
    case "9":
      return { code: "unknown_row", step };
    case "10":
      return { code: "bad_amount", step };
    case "11":
      return { code: "hold_exists", holdId: at(lists.holds, detail).id };
    case "13":
      return { code: "transfer_exists", step };
    case "15":
      return { code: "offer_changed" };
    case "14":
      return { code: "account_frozen", accountId: at(lists.accounts, detail).id };
    default:
      throw new assert.AssertionError({ message: `commit_commands answered ${code}` });
  }
}

function at<Kind extends Entry>({ entries }: { entries: Kind[] }, position: number): Kind {
  const entry = entries[position - 1];
  assert(entry, `commit_commands named position ${position} of ${entries.length}`);
  return entry;
}
