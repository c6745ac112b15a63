/** What time alone does to sessions, on both hosts, with a clock that is held (LinkedClaw contract §10, R2). */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { Fault } from "../../src/domain/fault.ts";
import { SESSION_CLOCK } from "../../src/domain/session-clock.ts";
import type { Database } from "../../src/store/database.ts";
import {
  FUNDS_MICROS,
  onEachHostInTurn,
  openWorld,
  tiered,
  type World,
  type WorldOptions,
} from "./world.ts";

const PRICE = 1_000n;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const PER_MESSAGE = { price: tiered("per_message", PRICE) };
const OPEN_QUOTE = {
  price: { kind: "open-quote", estimateMicros: PRICE, ceilingMicros: undefined },
} as const;
const NO_DETAIL = { declaredCount: undefined, finalOutput: undefined };
const PLAIN = { mandateId: undefined, idempotencyKey: undefined };
const NEXT = { tier: "next", quote: undefined, idempotencyKey: undefined } as const;

async function isRefusedAs(code: string, attempt: Promise<unknown>): Promise<void> {
  await assert.rejects(attempt, (error) => error instanceof Fault && error.code === code);
}

const STORIES: Record<string, (t: TestContext, database: Database) => Promise<void>> = {};

/** Adds a story; afterwards nobody has more or less than `paidMicros`, and the books verify. */
function story(
  name: string,
  options: WorldOptions,
  work: (world: World) => Promise<{ readonly paidMicros: bigint }>,
): void {
  STORIES[name] = async (t, database) => {
    const world = await openWorld(t, database, options);
    const { paidMicros } = await work(world);
    assert.equal(await world.heldMicros(world.requester), 0n);
    assert.equal(await world.availableMicros(world.requester), FUNDS_MICROS - paidMicros);
    assert.equal(await world.availableMicros(world.provider), paidMicros);
    await world.verify();
  };
}

async function ending(world: World, id: string): Promise<readonly [string, string | undefined]> {
  const { work, ending: end } = await world.view(id);
  return [work.state, end?.reason];
}

story(
  "a provider that says nothing for 30 seconds may be asked again",
  { ...PER_MESSAGE, habits: { accepts: false } },
  async (world) => {
    const { sessions, events } = world.engine;
    const { session } = await world.open();
    const asking = sessions.activate(world.requester, session.id);
    const also = sessions.activate(world.requester, session.id);
    const refused = Promise.all(
      [asking, also].map((one) => isRefusedAs("acceptance_timeout", one)),
    );
    // Each of them has it asked as it begins to wait; one that came later would wait for another time.
    await until(() => world.told.filter(({ kind }) => kind === "asked").length >= 2);
    world.clock.advance(SESSION_CLOCK.acceptMs + 1_500);
    await refused;
    const attempts = new Set(
      world.told.flatMap((telling) => (telling.kind === "asked" ? [telling.attempt] : [])),
    );
    assert.equal(attempts.size, 1, "two that ask at once ask together");
    // A yes after that is too late.
    const link = { agentId: world.agentId, epoch: 1 };
    const [attempt = 0] = attempts;
    assert.equal(await events.accepted(link, session.id, attempt), "late");
    assert.deepEqual(await ending(world, session.id), ["pending", undefined]);
    assert.equal(
      await world.heldMicros(world.requester),
      5n * PRICE,
      "it stays held, to try again",
    );
    world.habits.accepts = true;
    const active = await sessions.activate(world.requester, session.id);
    assert.equal(active.work.state, "active");
    await sessions.cancel(world.requester, session.id, PLAIN);
    return { paidMicros: 0n };
  },
);

story("what nobody activates is refunded after 15 minutes", PER_MESSAGE, async (world) => {
  const { session } = await world.open();
  await world.pass(SESSION_CLOCK.pendingMs - 1_000);
  assert.deepEqual(await ending(world, session.id), ["pending", undefined]);
  await world.pass(1_000);
  assert.deepEqual(await ending(world, session.id), ["cancelled", "expired"]);
  await isRefusedAs("not_pending", world.engine.sessions.activate(world.requester, session.id));
  return { paidMicros: 0n };
});

story("a session that nobody touches is warned about, then settled", PER_MESSAGE, async (world) => {
  const { sessions } = world.engine;
  const id = await world.hire();
  await world.send(id, 1);
  await world.answered(id, 1);
  await world.pass(DAY_MS / 2 - 1_000);
  assert.equal((await world.view(id)).log.warnedAt, undefined);
  await world.pass(1_000);
  const warned = await world.view(id);
  assert.equal(warned.work.state, "active");
  assert.equal((await world.kinds(id)).at(-1), "idle");
  const until = sessions.idleUntil(warned);
  assert.equal(until?.getTime(), world.clock.now().getTime() + DAY_MS / 2);
  const listed = await sessions.list(world.requester, {
    ...{ side: "requester", state: undefined, limit: 10, cursor: undefined },
  });
  assert.ok(listed.sessions[0]?.log.warnedAt, "`sessions list` can tell");
  // Whoever touches it starts the day anew.
  await world.send(id, 2);
  await world.answered(id, 2);
  assert.equal((await world.view(id)).log.warnedAt, undefined);
  await world.pass(DAY_MS / 2);
  assert.equal((await world.kinds(id)).filter((kind) => kind === "idle").length, 2);
  await world.pass(DAY_MS / 2 - 1_000);
  assert.deepEqual(await ending(world, id), ["active", undefined]);
  await world.pass(1_000);
  assert.deepEqual(await ending(world, id), ["ended", "abandoned"]);
  await isRefusedAs("abandoned_not_resumable", sessions.extend(world.requester, id, NEXT));
  return { paidMicros: 2n * PRICE };
});

story("a time below an hour is kept as well", { ...PER_MESSAGE, idleMs: 60_000 }, async (world) => {
  const id = await world.hire();
  await world.send(id, 1);
  await world.answered(id, 1);
  await world.pass(30_000);
  assert.equal((await world.kinds(id)).at(-1), "idle");
  await world.pass(30_000);
  assert.deepEqual(await ending(world, id), ["ended", "abandoned"]);
  return { paidMicros: PRICE };
});

story(
  "where nothing was answered, being abandoned costs nothing",
  { price: tiered("per_session", 9n * PRICE), habits: { replies: false } },
  async (world) => {
    const id = await world.hire();
    await world.send(id, 1);
    await world.pass(DAY_MS / 2);
    await world.pass(DAY_MS / 2);
    assert.deepEqual(await ending(world, id), ["ended", "abandoned"]);
    return { paidMicros: 0n };
  },
);

story("a server that was away warns first, however late", PER_MESSAGE, async (world) => {
  const id = await world.hire();
  await world.send(id, 1);
  await world.answered(id, 1);
  await world.pass(10 * DAY_MS);
  assert.deepEqual(await ending(world, id), ["active", undefined]);
  assert.equal((await world.kinds(id)).at(-1), "idle");
  await world.pass(DAY_MS / 2 - 1_000);
  assert.deepEqual(await ending(world, id), ["active", undefined]);
  await world.pass(1_000);
  assert.deepEqual(await ending(world, id), ["ended", "abandoned"]);
  return { paidMicros: PRICE };
});

story(
  "with no time set, nobody's session is ended",
  { ...PER_MESSAGE, idleMs: 0 },
  async (world) => {
    const { sessions } = world.engine;
    const id = await world.hire();
    await world.send(id, 1);
    await world.answered(id, 1);
    await world.pass(1_000 * DAY_MS);
    const view = await world.view(id);
    assert.deepEqual([view.work.state, view.log.warnedAt], ["active", undefined]);
    assert.equal(sessions.idleUntil(view), undefined);
    await sessions.end(world.requester, id, NO_DETAIL);
    return { paidMicros: PRICE };
  },
);

story("a used-up leg is settled, and gone on from for a day", PER_MESSAGE, async (world) => {
  const { sessions } = world.engine;
  const { requester } = world;
  const ids = [await world.hire({ messagesMax: 1 }), await world.hire({ messagesMax: 1 })];
  for (const id of ids) {
    await world.send(id, 1);
    await world.answered(id, 1);
  }
  const [id = "", other = ""] = ids;
  await world.pass(SESSION_CLOCK.capMs - 1_000);
  assert.deepEqual(await ending(world, id), ["active", undefined]);
  await world.pass(1_000);
  assert.deepEqual(await ending(world, id), ["ended", "max_messages"]);
  await world.pass(SESSION_CLOCK.resumeMs - 1_000);
  const { view, previousId, isActivated } = await sessions.extend(requester, id, NEXT);
  assert.deepEqual([previousId, isActivated, view.work.state], [id, true, "active"]);
  await sessions.cancel(requester, view.session.id, PLAIN);
  world.clock.advance(2_000);
  await assert.rejects(sessions.extend(requester, other, NEXT), (error) => {
    assert.ok(error instanceof Fault);
    assert.deepEqual(
      [error.code, error.facts],
      ["resume_window_exceeded", { windowSeconds: 86_400 }],
    );
    return true;
  });
  return { paidMicros: 2n * PRICE };
});

story("a provider that is not seen interrupts its sessions", PER_MESSAGE, async (world) => {
  const { sessions } = world.engine;
  const { requester } = world;
  const id = await world.hire();
  await world.send(id, 1);
  await world.answered(id, 1);
  await world.disconnect("missed");
  assert.deepEqual(await ending(world, id), ["interrupted", undefined]);
  assert.equal((await world.kinds(id)).at(-1), "disconnected");
  await isRefusedAs("not_active", world.send(id, 2));
  await isRefusedAs("not_pending", sessions.activate(requester, id));
  await isRefusedAs("not_active", sessions.extend(requester, id, NEXT));
  assert.equal(await world.heldMicros(requester), 5n * PRICE, "what is held stays held");
  await world.connect();
  assert.deepEqual(await ending(world, id), ["active", undefined]);
  assert.equal((await world.kinds(id)).at(-1), "reconnected");
  await world.send(id, 2);
  await world.answered(id, 2);
  await world.disconnect("missed");
  const ended = await sessions.end(requester, id, NO_DETAIL);
  assert.equal(ended.hold?.capturedMicros, 2n * PRICE);
  return { paidMicros: 2n * PRICE };
});

story("an interrupted session is settled like any idle one", PER_MESSAGE, async (world) => {
  const id = await world.hire();
  await world.send(id, 1);
  await world.answered(id, 1);
  await world.disconnect("missed");
  await world.pass(DAY_MS / 2);
  await world.pass(DAY_MS / 2);
  assert.deepEqual(await ending(world, id), ["ended", "abandoned"]);
  return { paidMicros: PRICE };
});

story(
  "with no time set, an interrupted session is refunded after 30 days",
  { ...PER_MESSAGE, idleMs: 0 },
  async (world) => {
    const id = await world.hire();
    await world.send(id, 1);
    await world.answered(id, 1);
    await world.disconnect("missed");
    await world.pass(SESSION_CLOCK.interruptedMs - 1_000);
    assert.deepEqual(await ending(world, id), ["interrupted", undefined]);
    await world.pass(1_000);
    assert.deepEqual(await ending(world, id), ["cancelled", "provider_offline"]);
    return { paidMicros: 0n };
  },
);

story("a provider that comes and goes puts nothing off", PER_MESSAGE, async (world) => {
  const id = await world.hire();
  await world.send(id, 1);
  await world.answered(id, 1);
  for (let at = 0; at < DAY_MS; at += HOUR_MS) {
    await world.disconnect("missed");
    await world.pass(HOUR_MS / 2);
    await world.connect();
    await world.pass(HOUR_MS / 2);
  }
  assert.deepEqual(await ending(world, id), ["ended", "abandoned"]);
  return { paidMicros: PRICE };
});

story("a bill that never comes is none, after a day", OPEN_QUOTE, async (world) => {
  const id = await quoted(world);
  const ended = await world.engine.sessions.end(world.requester, id, NO_DETAIL);
  assert.equal(ended.work.state, "awaiting_invoice");
  await world.pass(SESSION_CLOCK.invoiceMs - 1_000);
  assert.equal(await world.heldMicros(world.requester), 9n * PRICE);
  await world.pass(1_000);
  assert.deepEqual(await ending(world, id), ["ended", "ended"]);
  const late = { totalMicros: PRICE, lines: undefined, note: undefined };
  await isRefusedAs("not_active", world.engine.sessions.bill(world.provider, id, late));
  return { paidMicros: 0n };
});

story("a bill that nobody looks at is paid after 72 hours", OPEN_QUOTE, async (world) => {
  const id = await quoted(world);
  world.habits.bills = 4n * PRICE;
  await world.engine.sessions.end(world.requester, id, NO_DETAIL);
  await until(async () => (await world.view(id)).invoice);
  await world.pass(SESSION_CLOCK.reviewMs - 1_000);
  assert.equal((await world.view(id)).work.state, "awaiting_invoice");
  await world.pass(1_000);
  assert.deepEqual(await ending(world, id), ["ended", "ended"]);
  return { paidMicros: 4n * PRICE };
});

story("a bill whose session's end was not told yet is told after it", OPEN_QUOTE, async (world) => {
  const id = await quoted(world);
  await world.engine.sessions.end(world.requester, id, NO_DETAIL);
  // As a server leaves it that dies when the money has moved, and the log does not say so.
  await world.forgetEnd(id);
  const draft = { lines: undefined, note: undefined, totalMicros: PRICE };
  await world.engine.events.billed(world.link(), { sessionId: id, ...draft });
  await world.pass(SESSION_CLOCK.reviewMs);
  const kinds = await world.kinds(id);
  assert.deepEqual(kinds.slice(-4), ["ended", "ended", "invoiced", "settled"]);
  return { paidMicros: PRICE };
});

story("an open quote that nobody accepts is forgotten after a day", OPEN_QUOTE, async (world) => {
  const { session } = await world.open({ isOpenQuote: true });
  await world.pass(DAY_MS - 1_000);
  assert.deepEqual(await ending(world, session.id), ["pending", undefined]);
  await world.pass(1_000);
  assert.deepEqual(await ending(world, session.id), ["cancelled", "expired"]);
  return { paidMicros: 0n };
});

story("an open quote that is abandoned is billed for what was done", OPEN_QUOTE, async (world) => {
  const id = await quoted(world);
  await world.send(id, 1);
  await world.answered(id, 1);
  await world.pass(DAY_MS / 2);
  await world.pass(DAY_MS / 2);
  assert.deepEqual(await ending(world, id), ["awaiting_invoice", "abandoned"]);
  const bill = { totalMicros: 5n * PRICE, lines: undefined, note: undefined };
  await world.engine.sessions.bill(world.provider, id, bill);
  await world.pass(SESSION_CLOCK.reviewMs);
  assert.deepEqual(await ending(world, id), ["ended", "abandoned"]);
  return { paidMicros: 5n * PRICE };
});

story(
  "turns that wait for replies are bounded",
  { ...PER_MESSAGE, habits: { replies: false } },
  async (world) => {
    const id = await world.hire({ messagesMax: 1_000 });
    await Promise.all(Array.from({ length: 256 }, (_, index) => world.send(id, index + 1)));
    await isRefusedAs("rate_limited", world.send(id, 257));
    assert.equal(await world.reply(id, 1), "ok");
    await world.send(id, 257);
    await world.engine.sessions.cancel(world.requester, id, PLAIN);
    return { paidMicros: 0n };
  },
);

onEachHostInTurn("what time does to sessions", STORIES);

/** An open quote with 9 prices held, taken by its provider. */
async function quoted(world: World): Promise<string> {
  const { sessions } = world.engine;
  const { id } = (await world.open({ isOpenQuote: true })).session;
  const draft = { amountMicros: PRICE, ceilingMicros: 9n * PRICE };
  await sessions.propose(world.provider, id, { ...draft, lines: undefined, note: undefined });
  const command = { isMeant: () => true, silentBoundMicros: undefined };
  await sessions.acceptProposal(world.requester, id, command);
  await sessions.activate(world.requester, id);
  return id;
}

async function until(isTrue: () => unknown): Promise<void> {
  const givesUpAt = performance.now() + 10_000;
  while (!(await isTrue())) {
    assert.ok(performance.now() < givesUpAt, `never came true: ${isTrue}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
