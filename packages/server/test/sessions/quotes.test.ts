/** Open quotes: what is proposed, agreed on by its hash, billed within it, and paid (LinkedClaw contract §10.4). */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type TestContext, test } from "node:test";
import { DATABASE_HOSTS, isSkipped } from "../support/database.ts";
import { type Guildhall, type Member, startGuildhall } from "../support/guildhall.ts";
import { assertRefused } from "../surfaces/linkedclaw/support.ts";
import {
  eventsUntil,
  open,
  register,
  repliesTo,
  send,
  serve,
  typesOf,
  verified,
  wallet,
} from "./support.ts";

const WALLET = 1_000_000;
const META = { open_quote: true, estimate_credits: 100, ceiling_credits: 400 };
const LINES = [{ z: 1, what: "reading", a: { later: true, early: [2, { c: 3, b: null }] } }];
/** Credits, as the provider's program counts them. */
const MICROS = 100n;

for (const host of DATABASE_HOSTS) {
  test(`open quotes (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const hall = await startGuildhall(t, host);
    let number = 0;
    for (const [name, scenario] of Object.entries(SCENARIOS)) {
      number += 1;
      await t.test(name, (inner) => scenario(inner, hall, `quoter-${number}`));
    }
    await verified(hall);
  });
}

interface Story {
  readonly alice: Member;
  readonly seller: Member;
  readonly id: string;
}

/** A session that was asked for and briefed, at an agent that quotes 120 to 300 and bills `bill`. */
async function briefed(
  t: TestContext,
  hall: Guildhall,
  slug: string,
  bill: bigint | undefined,
): Promise<Story> {
  const seller = await serve(t, hall, {
    ...{ slug, meta: META },
    handlers: {
      quote: () => ({
        amountMicros: 120n * MICROS,
        ceilingMicros: 300n * MICROS,
        lines: LINES,
        note: "Two days.",
      }),
      ...(bill !== undefined && { bill: () => ({ totalMicros: bill * MICROS, note: "Done." }) }),
    },
  });
  const alice = await hall.member(`alice-${slug}@example.com`);
  const opened = await open(alice, seller.agentId, { open_quote: true, max_messages: 3 });
  const { session_id: id, agreed_quote, escrow_held, open_quote } = opened.body;
  assert.deepEqual([agreed_quote, escrow_held, open_quote], [null, 0, true]);
  assert.equal((await send(alice, id, 1, "What would this cost?")).status, 202);
  return { alice, seller: seller.member, id };
}

/** Its provider's proposal, once it is there. */
async function proposal({ alice, id }: Story) {
  await eventsUntil(alice, id, (all) => typesOf(all).includes("quote.proposed"));
  const { status, body } = await alice.ask("GET", `/sessions/${id}/quote-proposal`);
  assert.equal(status, 200, JSON.stringify(body));
  return body;
}

async function agreed(story: Story, rest: object = {}): Promise<void> {
  const { alice, id } = story;
  const { proposal_hash } = await proposal(story);
  const accepted = await accept(story, { proposal_hash, ...rest });
  assert.equal(accepted.status, 200, JSON.stringify(accepted.body));
  assert.deepEqual([accepted.body.status, accepted.body.escrow_held], ["pending", 300]);
  const active = await alice.ask("POST", `/sessions/${id}/activate`, {});
  assert.equal(active.body.status, "active", JSON.stringify(active.body));
  await send(alice, id, 2, "Then do it.");
  await repliesTo(alice, id, 1);
}

function accept({ alice, id }: Story, body: object) {
  return alice.ask("POST", `/sessions/${id}/accept-quote`, body);
}

async function invoiceOf({ alice, id }: Story) {
  await eventsUntil(alice, id, (all) => typesOf(all).includes("invoice.submitted"));
  return (await alice.ask("GET", `/sessions/${id}/invoice`)).body;
}

const SCENARIOS: Record<string, (t: TestContext, hall: Guildhall, slug: string) => Promise<void>> =
  {
    async "who has only its bill to write does no work of the chain any more"(t, hall, slug) {
      const story = await briefed(t, hall, slug, undefined);
      const { alice, seller, id } = story;
      await agreed(story);
      const { chain_id } = (await alice.ask("GET", `/sessions/${id}`)).body;
      const agent_id = await register(await hall.member(`${slug}-b@example.com`), `${slug}-b`, {});
      const join = () =>
        seller.ask(
          "POST",
          "/sessions",
          { agent_id, capability: "chat" },
          { "x-linkedclaw-chain-id": chain_id },
        );
      assert.equal((await join()).status, 201, "it hires another agent for what it was hired for");
      const ended = await alice.ask("POST", `/sessions/${id}/end`, {});
      assert.equal(ended.body.session.status, "awaiting_invoice");
      const refused = await join();
      assert.deepEqual([refused.status, refused.body.code], [403, "chain_not_authorised"]);
      assert.deepEqual(await wallet(alice), [WALLET - 300, 300]);
    },

    async "from the brief to the bill"(t, hall, slug) {
      const story = await briefed(t, hall, slug, 250n);
      const { alice, seller, id } = story;
      const { accepted_at, proposed_at, ...quote } = await proposal(story);
      assert.ok(proposed_at);
      const hashed = canonical({
        ...{ session_id: id, shape: "itemized", amount_credits: 120, max_credits: 300 },
        line_items: LINES,
      });
      assert.deepEqual([accepted_at, quote.proposal_hash, quote.note], [null, hashed, "Two days."]);
      await assertRefused(alice, { status: 409, code: "quote_not_accepted" }, () =>
        alice.ask("POST", `/sessions/${id}/activate`, {}),
      );
      const wrong = { proposal_hash: `sha256:${"0".repeat(64)}` };
      await assertRefused(alice, { status: 409, code: "proposal_hash_mismatch" }, () =>
        accept(story, wrong),
      );
      await agreed(story);
      assert.deepEqual(await wallet(alice), [WALLET - 300, 300]);
      const { body: facts } = await alice.ask("GET", `/sessions/${id}`);
      const terms = { shape: "itemized", amount_credits: 120, max_credits: 300 };
      assert.deepEqual(facts.agreed_quote, terms, "what was proposed, not what is listed");
      assert.deepEqual(
        [facts.messages_used, facts.messages_answered],
        [1, 1],
        "a brief is no turn",
      );
      await assertRefused(alice, { status: 404, code: "no_invoice_submitted" }, () =>
        alice.ask("GET", `/sessions/${id}/invoice`),
      );
      const { body: ended } = await alice.ask("POST", `/sessions/${id}/end`);
      assert.equal(ended.session.status, "awaiting_invoice");
      assert.deepEqual([ended.settlement.settled_credits, ended.receipt_id], [0, null]);
      const invoice = await invoiceOf(story);
      assert.deepEqual([invoice.total_credits, invoice.status], [250, "submitted"]);
      assert.deepEqual(await wallet(alice), [WALLET - 300, 300], "nothing is paid unread");
      const other = { invoice_id: `inv_${"a".repeat(24)}` };
      await assertRefused(alice, { status: 404, code: "no_invoice_submitted" }, () =>
        alice.ask("POST", `/sessions/${id}/accept-invoice`, other),
      );
      const pay = () =>
        alice.ask("POST", `/sessions/${id}/accept-invoice`, { invoice_id: invoice.invoice_id });
      const [paid, again] = await Promise.all([pay(), pay()]);
      for (const { status, body } of [paid, again]) {
        assert.deepEqual(
          [status, body.settled_credits, body.refunded_credits],
          [200, 250, 50],
          JSON.stringify(body),
        );
      }
      assert.deepEqual(await wallet(alice), [WALLET - 250, 0]);
      assert.deepEqual(await wallet(seller), [WALLET + 250, 0]);
      const receipt = await alice.ask("GET", `/receipts/${paid.body.receipt_id}`);
      assert.deepEqual([receipt.body.credits_charged, receipt.body.credits_refunded], [250, 50]);
    },

    async "a bill within what was consented to is paid at once"(t, hall, slug) {
      const story = await briefed(t, hall, slug, 150n);
      await agreed(story, { silent_consent_bound: 150 });
      await story.alice.ask("POST", `/sessions/${story.id}/end`);
      const events = await eventsUntil(story.alice, story.id, (all) =>
        typesOf(all).includes("session.settled"),
      );
      assert.equal(events.at(-1).payload.settled_credits, 150);
      assert.equal((await invoiceOf(story)).status, "settled");
      assert.deepEqual(await wallet(story.alice), [WALLET - 150, 0]);
    },

    async "a bill above it waits for somebody to look"(t, hall, slug) {
      const story = await briefed(t, hall, slug, 151n);
      await agreed(story, { silent_consent_bound: 150 });
      await story.alice.ask("POST", `/sessions/${story.id}/end`);
      const invoice = await invoiceOf(story);
      assert.equal(invoice.status, "submitted");
      assert.deepEqual(await wallet(story.alice), [WALLET - 300, 300]);
      const { invoice_id } = invoice;
      await story.alice.ask("POST", `/sessions/${story.id}/accept-invoice`, { invoice_id });
      assert.deepEqual(await wallet(story.alice), [WALLET - 151, 0]);
    },

    async "a later proposal is another one, and what was accepted stays"(t, hall, slug) {
      const story = await briefed(t, hall, slug, undefined);
      const { alice, seller, id } = story;
      const { proposal_hash: first } = await proposal(story);
      const propose = (amount: number, max: number) =>
        seller.ask("POST", `/sessions/${id}/quote-proposal`, {
          ...{ shape: "itemized", amount_credits: amount, max_credits: max },
        });
      const second = await propose(60, 80);
      assert.equal(second.status, 201, JSON.stringify(second.body));
      await assertRefused(alice, { status: 409, code: "proposal_hash_mismatch" }, () =>
        accept(story, { proposal_hash: first }),
      );
      const { proposal_hash } = second.body;
      assert.equal((await accept(story, { proposal_hash })).body.escrow_held, 80);
      assert.equal((await accept(story, { proposal_hash })).body.escrow_held, 80, "held once");
      assert.deepEqual(await wallet(alice), [WALLET - 80, 80]);
      await assertRefused(alice, { status: 409, code: "conflict" }, () => propose(70, 90));
      const { body } = await alice.ask("POST", `/sessions/${id}/cancel`);
      assert.deepEqual([body.status, body.escrow_held], ["cancelled", 0]);
      assert.deepEqual(await wallet(alice), [WALLET, 0]);
    },

    async "a bill is sent once, within the ceiling, by the provider alone"(t, hall, slug) {
      const story = await briefed(t, hall, slug, undefined);
      const { alice, seller, id } = story;
      await agreed(story);
      const bill = (who: Member, total: number) =>
        who.ask("POST", `/sessions/${id}/invoice`, { total_credits: total });
      await assertRefused(seller, { status: 409, code: "session_not_active" }, () =>
        bill(seller, 9),
      );
      await alice.ask("POST", `/sessions/${id}/end`);
      await assertRefused(alice, { status: 403, code: "forbidden" }, () => bill(alice, 9));
      const over = { status: 422, code: "invoice_exceeds_ceiling" };
      await assertRefused(alice, over, () => bill(seller, 301));
      const billed = await bill(seller, 300);
      assert.deepEqual([billed.status, billed.body.total_credits], [201, 300]);
      await assertRefused(alice, { status: 409, code: "conflict" }, () => bill(seller, 299));
      await alice.ask("POST", `/sessions/${id}/accept-invoice`, {
        invoice_id: billed.body.invoice_id,
      });
      assert.deepEqual(await wallet(seller), [WALLET + 300, 0]);
      await assertRefused(alice, { status: 409, code: "session_not_active" }, () =>
        bill(seller, 1),
      );
    },

    async "cancelling the work refunds it; a bill cannot be cancelled away"(t, hall, slug) {
      const dropped = await briefed(t, hall, slug, 250n);
      await agreed(dropped);
      const { body } = await dropped.alice.ask("POST", `/sessions/${dropped.id}/cancel`);
      assert.deepEqual([body.status, body.escrow_held], ["cancelled", 0]);
      assert.deepEqual(await wallet(dropped.alice), [WALLET, 0]);
      const billed = await briefed(t, hall, `${slug}-more`, 250n);
      await agreed(billed);
      await billed.alice.ask("POST", `/sessions/${billed.id}/end`);
      await assertRefused(billed.alice, { status: 409, code: "session_not_active" }, () =>
        billed.alice.ask("POST", `/sessions/${billed.id}/cancel`),
      );
      const { invoice_id } = await invoiceOf(billed);
      await billed.alice.ask("POST", `/sessions/${billed.id}/accept-invoice`, { invoice_id });
      assert.deepEqual(await wallet(billed.alice), [WALLET - 250, 0]);
    },

    async "aborting before anything is agreed on costs nothing"(_t, hall, slug) {
      const owner = await hall.member(`${slug}@example.com`);
      const agentId = await register(owner, slug, META);
      const alice = await hall.member(`alice-${slug}@example.com`);
      // How clients that know no `open_quote` ask for one (contract A-32).
      const quote = { shape: "itemized", amount_credits: 0 };
      const { session_id: id, open_quote } = (await open(alice, agentId, { quote })).body;
      assert.equal(open_quote, true);
      await assertRefused(alice, { status: 404, code: "no_quote_proposed" }, () =>
        alice.ask("GET", `/sessions/${id}/quote-proposal`),
      );
      const hash = { proposal_hash: `sha256:${"0".repeat(64)}` };
      await assertRefused(alice, { status: 404, code: "no_quote_proposed" }, () =>
        alice.ask("POST", `/sessions/${id}/accept-quote`, hash),
      );
      await assertRefused(owner, { status: 403, code: "forbidden" }, () =>
        owner.ask("POST", `/sessions/${id}/accept-quote`, hash),
      );
      assert.equal((await alice.ask("POST", `/sessions/${id}/cancel`)).body.status, "cancelled");
      assert.deepEqual(await wallet(alice), [WALLET, 0]);
    },

    async "a ceiling that nobody can pay is not agreed on, and can be proposed anew"(
      _t,
      hall,
      slug,
    ) {
      const owner = await hall.member(`${slug}@example.com`);
      const agentId = await register(owner, slug, META);
      const alice = await hall.member(`alice-${slug}@example.com`);
      const { session_id: id } = (await open(alice, agentId, { open_quote: true })).body;
      const propose = async (max: number) => {
        const body = { amount_credits: 1, max_credits: max };
        return (await owner.ask("POST", `/sessions/${id}/quote-proposal`, body)).body.proposal_hash;
      };
      const accepts = (proposal_hash: string) =>
        alice.ask("POST", `/sessions/${id}/accept-quote`, { proposal_hash });
      const dear = await propose(100_001);
      await assertRefused(alice, { status: 402, code: "ceiling_exceeded" }, () => accepts(dear));
      const cheap = await propose(100);
      assert.equal((await accepts(cheap)).body.escrow_held, 100);
      await alice.ask("POST", `/sessions/${id}/cancel`);
      assert.deepEqual(await wallet(alice), [WALLET, 0]);
    },
  };

/** The hash that the contract prescribes, worked out here as a client would. */
function canonical(value: unknown): string {
  const sorted = (part: unknown): unknown => {
    if (Array.isArray(part)) return part.map(sorted);
    if (typeof part !== "object" || part === null) return part;
    const entries = Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
  };
  return `sha256:${createHash("sha256")
    .update(JSON.stringify(sorted(value)))
    .digest("hex")}`;
}
