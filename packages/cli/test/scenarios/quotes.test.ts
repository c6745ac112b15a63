/** Rows 20 and 21: a price that is named after a brief, and a bill. */
import assert from "node:assert/strict";
import type { SessionHandlers } from "@guildhall/sdk";
import { shows } from "./checklist.ts";
import { ECHO, FUNDS, type Person, type Stage, scenarios } from "./stage.ts";

const META = { open_quote: true, estimate_credits: 100, ceiling_credits: 200 };

/** Somebody who has a proposal: at most 200. The bill will be what `bill` says, or none. */
async function quoted(stage: Stage, bill: SessionHandlers["bill"]) {
  const { agentId, capability, member } = await stage.offer({
    meta: META,
    handlers: {
      session: {
        turn: ECHO.session?.turn ?? (() => ""),
        quote: () => ({ amountMicros: 12_000n, ceilingMicros: 20_000n }),
        ...(bill && { bill }),
      },
    },
  });
  const ann = await stage.person();
  const hired = await ann.told("hire", agentId, "--capability", capability, "--open-quote");
  const id: string = hired.session.session_id;
  assert.deepEqual([hired.session.status, hired.activation], ["pending", { activated: false }]);
  assert.deepEqual(await ann.credits(), [FUNDS, 0]);
  const early = await ann.refused(["activate", id]);
  assert.deepEqual([early.code, early.http_status], ["quote_not_accepted", 409]);
  await ann.told("send", id, "a week in Rome");
  const proposal = await ann.told("get-quote-proposal", id, "--wait", "30");
  assert.deepEqual([proposal.amount_credits, proposal.max_credits], [120, 200]);
  assert.match(proposal.proposal_hash, /^sha256:[0-9a-f]{64}$/);
  return { ann, id, member, hash: proposal.proposal_hash as string };
}

/** Accepts, has the work done, and ends. */
async function worked(ann: Person, id: string, hash: string, ...bound: string[]) {
  const wrong = await ann.refused([
    "accept-quote",
    id,
    "--proposal-hash",
    `sha256:${"0".repeat(64)}`,
  ]);
  assert.equal(wrong.code, "proposal_hash_mismatch");
  const accepted = await ann.told("accept-quote", id, "--proposal-hash", hash, ...bound);
  assert.equal(accepted.escrow_held, 200);
  assert.deepEqual(await ann.credits(), [FUNDS - 200, 200]);
  await ann.told("activate", id);
  const again = await ann.told("activate", id);
  assert.equal(again.activation.activated, true, "active already is as good");
  await ann.told("send", id, "all of it");
  const { reply } = await ann.told("recv", id, "--wait", "30");
  assert.deepEqual(reply[0].payload, { text: "You said: all of it" });
  const early = await ann.refused(["get-invoice", id]);
  assert.deepEqual([early.code, early.http_status], ["no_invoice_submitted", 404]);
  return ann.told("end", id);
}

scenarios("open quotes", {
  async "20 and 21: what was billed is paid when it is looked at, and the rest comes back"(stage) {
    shows(20, 21);
    const { ann, id, hash, member } = await quoted(stage, () => ({
      ...{ totalMicros: 15_000n, lines: [{ text: "hours", credits: 150 }] },
    }));
    const { session } = await worked(ann, id, hash);
    assert.equal(session.status, "awaiting_invoice");
    const invoice = await ann.told("get-invoice", id, "--wait", "30");
    assert.deepEqual(
      [invoice.total_credits, invoice.line_items],
      [150, [{ text: "hours", credits: 150 }]],
    );
    assert.deepEqual(await ann.credits(), [FUNDS - 200, 200], "nobody looked yet");
    const paid = await ann.told("accept-invoice", id, "--invoice-id", invoice.invoice_id);
    assert.deepEqual([paid.settled_credits, paid.refunded_credits], [150, 50]);
    assert.deepEqual(await ann.credits(), [FUNDS - 150, 0]);
    await ann.told("accept-invoice", id, "--invoice-id", invoice.invoice_id);
    assert.deepEqual(await ann.credits(), [FUNDS - 150, 0], "once");
    assert.equal((await member.ask("GET", "/credits")).body.available, FUNDS + 150);
  },

  async "20: a bill within what was consented to is paid at once, one above it is not"(stage) {
    shows(20);
    const bill = () => ({ totalMicros: 15_000n });
    const within = await quoted(stage, bill);
    await worked(within.ann, within.id, within.hash, "--silent-consent-bound", "150");
    const settled = await within.ann.told("get-invoice", within.id, "--wait", "30");
    assert.equal(settled.total_credits, 150);
    assert.deepEqual(await within.ann.credits(), [FUNDS - 150, 0]);
    const above = await quoted(stage, bill);
    await worked(above.ann, above.id, above.hash, "--silent-consent-bound", "149");
    await above.ann.told("get-invoice", above.id, "--wait", "30");
    assert.deepEqual(await above.ann.credits(), [FUNDS - 200, 200]);
    const other = await above.ann.refused([
      "accept-invoice",
      above.id,
      "--invoice-id",
      settled.invoice_id,
    ]);
    assert.ok(other.http_status === 404 || other.http_status === 409, JSON.stringify(other));
    assert.deepEqual(await above.ann.credits(), [FUNDS - 200, 200], "another session's bill");
  },

  async "20: a bill above what was agreed on is not taken"(stage) {
    shows(20);
    const { ann, id, hash, member } = await quoted(stage, undefined);
    await worked(ann, id, hash, "--silent-consent-bound", "500");
    const over = await member.ask("POST", `/sessions/${id}/invoice`, { total_credits: 201 });
    assert.deepEqual([over.status, over.body.code], [422, "invoice_exceeds_ceiling"]);
    assert.equal((await ann.refused(["get-invoice", id])).code, "no_invoice_submitted");
    const most = await member.ask("POST", `/sessions/${id}/invoice`, { total_credits: 200 });
    assert.equal(most.status, 201, JSON.stringify(most.body));
    await ann.told("get-invoice", id, "--wait", "30");
    assert.deepEqual(await ann.credits(), [FUNDS - 200, 0]);
  },

  async "20: who gives it up before anything is agreed on pays nothing"(stage) {
    shows(20);
    const { ann, id } = await quoted(stage, undefined);
    assert.equal((await ann.told("cancel", id)).status, "cancelled");
    assert.deepEqual(await ann.credits(), [FUNDS, 0]);
  },
});
