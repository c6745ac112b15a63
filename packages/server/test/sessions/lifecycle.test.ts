/** What a session goes through between its two sides, over HTTP and a provider's socket, and what it costs. */
import assert from "node:assert/strict";
import { LIMITS } from "@guildhall/protocol";
import { ProviderError } from "@guildhall/sdk";
import { assertRefused } from "../surfaces/linkedclaw/support.ts";
import { play } from "./scenarios.ts";
import { curve, hire, repliesTo, send, serve, wallet } from "./support.ts";

const WALLET = 1_000_000;

play("sessions from hiring to the end", {
  async "a message is told once, whoever repeats it"(t, hall, slug) {
    const seller = await serve(t, hall, { slug, meta: curve("per_message", 30) });
    const alice = await hall.member(`alice-${slug}@example.com`);
    const id = await hire(alice, seller.agentId, { max_messages: 5 });
    const first = await send(alice, id, 1);
    await repliesTo(alice, id, 1);
    const again = await send(alice, id, 1);
    assert.deepEqual([again.status, again.body.offset], [202, first.body.offset]);
    assert.deepEqual([again.body.messages_used, again.body.max_messages], [1, 5]);
    await assertRefused(alice, { status: 409, code: "seq_conflict" }, () =>
      send(alice, id, 1, "something else"),
    );
    // Numbers are the requester's: they may leave some out.
    assert.equal((await send(alice, id, 7)).status, 202);
    const events = await repliesTo(alice, id, 2);
    assert.deepEqual(
      events.map(({ offset, type, from, seq }) => [offset, type, from, seq]),
      [
        [0, "session.activated", "system", null],
        [1, "message", "requester", 1],
        [2, "message", "provider", 1],
        [3, "message", "requester", 7],
        [4, "message", "provider", 7],
      ],
    );
    const page = await alice.ask("GET", `/sessions/${id}/events?since=1&limit=2`);
    assert.deepEqual(page.body.events, events.slice(1, 3));
    assert.deepEqual([page.body.next_offset, page.body.session_status], [3, "active"]);
    const none = await alice.ask("GET", `/sessions/${id}/events?since=5`);
    assert.deepEqual([none.body.events, none.body.next_offset], [[], 5]);
    const beyond = await alice.ask("GET", `/sessions/${id}/events?since=500`);
    assert.deepEqual([beyond.body.events, beyond.body.next_offset], [[], 5]);
    // A message that is refused takes neither its number nor a place in the log.
    const large = { seq: 8, payload: { text: "x".repeat(LIMITS.messageBytesMax) } };
    assert.equal((await alice.ask("POST", `/sessions/${id}/messages`, large)).status, 413);
    const smaller = await send(alice, id, 8);
    assert.deepEqual([smaller.status, smaller.body.offset], [202, 5]);
    await repliesTo(alice, id, 3);
    const { body } = await alice.ask("POST", `/sessions/${id}/end`);
    assert.equal(body.settlement.settled_credits, 90);
  },

  async "messages sent at once are told in their order, each once"(t, hall, slug) {
    const told: number[] = [];
    const turn = ({ seq }: { seq: number }) => {
      told.push(seq);
      return { seq };
    };
    const seller = await serve(t, hall, { slug, handlers: { turn } });
    const alice = await hall.member(`alice-${slug}@example.com`);
    const id = await hire(alice, seller.agentId, { max_messages: 60 });
    const seqs = Array.from({ length: 60 }, (_, index) => index + 1);
    const sent = await Promise.all([...seqs, ...seqs].map((seq) => send(alice, id, seq)));
    assert.ok(sent.every(({ status }) => status === 202));
    const events = await repliesTo(alice, id, 60);
    assert.deepEqual(
      told.toSorted((a, b) => a - b),
      seqs,
    );
    const said = (who: string) => events.filter(({ from }) => from === who).map(({ seq }) => seq);
    assert.deepEqual(said("requester"), told, "the provider heard what the log has, in its order");
    assert.deepEqual(said("provider"), told);
    await alice.ask("POST", `/sessions/${id}/end`);
  },

  async "only answered messages are paid, and what a turn says on the way is not one"(
    t,
    hall,
    slug,
  ) {
    const seller = await serve(t, hall, {
      slug,
      meta: curve("per_message", 10),
      options: { onError: () => undefined },
      handlers: {
        async turn({ seq }, { push }) {
          await push({ half: seq });
          if (seq === 2) throw new ProviderError("provider_failed", "I cannot.");
          return "done";
        },
      },
    });
    const alice = await hall.member(`alice-${slug}@example.com`);
    const id = await hire(alice, seller.agentId, { max_messages: 4 });
    for (let seq = 1; seq <= 3; seq++) assert.equal((await send(alice, id, seq)).status, 202);
    const events = await repliesTo(alice, id, 3);
    const failed = events.filter(({ type }) => type === "error");
    assert.deepEqual(
      failed.map(({ seq, payload }) => [seq, payload.code]),
      [[2, "subagent_error"]],
    );
    assert.equal(events.filter(({ from, final }) => from === "provider" && !final).length, 3);
    const { body } = await alice.ask("POST", `/sessions/${id}/end`, { message_count: 1 });
    assert.deepEqual(
      [body.session.messages_used, body.session.messages_answered, body.settlement.settled_credits],
      [3, 2, 20],
    );
    assert.deepEqual(await wallet(alice), [WALLET - 20, 0]);
  },

  async "the cap on messages is the cap on spending, and a used-up leg is gone on from"(
    t,
    hall,
    slug,
  ) {
    const seller = await serve(t, hall, { slug, meta: curve("per_message", 100) });
    const alice = await hall.member(`alice-${slug}@example.com`);
    const id = await hire(alice, seller.agentId, { max_messages: 2 });
    await send(alice, id, 1);
    await send(alice, id, 2);
    await assertRefused(alice, { status: 409, code: "message_cap_reached" }, () =>
      send(alice, id, 3),
    );
    await repliesTo(alice, id, 2);
    const capped = await alice.ask("GET", `/sessions/${id}`);
    assert.equal(capped.body.status, "active");
    assert.ok(capped.body.cap_hit_at);
    // What was answered was bought: cancelling does not make it free.
    const { body: cancelled } = await alice.ask("POST", `/sessions/${id}/cancel`);
    assert.deepEqual(
      [cancelled.status, cancelled.termination_reason, cancelled.escrow_held],
      ["cancelled", "max_messages", 0],
    );
    assert.deepEqual(await wallet(alice), [WALLET - 200, 0]);
    const resumed = await alice.ask("POST", `/sessions/${id}/extend`, { tier: "next" });
    assert.equal(resumed.status, 201, JSON.stringify(resumed.body));
    const { session, parent_session_id, activation } = resumed.body;
    assert.deepEqual(
      [session.status, parent_session_id, session.parent_session_id, activation],
      ["active", id, id, { activated: true }],
    );
    assert.deepEqual([session.messages_used, session.last_seq, session.escrow_held], [0, 0, 200]);
    const { body: before } = await alice.ask("GET", `/sessions/${id}`);
    assert.equal(before.continued_by, session.session_id);
    await assertRefused(alice, { status: 409, code: "session_not_resumable_reason" }, () =>
      alice.ask("POST", `/sessions/${id}/extend`, { tier: "next" }),
    );
    // A leg that somebody ended is over for good, also where all its messages were used.
    await send(alice, session.session_id, 1);
    await send(alice, session.session_id, 2);
    await repliesTo(alice, session.session_id, 2);
    await alice.ask("POST", `/sessions/${session.session_id}/end`);
    await assertRefused(alice, { status: 409, code: "session_not_resumable_reason" }, () =>
      alice.ask("POST", `/sessions/${session.session_id}/extend`, { tier: "next" }),
    );
    assert.deepEqual(await wallet(alice), [WALLET - 400, 0]);
    assert.deepEqual(await wallet(seller.member), [WALLET + 400, 0]);
  },

  async "extending settles this leg and opens the next in one step"(t, hall, slug) {
    const seller = await serve(t, hall, { slug, meta: tiers(10, 25, 90_000) });
    const alice = await hall.member(`alice-${slug}@example.com`);
    const id = await hire(alice, seller.agentId, { max_messages: 4 });
    await send(alice, id, 1);
    await repliesTo(alice, id, 1);
    const extend = (from: string, body: object, headers = {}) =>
      alice.ask("POST", `/sessions/${from}/extend`, body, headers);
    // The third tier comes to more than is spent without asking: nothing happens to this leg.
    const expected = { status: 409, code: "extend_beyond_ceiling_requires_explicit_quote" };
    await assertRefused(alice, expected, () => extend(id, { tier: 2 }));
    // An explicit quote says that somebody agreed; the chain's ceiling holds all the same.
    const dear = { shape: "per_message", amount_credits: 90_000 };
    await assertRefused(alice, { status: 402, code: "ceiling_exceeded" }, () =>
      extend(id, { quote: dear }),
    );
    assert.equal((await send(alice, id, 2)).status, 202, "the leg goes on as if nothing was");
    await repliesTo(alice, id, 2);

    const key = { "idempotency-key": "go-on" };
    const next = await extend(id, { tier: "next" }, key);
    assert.equal(next.status, 201, JSON.stringify(next.body));
    const { session } = next.body;
    assert.deepEqual(
      [session.agreed_quote.amount_credits, session.agreed_quote.tier_index, session.escrow_held],
      [25, 1, 100],
    );
    const replayed = await extend(id, { tier: "next" }, key);
    assert.equal(replayed.body.session.session_id, session.session_id, "one leg, asked for twice");
    assert.deepEqual(await wallet(alice), [WALLET - 20 - 100, 100]);
    const { body: first } = await alice.ask("GET", `/sessions/${id}`);
    assert.deepEqual([first.status, first.termination_reason], ["ended", "ended"]);
    assert.equal(first.chain_id, session.chain_id);
    const over = { status: 409, code: "session_not_active" };
    await assertRefused(alice, over, () => send(alice, id, 3));

    assert.equal((await send(alice, session.session_id, 1)).body.offset, 1, "a log of its own");
    await repliesTo(alice, session.session_id, 1);
    const quote = { shape: "per_message", amount_credits: 12 };
    const third = (await extend(session.session_id, { quote })).body.session;
    assert.deepEqual([third.agreed_quote.amount_credits, third.escrow_held], [12, 48]);
    await alice.ask("POST", `/sessions/${third.session_id}/cancel`);
    assert.deepEqual(await wallet(alice), [WALLET - 20 - 25, 0]);
    assert.deepEqual(await wallet(seller.member), [WALLET + 45, 0]);
  },

  async "the same key opens one session; by another chain it is another request"(t, hall, slug) {
    const seller = await serve(t, hall, { slug, meta: curve("per_session", 500) });
    const alice = await hall.member(`alice-${slug}@example.com`);
    const wanted = { agent_id: seller.agentId, capability: "chat" };
    const ask = (headers = {}) =>
      alice.ask("POST", "/sessions", wanted, { "idempotency-key": "one", ...headers });
    const first = await ask();
    assert.equal((await ask()).body.session_id, first.body.session_id);
    const chained = { "x-linkedclaw-chain-id": `chn_${"f".repeat(24)}` };
    await assertRefused(alice, { status: 409, code: "idempotency_conflict" }, () => ask(chained));
    assert.deepEqual(await wallet(alice), [WALLET - 500, 500]);
    await alice.ask("POST", `/sessions/${first.body.session_id}/cancel`);
  },

  async "cancelling after an extension gives back this leg alone"(t, hall, slug) {
    const seller = await serve(t, hall, { slug, meta: curve("per_message", 10) });
    const alice = await hall.member(`alice-${slug}@example.com`);
    const first = await hire(alice, seller.agentId, { max_messages: 3 });
    await send(alice, first, 1);
    await repliesTo(alice, first, 1);
    const extend = async (id: string) =>
      (await alice.ask("POST", `/sessions/${id}/extend`, { tier: "next" })).body.session.session_id;
    const cancel = (id: string) => alice.ask("POST", `/sessions/${id}/cancel`);
    const second = await extend(first);
    // The first leg is settled by its answered turn; whoever cancels it now is told how it ended.
    assert.equal((await cancel(first)).body.status, "ended");
    assert.deepEqual(await wallet(alice), [WALLET - 10 - 30, 30]);
    await send(alice, second, 1);
    await repliesTo(alice, second, 1);
    const cancelled = (await cancel(second)).body;
    assert.deepEqual(
      [cancelled.status, cancelled.termination_reason],
      ["cancelled", "requester_cancelled"],
    );
    assert.deepEqual(
      await wallet(alice),
      [WALLET - 10, 0],
      "its answered turn too, and no other's",
    );
    assert.deepEqual(await wallet(seller.member), [WALLET + 10, 0]);

    // A leg that was used up is paid, whatever becomes of what followed it, even of one nobody served.
    const third = await hire(alice, seller.agentId, { max_messages: 1 });
    await send(alice, third, 1);
    await repliesTo(alice, third, 1);
    await seller.connection.stop({ drainMs: 0, comesBack: true });
    const fourth = await extend(third);
    await cancel(fourth);
    assert.deepEqual(await wallet(alice), [WALLET - 20, 0]);
    assert.deepEqual(await wallet(seller.member), [WALLET + 20, 0]);
  },
});

function tiers(...amounts: readonly number[]): object {
  return {
    curve: amounts.map((cost_amount, index) => ({
      ...{ tier_name: `tier ${index}`, cost_shape: "per_message", cost_amount },
    })),
  };
}
