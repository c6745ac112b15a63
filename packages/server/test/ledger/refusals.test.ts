/**
 * Every refusal of the ledger, for each kind of step that it may be for: it has its code and its detail,
 * and nothing at all was done. Alone, in the midst of steps that are fine, and in a batch of refusals.
 */
import assert from "node:assert/strict";
import { onEachHost } from "../support/database.ts";
import {
  goodSteps,
  openPlace,
  type RefusalCase,
  type RefusalPlace,
  refusalCases,
} from "./refusal-cases.ts";
import { COMBINATIONS, combinationOf } from "./refusal-table.ts";
import {
  digestOf,
  freshId,
  holdOf,
  opening,
  openLedger,
  openWallets,
  requireOk,
  transferring,
} from "./support.ts";

onEachHost("a command that is refused does nothing, and says why", async (t, database) => {
  const ledger = openLedger(t, database);
  const place = await openPlace(database, ledger);
  const cases = refusalCases(place);
  const combinations = cases.map(({ refusal, culprit }) => combinationOf(refusal, culprit));
  assert.deepEqual([...new Set(combinations)].sort(), COMBINATIONS, "a combination has no case");
  const before = await digestOf(database);
  for (const each of cases) {
    const { what, command, refusal } = each;
    assert.deepEqual(await ledger.commit(command), { ok: false, refusal }, what);
    assert.equal(await digestOf(database), before, `${what}: something was done`);
    const amid = amidGoodSteps(place, each);
    assert.deepEqual(await ledger.commit(amid.command), { ok: false, refusal: amid.refusal }, what);
    assert.equal(await digestOf(database), before, `${what}: some of it was done`);
  }
  // All at once, in one batch: one's refusal is no other's.
  const outcomes = await Promise.all(cases.map(({ command }) => ledger.commit(command)));
  assert.deepEqual(
    outcomes,
    cases.map(({ refusal }) => ({ ok: false, refusal })),
  );
  assert.equal(await digestOf(database), before);
  // And what was fine all along is done, all of it.
  const fine = { keyId: undefined, offer: place.offer, work: undefined, steps: goodSteps(place) };
  requireOk(await ledger.commit(fine));
  assert.notEqual(await digestOf(database), before);
});

/** The same command with good steps of every kind before it and after. */
function amidGoodSteps(place: RefusalPlace, { command, refusal }: RefusalCase): RefusalCaseAmid {
  const before = goodSteps(place);
  const later = transferring(place.spender, place.receiver, 1n, "tip", "later").steps;
  return {
    command: { ...command, steps: [...before, ...command.steps, ...later] },
    refusal: "step" in refusal ? { ...refusal, step: refusal.step + before.length } : refusal,
  };
}

type RefusalCaseAmid = Pick<RefusalCase, "command" | "refusal">;

onEachHost("what was done already is not done again, and is no refusal", async (t, database) => {
  const ledger = openLedger(t, database);
  const [payer = "", payee = ""] = await openWallets(database, ledger, 2, 1_000n);
  const tip = transferring(payer, payee, 1n, "tip", "one");
  const open = opening(holdOf(payer, freshId(), []), 900n, "a key");
  const isDuplicate = [false, true, true];
  for (const [command, version] of [
    [tip, 0],
    [open, 1],
  ] as const) {
    // The second is in the same batch, the third comes later.
    const outcomes = await Promise.all([ledger.commit(command), ledger.commit(command)]);
    outcomes.push(await ledger.commit(command));
    assert.deepEqual(
      outcomes,
      isDuplicate.map((is) => ({ ok: true, version, isDuplicate: is })),
    );
  }
  assert.equal(await ledger.availableMicros(payer), 99n);
});
