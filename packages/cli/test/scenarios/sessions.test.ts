/** Rows 13 and 15 to 19: a conversation from hiring to its end. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { errorOf } from "../support.ts";
import { shows } from "./checklist.ts";
import { ECHO, FUNDS, price, type Stage, scenarios } from "./stage.ts";

const TIERS = {
  curve: [
    { tier_name: "plain", quality: 0.5, cost_shape: "per_message", cost_amount: 5 },
    { tier_name: "fine", quality: 0.9, cost_shape: "per_message", cost_amount: 20 },
  ],
};

/** Somebody who hired an agent for so many messages. */
async function hired(stage: Stage, meta: Readonly<Record<string, unknown>>, messages = 3) {
  const { agentId, capability, member } = await stage.offer({ meta, handlers: ECHO });
  const ann = await stage.person();
  const hire = ["hire", agentId, "--capability", capability, "--max-messages", `${messages}`];
  const answer = await ann.told(...hire);
  const id: string = answer.session.session_id;
  const file = join(ann.config, "sessions", `${id}.json`);
  return { ann, id, file, answer, agentId, capability, provider: member };
}

scenarios("sessions", {
  async "13: hiring names what is wanted, is for one message, and answers the session"(stage) {
    shows(13);
    const { agentId, capability } = await stage.offer({
      ...{ meta: price("per_message", 7), handlers: ECHO },
    });
    const ann = await stage.person();
    await ann.refused(["hire", agentId], 2);
    const { session, session_id, activation } = await ann.told(
      ...["hire", agentId, "--capability", capability],
    );
    assert.equal(session.session_id, session_id);
    assert.deepEqual([session.max_messages, session.status], [1, "active"]);
    const { shape, amount_credits, tier_name, tier_index } = session.agreed_quote;
    assert.deepEqual([shape, amount_credits], ["per_message", 7]);
    assert.deepEqual([tier_name, tier_index], ["standard", 0]);
    assert.deepEqual(activation, { activated: true });
    assert.deepEqual(await ann.credits(), [FUNDS - 7, 7]);
    const [listed] = await ann.told("sessions", "list", "--status", "active");
    assert.equal(listed.session_id, session_id);
    const over = await ann.refused(
      ["hire", agentId, "--capability", capability, "--max-credits", "5"],
      2,
    );
    assert.match(String(over.hint), /--max-messages/);
    assert.equal((await ann.told("cancel", session_id)).status, "cancelled");
    assert.deepEqual(await ann.credits(), [FUNDS, 0]);
  },

  async "15 and 16: a message is said once, and its reply is read once"(stage) {
    shows(15, 16);
    const { ann, id } = await hired(stage, price("per_message", 5));
    const early = await ann.told("recv", id);
    assert.deepEqual(early, { reply: [], timed_out: false });
    assert.deepEqual(await ann.told("recv", id, "--wait", "1"), { reply: [], timed_out: true });

    const sent = await ann.told("send", id, "hello");
    assert.deepEqual([sent.accepted, sent.seq], [true, 1]);
    const again = await ann.told("send", id, "hello", "--seq", "1");
    assert.deepEqual([again.accepted, again.seq], [true, 1]);
    assert.equal((await ann.refused(["send", id, "other", "--seq", "1"])).code, "seq_conflict");

    const { reply, timed_out } = await ann.told("recv", id, "--wait", "30");
    assert.equal(timed_out, false);
    assert.deepEqual(
      reply.map(({ seq, payload }: Record<string, unknown>) => [seq, payload]),
      [[1, { text: "You said: hello" }]],
    );
    assert.deepEqual(await ann.told("recv", id), { reply: [], timed_out: false });
    const { events } = await ann.told("recv", id, "--since", "0");
    const said = events.filter(({ type }: { type: string }) => type === "message");
    assert.equal(said.length, 2, "one message and one reply");
    assert.deepEqual(
      events.map(({ offset }: { offset: number }) => offset),
      events.map((_: unknown, index: number) => index),
    );
    const ended = await ann.told("end", id, "--message-count", "1", "--final-output", "done");
    assert.equal(ended.settlement.settled_credits, 5);
    assert.deepEqual(await ann.credits(), [FUNDS - 5, 0]);
  },

  async "17: each shape is settled by its rule, and nothing is lost on the way"(stage) {
    shows(17);
    // biome-ignore format: read as a table
    const shapes = [
      { meta: price("per_message", 5), held: 15, paid: 5 },
      { meta: price("per_session", 40), held: 40, paid: 40 },
      { meta: price("per_task", 30),   held: 30, paid: 30 },
      { meta: {},                      held: 0,  paid: 0 },
    ];
    const ends = shapes.map(async ({ meta, held, paid }) => {
      const { ann, id, file, provider } = await hired(stage, meta);
      assert.deepEqual(await ann.credits(), [FUNDS - held, held]);
      await ann.told("send", id, "hello");
      await ann.told("recv", id, "--wait", "30");
      assert.ok(existsSync(file));
      const { settlement, receipt_id } = await ann.told("end", id);
      assert.deepEqual(
        [settlement.settled_credits, settlement.refunded_credits],
        [paid, held - paid],
      );
      assert.ok(!existsSync(file), "what was kept of it is gone");
      assert.deepEqual(await ann.credits(), [FUNDS - paid, 0]);
      const earned = (await provider.ask("GET", "/credits")).body.available;
      assert.equal(earned, FUNDS + paid);
      const receipt = await ann.told("receipt", receipt_id);
      assert.deepEqual([receipt.kind, receipt.credits_charged], ["session", paid]);
      assert.equal((await ann.refused(["send", id, "more"])).code, "session_not_active");
    });
    await Promise.all(ends);
  },

  async "18: cancelling gives everything back, as often as it is said, and is the requester's"(
    stage,
  ) {
    shows(18);
    const { ann, id, file, provider } = await hired(stage, price("per_message", 5));
    const byProvider = await provider.ask("POST", `/sessions/${id}/cancel`, {});
    assert.deepEqual([byProvider.status, byProvider.body.code], [403, "forbidden"]);
    await ann.told("send", id, "hello");
    await ann.told("recv", id, "--wait", "30");
    const cancel = ["cancel", id, "--idempotency-key", "once"];
    const first = await ann.told(...cancel);
    assert.equal(first.status, "cancelled");
    assert.ok(!existsSync(file));
    assert.deepEqual(await ann.credits(), [FUNDS, 0]);
    assert.deepEqual(await ann.told(...cancel), first, "the same answer");
    const other = await ann.refused([...cancel, "--mandate-id", `mnd_${"0".repeat(24)}`]);
    assert.equal(other.code, "idempotency_conflict");
    assert.equal((await ann.told("cancel", id)).status, "cancelled");
    assert.deepEqual(await ann.credits(), [FUNDS, 0]);
  },

  async "19: going on is at one price, under a new id, for who used up what was paid"(stage) {
    shows(19);
    const { ann, id, file } = await hired(stage, TIERS, 1);
    await ann.refused(["extend", id], 2);
    const quote = '{"shape":"per_message","amount_credits":9}';
    await ann.refused(["extend", id, "--tier", "1", "--quote", quote], 2);
    await ann.told("send", id, "hello");
    await ann.told("recv", id, "--wait", "30");
    assert.equal((await ann.refused(["send", id, "more"])).code, "message_cap_reached");

    const next = await ann.told("extend", id, "--tier");
    const newId: string = next.session.session_id;
    assert.notEqual(newId, id);
    assert.deepEqual([next.activation, next.session.parent_session_id], [{ activated: true }, id]);
    assert.equal(next.session.agreed_quote.amount_credits, 20);
    assert.ok(!existsSync(file));
    assert.deepEqual(await ann.credits(), [FUNDS - 25, 20], "one leg is paid, one is held");
    assert.equal((await ann.told("send", newId, "hello again")).seq, 1, "numbers begin anew");
    await ann.told("recv", newId, "--wait", "30");
    const offered = await ann.told("extend", newId, "--quote", quote);
    assert.equal(offered.session.agreed_quote.amount_credits, 9);
    await ann.told("end", offered.session.session_id);
    assert.deepEqual(await ann.credits(), [FUNDS - 25, 0]);
    const over = await ann.refused(["extend", offered.session.session_id, "--tier"]);
    assert.equal(over.code, "session_not_resumable_reason");
  },

  async "3, 29, 30: what is refused is one line, and names no key"(stage) {
    shows(3, 29, 30);
    const ann = await stage.person();
    const key = "lc_aVeryLongKeyThatNobodyMaySee0123456789";
    const ses = `ses_${"0".repeat(24)}`;
    // biome-ignore format: read as a table
    const commands = [
      ["whoami"], ["credits"], ["search", "chat.v1"], ["show", "agt_1"], ["hire", "agt_1", "--capability", "x"],
      ["send", ses, "hi"], ["recv", ses], ["end", ses], ["sessions", "list"], ["gig-task", "list"], ["receipts"],
    ];
    const finished = await Promise.all(
      commands.map((args) => ann.run(args, { env: { LINKEDCLAW_API_KEY: key } })),
    );
    for (const [index, one] of finished.entries()) {
      assert.equal(errorOf(one).code, "invalid_api_key", commands[index]?.join(" "));
      assert.equal(one.stderr.trimEnd().split("\n").length, 1);
      assert.doesNotMatch(one.stderr + one.stdout, /aVeryLongKey/);
    }
  },
});
