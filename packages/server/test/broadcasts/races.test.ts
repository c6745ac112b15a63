/**
 * What happens when two do something to the same slot at once: one of them did it, the other learns
 * that it came too late, and the money is where the rules put it. 10 rounds each; 200 in test:long.
 */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { issueKey } from "../../src/core/key.ts";
import type { SlotTelling } from "../../src/core/ports.ts";
import { Fault } from "../../src/domain/fault.ts";
import { systemRandom } from "../../src/lib/random.ts";
import { openLink } from "../../src/store/link.ts";
import { onEachHost } from "../support/database.ts";
import { answerLate } from "../support/meanwhile.ts";
import { openWorld, type Party, type World } from "./world.ts";

const ROUNDS = process.env.GUILDHALL_TEST_LONG === "1" ? 200 : 10;
const HOURS_72_MS = 72 * 3_600_000;

/** What somebody got for an attempt: its value, or the code that it was refused with. */
async function outcomeOf<T>(attempt: Promise<T>): Promise<T | string> {
  try {
    return await attempt;
  } catch (error) {
    if (error instanceof Fault) return (error as Fault).code;
    throw error;
  }
}

function isRefused(outcome: unknown): outcome is string {
  return typeof outcome === "string";
}

async function submitted(world: World, broadcastId: string, party: Party): Promise<string> {
  const { broadcasts } = world.engine;
  const { caller, agentId } = party;
  const { slot } = await broadcasts.accept(caller, { broadcastId, agentId, slotKey: undefined });
  const result = { text: "done" };
  await broadcasts.submit(caller, { broadcastId, agentId, slotKey: undefined, result });
  return slot.id;
}

onEachHost("the last slot is taken once, however many want it", async (t, database) => {
  const world = await openWorld(t, database, { parties: 9 });
  const { broadcasts } = world.engine;
  const [requester, ...others] = world.parties as [Party, ...Party[]];
  for (let round = 1; round <= ROUNDS; round++) {
    const target = (round % 4) + 1;
    const broadcastId = await world.open({ target, stakeMicros: 50n });
    const outcomes = await Promise.all(
      others.map(({ caller, agentId }) =>
        outcomeOf(broadcasts.accept(caller, { broadcastId, agentId, slotKey: undefined })),
      ),
    );
    const refused = outcomes.filter(isRefused);
    assert.deepEqual(refused, Array(others.length - target).fill("broadcast_full"));
    const { slots, counts } = await broadcasts.require(requester.caller, broadcastId);
    assert.equal(counts.get("accepted"), target);
    assert.equal(new Set(slots.map(({ slot }) => slot.seat)).size, target);
    await broadcasts.cancel(requester.caller, broadcastId);
  }
  const balances = await world.balances();
  assert.ok(balances.every(({ held }) => held === 0n));
  await world.verify();
});

onEachHost("an agent that asks for two slots at once has one of them", async (t, database) => {
  const world = await openWorld(t, database, { parties: 2 });
  const { broadcasts } = world.engine;
  const [requester, bob] = world.parties as [Party, Party];
  const { caller, agentId } = bob;
  for (let round = 1; round <= ROUNDS; round++) {
    const broadcastId = await world.open({ target: 2, partition: "slotted" });
    const keys = ["1", "2"];
    const outcomes = await Promise.all(
      keys.map((slotKey) =>
        outcomeOf(broadcasts.accept(caller, { broadcastId, agentId, slotKey })),
      ),
    );
    assert.deepEqual(outcomes.filter(isRefused), ["conflict"], `round ${round}`);
    for (const [index, outcome] of outcomes.entries()) {
      if (!isRefused(outcome)) assert.equal(outcome.slot.slotKey, keys[index]);
    }
    await broadcasts.cancel(requester.caller, broadcastId);
  }
  await world.verify();
});

onEachHost("a result that was written down and not handed in is not lost", async (t, database) => {
  const late = answerLate(database);
  const world = await openWorld(t, late, { parties: 2 });
  const { broadcasts } = world.engine;
  const [requester, bob] = world.parties as [Party, Party];
  const { caller, agentId } = bob;
  const broadcastId = await world.open({ target: 1, stakeMicros: 50n });
  const { slot } = await broadcasts.accept(caller, { broadcastId, agentId, slotKey: undefined });
  const submit = (text: string) =>
    broadcasts.submit(caller, { broadcastId, agentId, slotKey: undefined, result: { text } });
  late.meanwhile("insert into slot_results", () => Promise.reject(new Error("the process died")));
  await assert.rejects(submit("first"), /the process died/);
  assert.equal(await outcomeOf(submit("second")), "conflict");
  const [record] = (await broadcasts.require(requester.caller, broadcastId)).slots;
  assert.equal(
    record?.slot.state,
    "submitted",
    "its agent can do no more, and would lose its stake",
  );
  assert.equal(record?.result?.result, JSON.stringify({ text: "first" }));
  const verdict = { isApproved: true, score: undefined, notes: undefined };
  await broadcasts.judge(requester.caller, { broadcastId, slotId: slot.id, ...verdict });
  assert.ok((await world.balances()).every(({ held }) => held === 0n));
  await world.verify();
});

onEachHost("one who asks for very much does not hide what others ask for", async (t, database) => {
  const world = await openWorld(t, database, { parties: 3 });
  const [, bob, carol] = world.parties as [Party, Party, Party];
  const { mandate } = await world.mandates.create(carol.caller, {
    ...{ principalAgentId: carol.agentId, delegateAgentId: undefined, maxMicros: 1_000_000n },
    ...{ expiresAt: undefined, idempotencyKey: undefined },
  });
  const hers = await world.open({ target: 1, mandateId: mandate.id }, carol);
  world.clock.advance(1_000);
  for (let tens = 1; tens <= 51; tens++) {
    await Promise.all(Array.from({ length: 10 }, () => world.open({ target: 1 })));
  }
  const announced = new Set<string>();
  const { offers } = world.engine;
  offers.setDispatcher({
    connected: () => [{ agentId: bob.agentId, epoch: 1 }],
    tellSlot: (_, telling) => {
      if (telling.kind === "announced") announced.add(telling.broadcast.broadcastId);
      return true;
    },
  });
  await offers.pass();
  assert.ok(announced.has(hers));
});

onEachHost("a slot that is found while it is claimed is told once", async (t, database) => {
  const late = answerLate(database);
  const world = await openWorld(t, late, { parties: 2 });
  const [, bob] = world.parties as [Party, Party];
  const { agentId, caller } = bob;
  const named = { workspaceId: caller.workspaceId, kind: "gld", label: "test" } as const;
  const { key } = await database.transaction((tx) =>
    issueKey(tx, world.clock, systemRandom, named),
  );
  const epoch = await openLink(database, {
    ...{ agentId, processId: "world", keyId: key.id, wire: "test", client: "test" },
    ...{ concurrency: undefined, connectedAt: world.clock.now() },
  });
  const { offers } = world.engine;
  const told: SlotTelling[] = [];
  offers.setDispatcher({
    connected: () => [{ agentId, epoch }],
    tellSlot: (_, telling) => told.push(telling) > 0,
  });
  const broadcastId = await world.open({ target: 1 });
  await offers.pass();
  late.meanwhile("commit_commands", () => offers.pass());
  const claim = { kind: "slot-claimed", broadcastId, slotKey: undefined } as const;
  const answer = await offers.said({ agentId, epoch }, claim);
  await offers.pass();
  const slots = [...told, ...(answer ? [answer] : [])].filter(({ kind }) => kind === "slot");
  assert.equal(slots.length, 1, "or it would be done twice");
  const again = await offers.said({ agentId, epoch }, claim);
  assert.equal(again?.kind, "slot", "who asks again for what it has is told again");
});

onEachHost("a task that is opened while its mandate is revoked is refused", async (t, database) => {
  const late = answerLate(database);
  const world = await openWorld(t, late, { parties: 1 });
  const [{ caller, agentId }] = world.parties as [Party];
  const { mandate } = await world.mandates.create(caller, {
    ...{ principalAgentId: agentId, delegateAgentId: undefined, maxMicros: 1_000_000n },
    ...{ expiresAt: undefined, idempotencyKey: undefined },
  });
  late.meanwhile("insert into broadcasts", () => world.mandates.revoke(caller, mandate.id));
  assert.equal(await outcomeOf(world.open({ mandateId: mandate.id })), "mandate_invalid");
  const { state, spentMicros } = await world.mandates.require(caller, mandate.id);
  assert.deepEqual([state, spentMicros], ["revoked", 0n]);
  await world.verify();
});

onEachHost("an agent that accepts twice at once has one slot", async (t, database) => {
  const world = await openWorld(t, database, { parties: 2 });
  const { broadcasts } = world.engine;
  const [requester, bob] = world.parties as [Party, Party];
  for (let round = 1; round <= ROUNDS; round++) {
    const broadcastId = await world.open({ target: 3, stakeMicros: 50n });
    const { caller, agentId } = bob;
    const taken = await Promise.all(
      Array.from({ length: 5 }, () =>
        broadcasts.accept(caller, { broadcastId, agentId, slotKey: undefined }),
      ),
    );
    assert.equal(new Set(taken.map(({ slot }) => slot.id)).size, 1);
    const view = await broadcasts.require(requester.caller, broadcastId);
    assert.equal(view.slots.length, 1);
    await broadcasts.cancel(requester.caller, broadcastId);
  }
  await world.verify();
});

onEachHost("a verdict against the 72 hour clock: one of them decides", async (t, database) => {
  const world = await openWorld(t, database, { parties: 2, feeBasisPoints: 0 });
  const { broadcasts, sweeper } = world.engine;
  const [requester, bob] = world.parties as [Party, Party];
  const seen = new Set<string>();
  for (let round = 1; round <= ROUNDS; round++) {
    const before = await world.availableMicros(bob);
    const deadlineAt = new Date(world.clock.now().getTime() + HOURS_72_MS * 2);
    const broadcastId = await world.open({ target: 1, payment: "tiered", deadlineAt });
    const slotId = await submitted(world, broadcastId, bob);
    world.clock.advance(HOURS_72_MS);
    const isApproved = round % 2 === 0;
    const command = { broadcastId, slotId, isApproved, score: 50, notes: undefined };
    // Who is a moment later is another one each time.
    const [judged] = await Promise.all([
      outcomeOf(broadcasts.judge(requester.caller, command)),
      delay(round % 8).then(() => sweeper.sweep()),
    ]);
    await sweeper.sweep();
    const { slots } = await broadcasts.require(requester.caller, broadcastId);
    const decided = slots.find(({ slot }) => slot.id === slotId);
    const state = decided?.slot.state ?? "";
    const gained = (await world.availableMicros(bob)) - before;
    assert.equal(gained, decided?.paidMicros);
    if (isRefused(judged)) {
      assert.equal(judged, "conflict");
      assert.deepEqual([state, gained, decided?.ending?.decider], ["approved", 1_000n, "time"]);
    } else if (!isApproved) {
      assert.deepEqual([state, gained], ["rejected", 0n]);
    } else {
      // Two that approve agree about it; whose word came first says for how much.
      const isTimes = decided?.ending?.decider === "time";
      assert.deepEqual([state, gained], ["approved", isTimes ? 1_000n : 500n]);
    }
    seen.add(isRefused(judged) ? "time" : state);
    await broadcasts.cancel(requester.caller, broadcastId).catch(() => undefined);
  }
  if (ROUNDS > 100) assert.ok(seen.size >= 2, `only ${[...seen]} ever decided: nothing raced`);
  await world.verify();
});

onEachHost("a cancellation against a result that is handed in", async (t, database) => {
  const world = await openWorld(t, database, { parties: 3, feeBasisPoints: 0 });
  const { broadcasts } = world.engine;
  const [requester, bob] = world.parties as [Party, Party];
  for (let round = 1; round <= ROUNDS; round++) {
    const before = await world.availableMicros(requester);
    const broadcastId = await world.open({ target: 2, stakeMicros: 50n });
    const { caller, agentId } = bob;
    await broadcasts.accept(caller, { broadcastId, agentId, slotKey: undefined });
    const result = { text: "done" };
    const [handedIn, cancelled] = await Promise.all([
      outcomeOf(broadcasts.submit(caller, { broadcastId, agentId, slotKey: undefined, result })),
      outcomeOf(broadcasts.cancel(requester.caller, broadcastId)),
    ]);
    assert.ok(!isRefused(cancelled), String(cancelled));
    const view = await broadcasts.require(requester.caller, broadcastId);
    const [slot] = view.slots;
    if (isRefused(handedIn)) {
      assert.deepEqual([handedIn, slot?.slot.state], ["conflict", "cancelled"]);
      assert.equal(view.broadcast.state, "cancelled");
      assert.equal(await world.availableMicros(requester), before, "all of it is back");
    } else {
      assert.equal(slot?.slot.state, "submitted");
      assert.equal(view.broadcast.state, "cancelling");
      assert.equal(await world.availableMicros(requester), before - 1_000n, "one seat waits");
      const command = { broadcastId, slotId: slot.slot.id, isApproved: true };
      await broadcasts.judge(requester.caller, { ...command, score: undefined, notes: undefined });
      const over = await broadcasts.require(requester.caller, broadcastId);
      assert.equal(over.broadcast.state, "cancelled");
    }
  }
  assert.ok((await world.balances()).every(({ held }) => held === 0n));
  await world.verify();
});

onEachHost(
  "a cancellation against agents that accept leaves no seat behind",
  async (t, database) => {
    const world = await openWorld(t, database, { parties: 5, feeBasisPoints: 0 });
    const { broadcasts, sweeper } = world.engine;
    const [requester, ...others] = world.parties as [Party, ...Party[]];
    for (let round = 1; round <= ROUNDS; round++) {
      const payment = round % 2 === 0 ? "winner_take_all" : "fixed";
      const broadcastId = await world.open({ target: 3, payment, stakeMicros: 10n });
      const [cancelled] = await Promise.all([
        outcomeOf(broadcasts.cancel(requester.caller, broadcastId)),
        ...others.map(({ caller, agentId }) =>
          outcomeOf(broadcasts.accept(caller, { broadcastId, agentId, slotKey: undefined })),
        ),
      ]);
      assert.ok(!isRefused(cancelled), String(cancelled));
      await sweeper.sweep();
      const { broadcast, slots, heldMicros } = await broadcasts.require(
        requester.caller,
        broadcastId,
      );
      assert.deepEqual([broadcast.state, heldMicros], ["cancelled", 0n]);
      assert.ok(slots.every(({ slot }) => slot.state === "cancelled"));
    }
    assert.ok((await world.balances()).every(({ held }) => held === 0n));
    await world.verify();
  },
);
