/** The scripts against a whole server of ours, beside the Python client: money that was really spent. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { PLAY_CREDITS } from "../../../server/test/openmarlin/money.ts";
import { isPythonMissing, runClient } from "../../../server/test/openmarlin/support.ts";
import { invoke, sell } from "../../../server/test/support/hire.ts";
import { type Hall, inEachHall } from "../hall.ts";
import { desk } from "./scripts.ts";

/** Ada, with a key, at her desk; and the Python client in the same home. */
async function ada(t: TestContext, hall: Hall) {
  const email = "ada@example.org";
  const member = await hall.server.member(email);
  const made = await hall.server.admin("POST", "/keys", { email, kind: "claw_wsk", label: "desk" });
  const key = String(made.key);
  const one = desk(t, {
    OPENMARLIN_SERVER_URL: hall.server.url,
    OPENMARLIN_PLATFORM_API_KEY: key,
  });
  const theirs = (...args: string[]) =>
    runClient(hall.server, [...args, "--api-key", key], one.home);
  return { member, key, theirs, ...one };
}

inEachHall("balance and activity are what was spent", async (t, hall) => {
  const { billing, theirs, member, key } = await ada(t, hall);
  const seller = await sell(t, hall.server, { slug: "node-a", priceCredits: 45 });
  assert.equal((await invoke(member, seller.agentId)).status, 200);
  // 45 credits of LinkedClaw's are 0.45 credits here.
  const left = PLAY_CREDITS - 0.45;
  const balance = await billing("balance");
  assert.equal(balance.code, 0, balance.stderr);
  assert.ok(balance.stdout.includes(`Authoritative balance: ${left} credits\n`), balance.stdout);
  assert.ok(balance.stdout.includes(`Workspace ID: ws_`));
  const activity = await billing("activity");
  assert.match(
    activity.stdout,
    /capability=\S+ status=settled provider=node-a request=\S+ units=1 final_debit=0\.45 credits/,
  );
  assert.match(activity.stdout, /type=usage_debit status=posted amount=-0\.45 credits/);
  assert.match((await billing("history")).stdout, /none/);

  for (const other of [`${key.slice(0, -1)}${key.endsWith("A") ? "B" : "A"}`, "claw_wsk_nobody"]) {
    const refused = await billing("balance", "--api-key", other);
    assert.deepEqual([refused.code, refused.stdout], [1, ""]);
    assert.match(
      refused.stderr,
      /^HTTP 401 invalid_api_key: The server does not know this API key\./,
    );
  }

  if (isPythonMissing(t)) return;
  const ours = (await billing("activity", "--json")).json;
  const told = (await theirs("activity")).printed;
  assert.deepEqual(ours.usage_events, told.usage_events);
  assert.deepEqual(ours.ledger_entries, told.ledger_entries);
  assert.equal((await theirs("balance")).printed.balance.amount, left);
});

inEachHall("a top-up is made, paid elsewhere, and in the balance", async (t, hall) => {
  const { billing, start, theirs } = await ada(t, hall);
  const press = async (id: string, button: "pay" | "fail") => {
    const path = `/dev/topup/${id.replace("topup_", "")}/${button}`;
    const response = await fetch(hall.server.url + path, { method: "POST" });
    assert.equal(response.status, 200, await response.text());
  };
  const created = await billing("create-topup", "--amount", "12.5");
  assert.equal(created.code, 0, created.stderr);
  const [, id = ""] = /^Top-up session ID: (topup_\w+)$/m.exec(created.stdout) ?? [];
  assert.ok(created.stdout.includes(`Checkout URL: ${hall.server.url}/dev/topup/`), created.stdout);
  assert.match(created.stdout, /Requested amount: 12\.5 credits\nStatus: pending_payment\n/);
  const session = ["--session-id", id];
  const late = await billing("watch", ...session, "--timeout-seconds", "0");
  assert.deepEqual([late.code, late.stdout], [1, ""]);
  assert.match(late.stderr, /still pending_payment after 0 s/);

  const waiting = start("billing", ["watch", ...session, "--interval-seconds", "0.1"]);
  await press(id, "pay");
  const { code, stdout } = await waiting.finished;
  assert.equal(code, 0);
  const balance = PLAY_CREDITS + 12.5;
  assert.match(stdout, /Status: credit_applied\n/);
  assert.ok(stdout.endsWith(`Refreshed balance: ${balance} credits (estimated=no)\n`), stdout);
  assert.match(
    (await billing("activity", "--limit", "1")).stdout,
    /type=topup_credit status=posted amount=12\.5 credits/,
  );

  const lack = {
    ...{ error_code: "insufficient_balance", message: "Not enough.", workspace_id: "ws_1" },
    current_balance: { amount: 0.001, unit: "credits" },
    required_balance: { amount: 1, unit: "credits" },
  };
  const response = ["--response-json", JSON.stringify(lack)];
  const recovered = await billing("explain-402", ...response, "--auto-recover", "--json");
  assert.equal(recovered.code, 0, recovered.stderr);
  assert.equal(recovered.json.recovery.shortfall.amount, 0.999);
  assert.equal(recovered.json.auto_recovered.requested_amount.amount, 1, "in whole hundredths");
  const other = recovered.json.auto_recovered.topup_session_id;
  await press(other, "fail");
  const failed = await billing("watch", "--session-id", other);
  assert.deepEqual([failed.code, /Status: (\w+)/.exec(failed.stdout)?.[1]], [0, "payment_failed"]);
  const tooMuch = await billing("create-topup", "--amount", "0.001");
  assert.deepEqual([tooMuch.code, tooMuch.stdout], [1, ""]);
  assert.match(tooMuch.stderr, /^HTTP 400 invalid_request: [^\n]*\n$/);
  const history = (await billing("history", "--json")).json.sessions;
  assert.deepEqual(history.map((topup: { status: string }) => topup.status).sort(), [
    "credit_applied",
    "payment_failed",
  ]);

  if (isPythonMissing(t)) return;
  const told = (await theirs("topup-status", ...session)).printed;
  assert.equal(told.refreshed_balance.amount, balance);
  assert.equal((await theirs("history")).printed.sessions.length, 2);
});

inEachHall("a referral link is one's own, and nobody has come by a new one", async (t, hall) => {
  const { billing, theirs } = await ada(t, hall);
  const { code, stdout, stderr } = await billing("referral-link");
  assert.equal(code, 0, stderr);
  const [, own = ""] = /^Referral code: (\S+)$/m.exec(stdout) ?? [];
  assert.match(own, /^[A-Z2-9]{8}$/);
  assert.match(stdout, new RegExp(`^Referral link: http\\S+${own}$`, "m"));
  assert.match(stdout, /^Attribution summary: signed_up=0 qualified=0 rewarded=0$/m);
  if (isPythonMissing(t)) return;
  const { json } = await billing("referral-link", "--json");
  assert.deepEqual(json.referral, (await theirs("referral-link")).printed.referral);
});
