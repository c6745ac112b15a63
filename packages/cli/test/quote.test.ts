/** Open quotes: what is asked of a server for them, by whoever hires and whoever is hired. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openSessionCloud, refused } from "./session-cloud.ts";
import { answerOf, errorOf } from "./support.ts";

const PROPOSAL = {
  shape: "itemized",
  amount_credits: 120,
  max_credits: 200,
  proposal_hash: "sha256:1",
};
const INVOICE = { invoice_id: "inv_1", total_credits: 140, line_items: [{ text: "hours" }] };

test("a price that is not there yet can be waited for, and is a failure where it does not come", async (t) => {
  const cloud = await openSessionCloud(t);
  let missing = 2;
  cloud.script = ({ url }) => {
    const isInvoice = url.pathname.endsWith("/invoice");
    if (missing-- > 0)
      return refused(404, isInvoice ? "no_invoice_submitted" : "no_quote_proposed");
    return { body: isInvoice ? INVOICE : PROPOSAL };
  };
  const early = errorOf(await cloud.linkedclaw(["get-quote-proposal", "ses_1"]));
  assert.equal(early.code, "no_quote_proposed");
  assert.match(early.hint ?? "", /--wait/);
  const proposal = await cloud.linkedclaw(["get-quote-proposal", "ses_1", "--wait", "60"]);
  assert.deepEqual(answerOf(proposal), PROPOSAL);
  missing = 9;
  const late = await cloud.linkedclaw(["get-invoice", "ses_1", "--wait", "1"]);
  assert.equal(errorOf(late).code, "no_invoice_submitted");
  missing = 0;
  assert.deepEqual(answerOf(await cloud.linkedclaw(["get-invoice", "ses_1"])), INVOICE);
  cloud.script = () => refused(404, "invalid_session_id");
  const gone = await cloud.linkedclaw(["get-invoice", "ses_1", "--wait", "600"]);
  assert.equal(errorOf(gone).code, "invalid_session_id", "it is not waited for");
});

test("each side says its part in this wire's words", async (t) => {
  const cloud = await openSessionCloud(t);
  cloud.script = () => ({ body: {} });
  const commands = [
    ["accept-quote", "ses_1", "--proposal-hash", "sha256:1", "--silent-consent-bound", "150"],
    ["accept-invoice", "ses_1", "--invoice-id", "inv_1"],
    ["submit-quote", "ses_1", "--amount-credits", "120", "--max-credits", "200", "--note", "hours"],
    ["submit-invoice", "ses_1", "--total-credits", "140", "--line-items", '[{"text":"hours"}]'],
    ["flag", "ses_1", "--reason", "abuse", "--note", "more"],
  ];
  for (const args of commands) answerOf(await cloud.linkedclaw(args));
  const said = cloud.received.map(({ url, body }) => [url.pathname.slice(23), JSON.parse(body)]);
  assert.deepEqual(said, [
    ["accept-quote", { proposal_hash: "sha256:1", silent_consent_bound: 150 }],
    ["accept-invoice", { invoice_id: "inv_1" }],
    ["quote-proposal", { shape: "itemized", amount_credits: 120, max_credits: 200, note: "hours" }],
    ["invoice", { total_credits: 140, line_items: [{ text: "hours" }] }],
    ["flag", { reason: "abuse", note: "more" }],
  ]);
  errorOf(await cloud.linkedclaw(["accept-quote", "ses_1"]), 2);
  errorOf(
    await cloud.linkedclaw([
      "submit-invoice",
      "ses_1",
      "--total-credits",
      "1",
      "--line-items",
      "{}",
    ]),
    2,
  );
});

test("people read the price, and what comes next", async (t) => {
  const cloud = await openSessionCloud(t);
  cloud.script = ({ url }) => ({ body: url.pathname.endsWith("/invoice") ? INVOICE : PROPOSAL });
  const { stdout } = await cloud.linkedclaw(["get-quote-proposal", "ses_1", "--human"]);
  assert.match(stdout, /max credits +200/);
  assert.match(stdout, /next {2}linkedclaw accept-quote ses_1 --proposal-hash sha256:1\n$/);
  const invoice = await cloud.linkedclaw(["get-invoice", "ses_1", "--human"]);
  assert.match(
    invoice.stdout,
    /total credits +140[\s\S]*hours[\s\S]*accept-invoice ses_1 --invoice-id inv_1/,
  );
});
