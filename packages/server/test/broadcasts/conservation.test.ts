/**
 * Whatever happens to broadcasts, and in whatever order, no money is made or lost, and in the end it is
 * where the verdicts put it. GUILDHALL_TEST_LONG=1 plays more stories, from a seed of the day's own.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { PaymentType } from "../../src/domain/broadcast-payment.ts";
import { Fault } from "../../src/domain/fault.ts";
import { onEachHost } from "../support/database.ts";
import { FUNDS_MICROS, openWorld, type Party, type World } from "./world.ts";

const IS_LONG = process.env.GUILDHALL_TEST_LONG === "1";
const STORIES = IS_LONG ? 400 : 16;
const SEED = IS_LONG ? Math.floor(Date.now() / 86_400_000) : 20_260_101;
const PARTIES = 5;
const FEE_BASIS_POINTS = 500n;
const BROADCASTS_MAX = 3;

const ENDS = [
  "broadcast cancelled",
  "broadcast completed",
  "broadcast expired",
  "slot approved",
  "slot cancelled",
  "slot expired",
  "slot rejected",
];

type Event =
  | {
      readonly kind: "open";
      readonly payment: PaymentType;
      readonly target: number;
      readonly slot: bigint;
      readonly stake: bigint;
      readonly deadlineMs: number;
    }
  | {
      readonly kind: "accept" | "submit" | "work";
      readonly broadcast: number;
      readonly party: number;
    }
  | {
      readonly kind: "judge";
      readonly broadcast: number;
      readonly slot: number;
      readonly isApproved: boolean;
      readonly score: number | undefined;
    }
  | { readonly kind: "cancel"; readonly broadcast: number }
  | { readonly kind: "pass"; readonly ms: number };

const broadcast = fc.nat(BROADCASTS_MAX - 1);
const party = fc.integer({ min: 1, max: PARTIES - 1 });
const opening = fc.record({
  kind: fc.constant("open" as const),
  payment: fc.constantFrom("fixed" as const, "tiered" as const, "winner_take_all" as const),
  target: fc.integer({ min: 1, max: 4 }),
  slot: fc.constantFrom(100n, 700n, 12_300n, 999_900n),
  stake: fc.constantFrom(0n, 100n, 5_000n),
  deadlineMs: fc.constantFrom(400_000, 3_600_000, 80 * 3_600_000),
});
const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 1, arbitrary: opening },
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constantFrom("accept" as const, "submit" as const, "work" as const, "work" as const),
      broadcast,
      party,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("judge" as const),
      broadcast,
      slot: fc.nat(5),
      isApproved: fc.boolean(),
      score: fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cancel" as const), broadcast }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("pass" as const),
      ms: fc.constantFrom(1_000, 200_000, 301_000, 24 * 3_600_000, 73 * 3_600_000),
    }),
  },
);
/** Several things happen at once, then several others. */
const story = fc
  .tuple(
    opening,
    fc.array(fc.array(event, { minLength: 1, maxLength: 5 }), { minLength: 4, maxLength: 16 }),
  )
  .map(([first, waves]) => [[first], ...waves]);

onEachHost(
  "money is conserved over random stories, and ends where the verdicts put it",
  async (t, database) => {
    const world = await openWorld(t, database, { parties: PARTIES });
    const seen = new Set<string>();
    let waveCount = 0;
    let openedCount = 0;
    await fc.assert(
      fc.asyncProperty(story, async (waves) => {
        const own: string[] = [];
        const before = await world.balances();
        for (const wave of waves) {
          await Promise.all(wave.map((one) => play(world, own, one)));
          await checkSum(world);
        }
        waveCount += waves.length;
        openedCount += own.length;
        await finish(world);
        await checkEnd(world, own, before, seen);
      }),
      { numRuns: STORIES, seed: SEED, endOnFailure: true },
    );
    // Each end has to occur, or the stories are not random enough.
    assert.deepEqual([...seen].sort(), ENDS);
    t.diagnostic(`${STORIES} stories, ${waveCount} waves, ${openedCount} broadcasts, seed ${SEED}`);
    await world.verify();
  },
);

/** Does one event. A refusal is a part of the story. */
async function play(world: World, own: string[], one: Event): Promise<void> {
  try {
    await playOrThrow(world, own, one);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
  }
}

async function playOrThrow(world: World, own: string[], one: Event): Promise<void> {
  const { broadcasts, sweeper } = world.engine;
  const [requester] = world.parties as [Party];
  if (one.kind === "pass") {
    world.clock.advance(one.ms);
    return sweeper.sweep();
  }
  if (one.kind === "open") {
    if (own.length >= BROADCASTS_MAX) return;
    const { payment, target, slot: slotMicros, stake: stakeMicros } = one;
    const deadlineAt = new Date(world.clock.now().getTime() + one.deadlineMs);
    own.push(await world.open({ payment, target, slotMicros, stakeMicros, deadlineAt }));
    return;
  }
  const broadcastId = own[one.broadcast % Math.max(1, own.length)];
  if (broadcastId === undefined) return;
  if (one.kind === "cancel") {
    await broadcasts.cancel(requester.caller, broadcastId);
    return;
  }
  if (one.kind === "judge") {
    const { slots } = await broadcasts.require(requester.caller, broadcastId);
    const waiting = slots.filter(({ slot }) => slot.state === "submitted");
    const among = waiting.length > 0 ? waiting : slots;
    const slot = among[one.slot % Math.max(1, among.length)]?.slot;
    if (!slot) return;
    const { isApproved, score } = one;
    const verdict = { broadcastId, slotId: slot.id, isApproved, score, notes: undefined };
    await broadcasts.judge(requester.caller, verdict);
    return;
  }
  const { caller, agentId } = world.parties[one.party] as Party;
  const asked = { broadcastId, agentId, slotKey: undefined };
  if (one.kind !== "submit") await broadcasts.accept(caller, asked);
  if (one.kind !== "accept")
    await broadcasts.submit(caller, { ...asked, result: { by: one.party } });
}

/** No money is made or lost, and nobody holds more than there is. */
async function checkSum(world: World): Promise<void> {
  const balances = await world.balances();
  const sum = balances.reduce((total, { posted }) => total + posted, 0n);
  assert.equal(sum, FUNDS_MICROS * BigInt(PARTIES));
  assert.ok(balances.every(({ posted, held }) => held >= 0n && posted >= held));
}

/** Time passes until nothing is open, executed or judged any more. */
async function finish(world: World): Promise<void> {
  for (let step = 0; step < 3; step++) {
    world.clock.advance(80 * 3_600_000);
    await world.engine.sweeper.sweep();
  }
}

/** Nothing is held, and everybody has what the verdicts say. */
async function checkEnd(
  world: World,
  opened: readonly string[],
  before: Awaited<ReturnType<World["balances"]>>,
  seen: Set<string>,
): Promise<void> {
  const { broadcasts } = world.engine;
  const [requester] = world.parties as [Party];
  // The parties' and, last, the house's fees.
  const expected = before.map(({ posted }) => posted);
  const fees = expected.length - 1;
  const move = (index: number, micros: bigint): void => {
    expected[index] = (expected[index] ?? 0n) + micros;
  };
  for (const id of opened) {
    const view = await broadcasts.require(requester.caller, id);
    const { broadcast, slots } = view;
    assert.ok(["completed", "cancelled", "expired"].includes(broadcast.state), broadcast.state);
    const approved = view.counts.get("approved") ?? 0;
    assert.ok(approved <= broadcast.target);
    // What was over before the last verdict stays what it was.
    if (broadcast.state === "completed") assert.equal(approved, broadcast.target);
    seen.add(`broadcast ${broadcast.state}`);
    for (const { slot, paidMicros } of slots) {
      seen.add(`slot ${slot.state}`);
      const index = world.parties.findIndex(({ agentId }) => agentId === slot.agentId);
      const fee = (paidMicros * FEE_BASIS_POINTS) / 10_000n;
      move(0, -paidMicros);
      move(index, paidMicros - fee);
      move(fees, fee);
      if (!["rejected", "failed", "expired"].includes(slot.state)) continue;
      move(index, -broadcast.stakeMicros);
      move(0, broadcast.stakeMicros);
    }
  }
  const balances = await world.balances();
  assert.deepEqual(
    balances.map(({ posted, held }) => [posted, held]),
    expected.map((posted) => [posted, 0n]),
  );
}
