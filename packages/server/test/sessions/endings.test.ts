/** How sessions are given up, break off and are seen: by whom, and what that costs. */
import assert from "node:assert/strict";
import { SessionDeclined } from "@guildhall/sdk";
import { assertRefused } from "../surfaces/linkedclaw/support.ts";
import { play } from "./scenarios.ts";
import {
  curve,
  eventsUntil,
  hire,
  open,
  register,
  repliesTo,
  type Server,
  send,
  serve,
  typesOf,
  wallet,
} from "./support.ts";

const WALLET = 1_000_000;

play("sessions that are given up, break off, or are looked at", {
  async "cancelling gives everything back, and is the requester's to do"(t, hall, slug) {
    const seller = await serve(t, hall, { slug, meta: curve("per_session", 500) });
    const alice = await hall.member(`alice-${slug}@example.com`);
    const stranger = await hall.member(`stranger-${slug}@example.com`);
    const id = await hire(alice, seller.agentId, { max_messages: 3 });
    await send(alice, id, 1);
    await repliesTo(alice, id, 1);
    const cancel = (who: typeof alice, body = {}, headers = {}) =>
      who.ask("POST", `/sessions/${id}/cancel`, body, headers);
    await assertRefused(seller.member, { status: 403, code: "forbidden" }, () =>
      cancel(seller.member),
    );
    await assertRefused(stranger, { status: 404, code: "invalid_session_id" }, () =>
      cancel(stranger),
    );
    const key = { "idempotency-key": "stop" };
    const first = await cancel(alice, {}, key);
    assert.deepEqual(
      [first.status, first.body.status, first.body.termination_reason, first.body.escrow_held],
      [200, "cancelled", "requester_cancelled", 0],
    );
    assert.deepEqual((await cancel(alice, {}, key)).body, first.body);
    assert.deepEqual((await cancel(alice)).body, first.body);
    await assertRefused(alice, { status: 409, code: "idempotency_conflict" }, () =>
      cancel(alice, { mandate_id: `mnd_${"a".repeat(24)}` }, key),
    );
    assert.deepEqual(await wallet(alice), [WALLET, 0]);
    assert.deepEqual(await wallet(seller.member), [WALLET, 0]);
    const flag = { reason: "cancelled after the work" };
    const flagged = await seller.member.ask("POST", `/sessions/${id}/flag`, flag);
    assert.deepEqual([flagged.status, flagged.body], [200, { flagged: true }]);
  },

  async "a provider that declines leaves nothing held"(t, hall, slug) {
    const seller = await serve(t, hall, {
      slug,
      meta: curve("per_session", 500),
      handlers: {
        accept: () => Promise.reject(new SessionDeclined("requester_limit", "Enough of yours.")),
      },
    });
    const alice = await hall.member(`alice-${slug}@example.com`);
    const { session_id: id } = (await open(alice, seller.agentId)).body;
    assert.deepEqual(await wallet(alice), [WALLET - 500, 500]);
    const answer = await alice.ask("POST", `/sessions/${id}/activate`, {});
    assert.deepEqual(
      [answer.status, answer.body.code, answer.body.detail],
      [403, "session_rejected", "session_rejected: per_requester_limit"],
    );
    assert.deepEqual(await wallet(alice), [WALLET, 0]);
    const { body } = await alice.ask("GET", `/sessions/${id}`);
    assert.deepEqual([body.status, body.termination_reason], ["cancelled", "provider_rejected"]);
    await assertRefused(alice, { status: 409, code: "session_not_pending" }, () =>
      alice.ask("POST", `/sessions/${id}/activate`, {}),
    );
  },

  async "who is not there is asked again when it is"(t, hall, slug) {
    const seller = await serve(t, hall, { slug, meta: curve("per_task", 70) });
    await seller.connection.stop({ drainMs: 0 });
    const alice = await hall.member(`alice-${slug}@example.com`);
    const { session_id: id } = (await open(alice, seller.agentId)).body;
    const activate = () => alice.ask("POST", `/sessions/${id}/activate`, {});
    const { body } = await assertRefused(
      alice,
      { status: 503, code: "provider_offline" },
      activate,
    );
    assert.match(body.detail, /^provider not reachable: /);
    await seller.connect();
    const [one, other] = await Promise.all([activate(), activate()]);
    assert.deepEqual([one.body.status, other.body.status], ["active", "active"]);
    const late = await assertRefused(alice, { status: 409, code: "session_not_pending" }, activate);
    assert.equal(late.body.detail, "Session is not pending (status='active')");
    await alice.ask("POST", `/sessions/${id}/end`);
    assert.deepEqual(await wallet(seller.member), [WALLET + 70, 0]);
  },

  async "a line that breaks loses no turn and repeats none"(t, hall, slug) {
    const turns: number[] = [];
    const release = Promise.withResolvers<void>();
    const turn = async ({ seq }: { seq: number }) => {
      turns.push(seq);
      if (seq === 2) await release.promise;
      return { seq };
    };
    const seller = await serve(t, hall, {
      ...{ slug, meta: curve("per_message", 5), handlers: { turn } },
    });
    const alice = await hall.member(`alice-${slug}@example.com`);
    const id = await hire(alice, seller.agentId, { max_messages: 9 });
    await send(alice, id, 1);
    await repliesTo(alice, id, 1);
    await send(alice, id, 2);
    await eventually(() => turns.includes(2));
    await seller.connection.stop({ drainMs: 0, comesBack: true });
    release.resolve();
    assert.equal((await send(alice, id, 3)).status, 202, "its provider may yet come back");
    await seller.connect();
    const events = await repliesTo(alice, id, 3);
    const replies = events.filter(({ from }) => from === "provider").map(({ seq }) => seq);
    assert.deepEqual(replies, [1, 2, 3]);
    assert.equal((await alice.ask("GET", `/sessions/${id}`)).body.status, "active");
    await alice.ask("POST", `/sessions/${id}/end`);
    assert.deepEqual(await wallet(seller.member), [WALLET + 15, 0]);
  },

  async "a provider that says goodbye ends its sessions, and everything is free again"(
    t,
    hall,
    slug,
  ) {
    const seller = await serve(t, hall, { slug, meta: curve("per_message", 40) });
    const alice = await hall.member(`alice-${slug}@example.com`);
    const id = await hire(alice, seller.agentId, { max_messages: 3 });
    await send(alice, id, 1);
    await repliesTo(alice, id, 1);
    await seller.connection.stop({ drainMs: 0 });
    const events = await eventsUntil(alice, id, (all) => all.at(-1).type === "session.cancelled");
    assert.equal(events.at(-1).payload.reason, "provider_offline");
    assert.deepEqual(await wallet(alice), [WALLET, 0]);
    await assertRefused(alice, { status: 409, code: "session_not_active" }, () =>
      send(alice, id, 2),
    );
  },

  async "both sides see it, each in its own list, and nobody else does"(t, hall, slug) {
    const seller = await serve(t, hall, { slug });
    const alice = await hall.member(`alice-${slug}@example.com`);
    const stranger = await hall.member(`stranger-${slug}@example.com`);
    const ids: string[] = [];
    for (let index = 0; index < 3; index++) ids.unshift(await hire(alice, seller.agentId));
    const list = async (who: typeof alice, query: string) => {
      const { body } = await who.ask("GET", `/sessions?${query}`);
      const sessions = body.sessions as readonly { session_id: string }[];
      return { ids: sessions.map(({ session_id: id }) => id), cursor: body.next_cursor };
    };
    assert.deepEqual((await list(alice, "")).ids, ids, "newest first");
    assert.deepEqual((await list(seller.member, "role=provider&status=active")).ids, ids);
    assert.deepEqual((await list(alice, "role=provider")).ids, []);
    const first = await list(alice, "limit=2");
    const rest = await list(alice, `limit=2&cursor=${first.cursor}`);
    assert.deepEqual([...first.ids, ...rest.ids, rest.cursor], [...ids, null]);
    assert.deepEqual((await list(stranger, "")).ids, []);
    for (const path of [`/sessions/${ids[0]}`, `/sessions/${ids[0]}/events`]) {
      await assertRefused(stranger, { status: 404, code: "invalid_session_id" }, () =>
        stranger.ask("GET", path),
      );
    }
    await alice.ask("POST", `/sessions/${ids[0]}/end`);
    assert.deepEqual((await list(alice, "status=ended")).ids, [ids[0]]);
  },

  async "a provider takes as many as it may"(t, hall, slug) {
    const closed: string[] = [];
    const seller: Server = await serve(t, hall, {
      ...{ slug, options: { sessions: 2, perRequester: 1 } },
      handlers: { closed: ({ sessionId }) => void closed.push(sessionId) },
    });
    const [alice, bob, carol] = await Promise.all(
      ["alice", "bob", "carol"].map((name) => hall.member(`${name}-${slug}@example.com`)),
    );
    assert.ok(alice && bob && carol);
    const id = await hire(alice, seller.agentId);
    const declined = async (who: typeof alice) => {
      const { session_id } = (await open(who, seller.agentId)).body;
      return (await who.ask("POST", `/sessions/${session_id}/activate`, {})).body.detail;
    };
    assert.equal(await declined(alice), "session_rejected: per_requester_limit");
    await hire(bob, seller.agentId);
    assert.equal(await declined(carol), "session_rejected: provider_busy");
    await alice.ask("POST", `/sessions/${id}/end`, { final_output: "thanks" });
    await eventually(() => closed.length > 0);
    await hire(carol, seller.agentId);
  },

  async "an agent that never connected can be hired and cancelled"(_t, hall, slug) {
    const owner = await hall.member(`owner-${slug}@example.com`);
    const agentId = await register(owner, slug, curve("per_session", 9));
    const alice = await hall.member(`alice-${slug}@example.com`);
    const { session_id: id } = (await open(alice, agentId)).body;
    const { body } = await alice.ask("POST", `/sessions/${id}/cancel`);
    assert.equal(body.termination_reason, "requester_cancelled");
    const told = await eventsUntil(alice, id, (all) => all.length > 0);
    assert.deepEqual(typesOf(told), ["session.cancelled"]);
    assert.deepEqual(await wallet(alice), [WALLET, 0]);
  },
});

async function eventually(isTrue: () => boolean): Promise<void> {
  const givesUpAt = performance.now() + 10_000;
  while (!isTrue()) {
    assert.ok(performance.now() < givesUpAt, `never came true: ${isTrue}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
