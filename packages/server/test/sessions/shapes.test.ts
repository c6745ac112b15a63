/** A session from hiring to its receipt, for each shape of its price (LinkedClaw contract §10.2). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DATABASE_HOSTS, isSkipped } from "../support/database.ts";
import { startGuildhall } from "../support/guildhall.ts";
import { curve, eventsUntil, hire, repliesTo, send, serve, verified, wallet } from "./support.ts";

const WALLET = 1_000_000;

// biome-ignore format: read as a table
const SHAPES = [
  // shape          price     messages  sent   held   paid
  [ "per_session",  500,      5,        2,     500,   500 ],
  [ "per_task",     70,       5,        1,     70,    70 ],
  [ "per_message",  30,       5,        2,     150,   60 ],
  [ "free",         0,        3,        3,     0,     0 ],
] as const;

for (const host of DATABASE_HOSTS) {
  test(`a session of each shape (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const hall = await startGuildhall(t, host);
    for (const [shape, price, messages, sent, held, paid] of SHAPES) {
      await t.test(shape, async () => {
        const meta = shape === "free" ? {} : curve(shape, price);
        const seller = await serve(t, hall, { slug: shape.replace("_", "-"), meta });
        const alice = await hall.member(`alice-${shape}@example.com`);
        const id = await hire(alice, seller.agentId, { max_messages: messages });
        assert.deepEqual(await wallet(alice), [WALLET - held, held]);
        for (let seq = 1; seq <= sent; seq++) {
          const { status, body } = await send(alice, id, seq);
          assert.equal(status, 202, JSON.stringify(body));
          assert.deepEqual(
            [body.accepted, body.seq, body.messages_used, body.max_messages],
            [true, seq, seq, messages],
          );
        }
        const events = await repliesTo(alice, id, sent);
        assert.deepEqual(
          events.map(({ offset }) => offset),
          events.map((_, index) => index),
        );
        const replies = events.filter(({ from }) => from === "provider");
        assert.deepEqual(
          replies.map(({ seq, payload }) => [seq, payload.echo.text]),
          Array.from({ length: sent }, (_, index) => [index + 1, `turn ${index + 1}`]),
        );
        const ended = await alice.ask("POST", `/sessions/${id}/end`, { message_count: 99 });
        assert.equal(ended.status, 200, JSON.stringify(ended.body));
        const { session, settlement } = ended.body;
        assert.deepEqual(
          [session.status, session.termination_reason, session.escrow_held],
          ["ended", "ended", 0],
        );
        assert.deepEqual(
          [settlement.settled_credits, settlement.refunded_credits],
          [paid, held - paid],
        );
        assert.deepEqual(await wallet(alice), [WALLET - paid, 0]);
        assert.deepEqual(await wallet(seller.member), [WALLET + paid, 0]);
        const told = await eventsUntil(alice, id, (all) => all.at(-1).type === "session.ended");
        assert.equal(told.filter(({ type }) => type === "session.ended").length, 1);
      });
    }
    await verified(hall);
  });
}
