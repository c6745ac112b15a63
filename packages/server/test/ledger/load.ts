/**
 * Work as the run engine makes it, and what was said about it. All of a work follows from its id, so
 * that whoever heard no answer can ask for it again, and whoever heard one can look for it in the books.
 */
import assert from "node:assert/strict";
import type { Ledger } from "../../src/core/ledger.ts";
import type { Command, CommandOutcome } from "../../src/domain/command.ts";
import type { Database } from "../../src/store/database.ts";
import { freshId, holdOf, opening, resultRow, settling, transferring } from "./support.ts";

export const PRICE_MICROS = 700n;
/** What a work needs of its price; the rest goes back. */
export const CAPTURED_MICROS = 300n;

/** Where the work is done. The first wallet is the hot one: it pays for or is paid by all work. */
export interface Field {
  readonly wallets: readonly string[];
  /** Half of all work falls under it. */
  readonly budgetId?: string | undefined;
}

/** How far a work has come, as its caller was told. Each is said after the answer, `asked` before any. */
export const STAGES = ["asked", "refused", "opened", "settled", "tipped"] as const;
export type Stage = (typeof STAGES)[number];
export type Say = (stage: Stage, id: string) => void;

/**
 * Does a work: opens it, settles it, tips. What it is answered has to be the answer of a first time,
 * or, where it was asked for before and `known` came of it, has to agree with that.
 */
export async function doWork(
  ledger: Ledger,
  field: Field,
  id: string,
  say: Say,
  known?: Stage,
): Promise<void> {
  const { open, settle, tip } = commandsOf(field, id);
  say("asked", id);
  const opened = await ledger.commit(open);
  if (!opened.ok && opened.refusal.code === "budget_exceeded" && !isAtLeast(known, "opened")) {
    say("refused", id);
    return;
  }
  requireAnswer(opened, known, "opened");
  say("opened", id);
  requireAnswer(await ledger.commit(settle, [resultRow(id)]), known, "settled");
  say("settled", id);
  requireAnswer(await ledger.commit(tip), known, "tipped");
  say("tipped", id);
}

/** Callers that work until it is over. */
export async function workUntil(
  ledger: Ledger,
  field: Field,
  callers: number,
  isOver: () => boolean,
  say: Say,
): Promise<void> {
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (!isOver()) await doWork(ledger, field, freshId(), say);
    }),
  );
}

interface Commands {
  readonly open: Command;
  readonly settle: Command;
  readonly tip: Command;
}

export function commandsOf({ wallets, budgetId }: Field, id: string): Commands {
  const chance = Number.parseInt(id.slice(-6), 16);
  const hot = wallets[0] ?? "";
  const other = wallets[1 + (chance % (wallets.length - 1))] ?? "";
  const [payer, payee] = isUnderBudget(id) ? [hot, other] : [other, hot];
  const hold = holdOf(payer, id, budgetId && isUnderBudget(id) ? [budgetId] : []);
  return {
    open: opening(hold, PRICE_MICROS, id),
    settle: settling(hold, payee, CAPTURED_MICROS),
    tip: transferring(payer, payee, 1n, "tip", id),
  };
}

export function isUnderBudget(id: string): boolean {
  return Number.parseInt(id.slice(-1), 16) % 2 === 0;
}

function isAtLeast(stage: Stage | undefined, least: Stage): boolean {
  return stage !== undefined && STAGES.indexOf(stage) >= STAGES.indexOf(least);
}

function requireAnswer(outcome: CommandOutcome, known: Stage | undefined, stage: Stage): void {
  const wasDone = outcome.ok
    ? outcome.isDuplicate
    : // Settling has no answer of its own for a second time: the version says that it was done.
      stage === "settled" && JSON.stringify(outcome.refusal) === SETTLED_BEFORE;
  assert.ok(outcome.ok || wasDone, JSON.stringify(outcome));
  if (known === undefined) assert.ok(!wasDone, `${stage}: nobody asked for this before`);
  if (isAtLeast(known, stage)) assert.ok(wasDone, `${stage}: this was acknowledged before`);
}

const SETTLED_BEFORE = JSON.stringify({ code: "version_conflict", version: 2 });

/** What callers were told, work by work. */
export class Told {
  readonly #stages = new Map<string, Stage>();

  readonly say: Say = (stage, id) => {
    const last = this.#stages.get(id);
    // Whoever asks again is not told less than before.
    if (last === undefined || !isAtLeast(last, stage)) this.#stages.set(id, stage);
  };

  /** Every work that was asked for, with the last that was said about it, by id. */
  entries(): [string, Stage][] {
    return [...this.#stages].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** Work whose caller waits for an answer. */
  unanswered(): [string, Stage][] {
    return this.entries().filter(([, stage]) => stage !== "tipped" && stage !== "refused");
  }

  count(stage: Stage): number {
    return this.entries().filter(([, each]) => each === stage).length;
  }
}

/**
 * How far each work has come, as the books have it: those with a wrong payment or a wrong hold, or
 * settled without their one result, are not found at all.
 */
export async function readStages(database: Database): Promise<[string, Stage][]> {
  const rows = await database.query<{ id: string; stage: Stage }>(
    `select w.id, case when tip.name is not null then 'tipped'
                       when w.version = 2 then 'settled' else 'opened' end as stage
       from work w
       join holds h on h.work_id = w.id and h.amount_micros = $1
        and (h.closed_at is null) = (w.version = 1)
       join lateral (select coalesce(sum(t.amount_micros), 0) as paid from transfers t
                      where t.reference = w.id) p
         on p.paid = h.captured_micros and p.paid = case w.version when 1 then 0 else $2 end
       join lateral (select count(*) as count from run_results r
                      where r.run_id = w.id and r.attempt = 1) results
         on results.count = w.version - 1
       left join transfers tip on tip.reference = 'tip' and tip.name = w.id and tip.amount_micros = 1
      where w.version in (1, 2)
      order by w.id`,
    [PRICE_MICROS, CAPTURED_MICROS],
  );
  return rows.map(({ id, stage }) => [id, stage]);
}

/** Nobody was interrupted: the books have what was told, all of it and nothing else. */
export async function requireToldIsSo(database: Database, told: Told): Promise<void> {
  const found = await readStages(database);
  assert.deepEqual(
    found,
    told.entries().filter(([, stage]) => stage !== "refused"),
  );
  const [row] = await database.query<{ works: bigint; tips: bigint }>(
    `select (select count(*) from work) as works,
            (select count(*) from transfers where reference = 'tip') as tips`,
  );
  const tips = found.filter(([, stage]) => stage === "tipped").length;
  assert.deepEqual(row, { works: BigInt(found.length), tips: BigInt(tips) });
}
