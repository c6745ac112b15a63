/**
 * A command that the database cannot do at all, by an error and not by a refusal, costs nobody but
 * itself: all others of its batch are done, once. It does not matter where in the batch it stands, how
 * many of them there are, or at which stage it fails.
 */
import assert from "node:assert/strict";
import { createBooks } from "../../src/core/books.ts";
import { LEDGER_LIMITS, type Ledger, type Posting } from "../../src/core/ledger.ts";
import { HOUSE_ACCOUNTS } from "../../src/domain/account.ts";
import type { Command, CommandOutcome, WorkChange } from "../../src/domain/command.ts";
import { Fault } from "../../src/domain/fault.ts";
import type { Database } from "../../src/store/database.ts";
import type { Row } from "../../src/store/rows.ts";
import { onEachHost } from "../support/database.ts";
import {
  freshId,
  holdOf,
  openBudget,
  opening,
  openLedger,
  openWallets,
  requireOk,
  resultRow,
  settling,
  transferring,
} from "./support.ts";

const BATCH = LEDGER_LIMITS.batchCommandsMax;
const HELD_MICROS = 2n;
/** An opening of so many commands has a row; no more, for rows have a weight. */
const ROW_EACH = 16;
/** What a batch of 512 is done in when one of it is set apart. */
const HALVES = [1, 2, 4, 8, 16, 32, 64, 128, 256];

interface Place {
  readonly database: Database;
  readonly ledger: Ledger;
  /** Does nothing but what stands in one batch. */
  readonly payer: string;
  readonly payee: string;
  readonly budgetId: string;
}

interface Poison {
  readonly what: string;
  /** Where it stands when it is the only one: where a list is likeliest to be cut wrongly. */
  readonly position: number;
  /** The error with which it is rejected: an SQLSTATE, or the name of one of our own. */
  readonly error: string;
  make(place: Place): Command | Promise<Command>;
  /** Written with the command. */
  readonly row?: Row;
}

const POISONS: readonly Poison[] = [
  {
    what: "a shape that the table refuses, found in writing",
    position: 0,
    error: "23514",
    make: (place) => openingWith(place, { shape: "poison" }),
  },
  {
    what: "a sum that has no room in 64 bits, found in deciding",
    position: BATCH - 1,
    error: "22003",
    make: ({ payer, payee }) =>
      transferring(HOUSE_ACCOUNTS.grant, payee, 2n ** 63n - 1n, payer, "overflow"),
  },
  {
    what: "a number too large for its parameter, found in reading",
    position: BATCH / 2,
    error: "22003",
    make: (place) => openingWith(place, { attempt: 2 ** 31 }),
  },
  {
    what: "a deadline that is no instant",
    position: BATCH / 2 - 1,
    error: "22P02",
    make: (place) => openingWith(place, { deadlineAt: new Date(Number.NaN) }),
  },
  {
    what: "a text that no text can be",
    position: 1,
    error: "22021",
    make: (place) => openingWith(place, { state: "run\0ning" }),
  },
  {
    // It looks like another process's doing, and is tried again before it is given up.
    what: "a fee whose name is taken",
    position: 300,
    error: "23505",
    async make({ ledger, payer, payee }) {
      const hold = holdOf(payer, freshId(), []);
      requireOk(await ledger.commit(opening(hold, 100n)));
      const taken = transferring(HOUSE_ACCOUNTS.grant, payee, 1n, hold.workId, "payment:fee");
      requireOk(await ledger.commit(taken));
      return settling(hold, payee, 100n);
    },
  },
  {
    what: "a row that cannot be written with it",
    position: 3,
    error: "22021",
    row: resultRow(freshId(), "zero\0byte"),
    make: ({ payer, payee }) => transferring(payer, payee, 1n, payer, "with a row"),
  },
  {
    what: "a step that there is not, found before the database is asked",
    position: BATCH - 2,
    error: "TypeError",
    make: () => ({ keyId: undefined, work: undefined, steps: [{ kind: "burn" }] }) as never,
  },
];

interface Trial {
  readonly what: string;
  readonly size: number;
  /** By position in the batch. */
  readonly poisons: ReadonlyMap<number, Poison>;
}

const TRIALS: readonly Trial[] = [
  ...POISONS.map((poison) => ({
    what: `${poison.what}, at ${poison.position}`,
    size: BATCH,
    poisons: new Map([[poison.position, poison]]),
  })),
  {
    what: "one of each, apart",
    size: BATCH,
    poisons: new Map(POISONS.map((poison) => [poison.position, poison])),
  },
  {
    what: "one of each, in a row",
    size: BATCH,
    poisons: new Map(POISONS.map((poison, index) => [250 + index, poison])),
  },
  {
    what: "nothing else but one",
    size: 32,
    poisons: new Map(
      Array.from({ length: 31 }, (_, index) => [index, POISONS[index % 3] as Poison]),
    ),
  },
];

onEachHost("what a command breaks is that command alone", async (t, database) => {
  const batches: number[] = [];
  const ledger = openLedger(t, database, { observe: ({ commands }) => batches.push(commands) });
  const [payee = "", ...payers] = await openWallets(database, ledger, TRIALS.length + 1, 10n ** 6n);
  const { id: budgetId } = await openBudget(ledger, 10n ** 9n);
  for (const [index, { what, size, poisons }] of TRIALS.entries()) {
    const place = { database, ledger, payer: payers[index] ?? "", payee, budgetId };
    const postings = await makeBatch(place, size, poisons);
    const before = await readPlace(place);
    batches.length = 0;
    const settled = await Promise.allSettled(
      postings.map(({ command, rows }) => ledger.commit(command, rows)),
    );
    requireOnlyThese(settled, poisons, what);
    assert.deepEqual(await readPlace(place), afterwards(before, postings, poisons), what);
    // It was one batch, and finding the culprit took no more halvings than it has to.
    if (poisons.size === 1) assert.deepEqual(batches.toSorted(ascending), HALVES, what);
  }
  assert.deepEqual((await createBooks({ database }).verify({ isFull: true })).problems, []);
});

/** Opens a run, with something about the work that nobody could have meant. */
function openingWith({ payer }: Place, wrong: object): Command {
  const command = opening(holdOf(payer, freshId(), []), 1n);
  return { ...command, work: { ...(command.work as WorkChange), ...wrong } };
}

/** Tips and openings, by turns, with the poisons among them; some have a row that is to be written. */
async function makeBatch(
  place: Place,
  size: number,
  poisons: ReadonlyMap<number, Poison>,
): Promise<Posting[]> {
  const { payer, payee, budgetId } = place;
  const postings: Posting[] = [];
  for (let index = 0; index < size; index++) {
    const poison = poisons.get(index);
    const isTip = index % 2 === 0;
    if (poison) {
      postings.push({ command: await poison.make(place), rows: poison.row ? [poison.row] : [] });
    } else if (isTip) {
      const command = transferring(payer, payee, 1n, payer, String(index));
      postings.push({ command, rows: [] });
    } else {
      const hold = holdOf(payer, freshId(), [budgetId]);
      const rows = index % ROW_EACH === 1 ? [resultRow(hold.workId)] : [];
      postings.push({ command: opening(hold, HELD_MICROS, String(index)), rows });
    }
  }
  return postings;
}

function requireOnlyThese(
  settled: readonly PromiseSettledResult<CommandOutcome>[],
  poisons: ReadonlyMap<number, Poison>,
  what: string,
): void {
  for (const [index, result] of settled.entries()) {
    const poison = poisons.get(index);
    if (!poison) {
      assert.ok(result.status === "fulfilled", `${what}: ${index} was rejected`);
      assert.deepEqual({ ...result.value, version: 0 }, DONE, `${what}: ${index}`);
      continue;
    }
    assert.ok(result.status === "rejected", `${what}: ${index} was done`);
    const { code, name } = result.reason as { code?: string; name: string };
    assert.equal(code ?? name, poison.error, `${what}: ${index}`);
    // Not a fault that a caller may read: every wire says `internal`.
    assert.ok(!(result.reason instanceof Fault));
  }
}

const DONE = { ok: true, version: 0, isDuplicate: false };

interface PlaceRows {
  readonly posted: bigint;
  readonly held: bigint;
  readonly budget_held: bigint;
  readonly works: bigint;
  readonly tips: bigint;
  readonly results: bigint;
}

async function readPlace({ database, payer, budgetId }: Place): Promise<PlaceRows | undefined> {
  const [row] = await database.query<PlaceRows>(
    `select a.posted_micros as posted, a.held_micros as held, b.held_micros as budget_held,
            (select count(*) from work w where w.workspace_id = a.id) as works,
            (select count(*) from transfers t where t.debit_id = a.id) as tips,
            (select count(*) from work w join run_results r on r.run_id = w.id
              where w.workspace_id = a.id) as results
       from accounts a, budgets b where a.id = $1 and b.id = $2`,
    [payer, budgetId],
  );
  return row;
}

function afterwards(
  before: PlaceRows | undefined,
  postings: readonly Posting[],
  poisons: ReadonlyMap<number, Poison>,
): PlaceRows | undefined {
  const innocent = postings.filter((_, index) => !poisons.has(index));
  const works = BigInt(innocent.filter(({ command }) => command.work).length);
  const tips = BigInt(innocent.length) - works;
  return (
    before && {
      posted: before.posted - tips,
      held: before.held + works * HELD_MICROS,
      budget_held: before.budget_held + works * HELD_MICROS,
      works: before.works + works,
      tips: before.tips + tips,
      results: before.results + BigInt(innocent.filter(({ rows }) => rows.length > 0).length),
    }
  );
}

function ascending(a: number, b: number): number {
  return a - b;
}
