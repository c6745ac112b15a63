/**
 * The ledger answers like its model and leaves the same books: random commands in random batches, asked
 * for at once, some of them again, some of them impossible. A counterexample is printed with its seed;
 * GUILDHALL_TEST_LONG=1 runs more of them, from a seed of the day's own.
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import fc from "fast-check";
import { createBooks } from "../../src/core/books.ts";
import { COMMAND_BATCHES, createLedger, type Ledger, type Posting } from "../../src/core/ledger.ts";
import type { Command, CommandOutcome } from "../../src/domain/command.ts";
import { createBatcher } from "../../src/lib/batcher.ts";
import { systemClock as clock } from "../../src/lib/clock.ts";
import { createLog } from "../../src/lib/log.ts";
import { newId, systemRandom as random } from "../../src/lib/random.ts";
import { onEachHost } from "../support/database.ts";
import { arbitraryWaves } from "./arbitrary.ts";
import { applyCommand, Impossible } from "./model.ts";
import { COMBINATIONS, combinationOf } from "./refusal-table.ts";
import { openWorld, readWorld, type SmallWorld, worldNames } from "./small-world.ts";

const IS_LONG = process.env.GUILDHALL_TEST_LONG === "1";
const WORLDS = IS_LONG ? 5_000 : 400;
const SEED = IS_LONG ? randomInt(2 ** 31) : 20_260_101;

type Answer = CommandOutcome | "rejected";

onEachHost("the ledger is its model", async (t, database) => {
  // One lane: the model decides in the order of arrival.
  const log = createLog("silent");
  const ledger = createLedger({ database, clock, random, log, lanes: 1 });
  t.after(() => ledger.close());
  t.diagnostic(`seed ${SEED}, ${WORLDS} worlds`);
  const seen = new Set<string>();
  const names = worldNames();
  await fc.assert(
    fc.asyncProperty(arbitraryWaves(names), async (waves) => {
      const prefix = newId(clock, random).slice(0, 16);
      const world = await openWorld(database, ledger, names, prefix);
      for (const wave of waves) {
        const commands = wave.map((command) => world.own(command));
        const [answers, expected] = await Promise.all([
          askLedger(ledger, commands),
          askModel(world, commands, seen),
        ]);
        assert.deepEqual(answers, expected);
      }
      assert.deepEqual(await readWorld(database, world), world.expected());
    }),
    { numRuns: WORLDS, seed: SEED, endOnFailure: false },
  );
  // Every answer has to occur, or the commands are not random enough; and no refusal that the table
  // does not have.
  const all = [...COMBINATIONS, "done", "duplicate", "rejected"];
  assert.deepEqual([...seen].sort(), all.sort());
  const verdict = await createBooks({ database }).verify({ isFull: true });
  // Nobody here closes the holds of work that is over: only money is looked at.
  assert.deepEqual(
    verdict.problems.filter((problem) => /posted|spent|captured|come to/.test(problem)),
    [],
  );
});

async function askLedger(ledger: Ledger, commands: readonly Command[]): Promise<Answer[]> {
  const settled = await Promise.allSettled(commands.map((command) => ledger.commit(command)));
  return settled.map((result) => (result.status === "fulfilled" ? result.value : "rejected"));
}

/** In the order in which the ledger takes them: that of the real batcher. */
async function askModel(
  world: SmallWorld,
  commands: readonly Command[],
  seen: Set<string>,
): Promise<Answer[]> {
  const batcher = createBatcher<Posting, Answer>({
    ...COMMAND_BATCHES,
    run: async (items) => items.map(({ command }) => answerOfModel(world, command, seen)),
  });
  return Promise.all(commands.map((command) => batcher.add({ command, rows: [] })));
}

function answerOfModel(world: SmallWorld, command: Command, seen: Set<string>): Answer {
  try {
    const outcome = applyCommand(world.state, command, (refusal, culprit) => {
      seen.add(combinationOf(refusal, culprit));
    });
    if (outcome.ok) seen.add(outcome.isDuplicate ? "duplicate" : "done");
    return outcome;
  } catch (error) {
    if (!(error instanceof Impossible)) throw error;
    seen.add("rejected");
    return "rejected";
  }
}
