/** Top-ups (contract §8.5) on the development rail: its page, its buttons, and what is refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startSignIn } from "../sign-in/support.ts";
import { DATABASE_HOSTS, emptyDirectory, isSkipped, onEachHost } from "../support/database.ts";
import { type Guildhall, startGuildhall } from "../support/guildhall.ts";
import {
  type Account,
  assertBooks,
  assertSumIsBalance,
  openAccount,
  PLAY_CREDITS,
} from "./money.ts";
import { assertRefused, isPythonMissing, runClient, send } from "./support.ts";

const SESSIONS = "/v1/topup/sessions";

function press(hall: { readonly url: string }, id: string, button: string, headers = {}) {
  const path = `/dev/topup/${id.replace("topup_", "")}/${button}`;
  return fetch(hall.url + path, { method: "POST", redirect: "manual", headers });
}

for (const host of DATABASE_HOSTS) {
  test(`top-ups without money (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const hall = await startGuildhall(t, host);
    const ada = await openAccount(hall, "ada@example.org");
    await t.test("one is paid or fails, once", () => onceEither(hall, ada));
    await t.test("its page has two buttons for people", () => page(hall, ada));
    await t.test("amounts that are none are refused", () => badAmounts(ada));
    await t.test("others' and unknown ones are not found", () => strangers(hall, ada));
    await assertSumIsBalance(ada);
    await assertBooks(hall);
  });

  test(`the published client buys credit (${host})`, async (t) => {
    if ((await isSkipped(t, host)) || isPythonMissing(t)) return;
    const hall = await startGuildhall(t, host);
    const ada = await openAccount(hall, "ada@example.org");
    const home = await emptyDirectory(t);
    const run = (...args: string[]) => runClient(hall, [...args, "--api-key", ada.key], home);

    const created = await run("create-topup", "--amount", "12.5");
    assert.equal(created.code, 0, created.said);
    assert.deepEqual(created.printed.response.requested_amount, { amount: 12.5, unit: "credits" });
    const id = created.printed.response.topup_session_id;
    const waiting = run("topup-watch", "--session-id", id, "--interval-seconds", "0.1");
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.equal((await press(hall, id, "pay")).status, 200);
    const watched = await waiting;
    assert.equal(watched.code, 0, watched.said);
    assert.equal(watched.printed.response.status, "credit_applied");
    assert.equal(watched.printed.refreshed_balance.amount, PLAY_CREDITS + 12.5);
    const balance = await run("balance");
    assert.equal(balance.printed.balance.amount, PLAY_CREDITS + 12.5);

    const failed = (await run("create-topup", "--amount", "5")).printed.response.topup_session_id;
    await press(hall, failed, "fail");
    const told = await run("topup-watch", "--session-id", failed);
    assert.deepEqual([told.code, told.printed.response.status], [0, "payment_failed"]);
    const activity = await run("activity", "--limit", "1");
    assert.equal(activity.code, 0, activity.said);
    assert.equal(activity.printed.ledger_entries[0].type, "topup_credit");
    assert.deepEqual(activity.printed.usage_events, []);
    const shortage = JSON.stringify({
      ...{
        error_code: "insufficient_balance",
        message: "…",
        workspace_id: `ws_${ada.workspaceId}`,
      },
      current_balance: { amount: 0.25, unit: "credits" },
      required_balance: { amount: 1, unit: "credits" },
    });
    const explained = await run("explain-402", "--response-json", shortage, "--auto-recover");
    assert.equal(explained.code, 0, explained.said);
    assert.deepEqual(explained.printed.auto_recovered.requested_amount.amount, 0.75);
    const unknown = await run("topup-status", "--session-id", "topup_nothing");
    assert.deepEqual(
      [unknown.code, unknown.printed.response.error],
      [1, "topup_session_not_found"],
    );
  });
}

async function onceEither(hall: Guildhall, ada: Account): Promise<void> {
  const before = await ada.balance();
  const { status, body } = await ada.ask("POST", SESSIONS, { amount: 5.25 });
  assert.equal(status, 201);
  const id = body.topup_session_id;
  assert.deepEqual(
    [body.status, body.stripe_reference, body.credited_ledger_entry_id, body.completed_at],
    ["pending_payment", null, null, null],
  );
  assert.equal(body.workspace_id, `ws_${ada.workspaceId}`);
  const presses = await Promise.all(Array.from({ length: 10 }, () => press(hall, id, "pay")));
  assert.deepEqual(new Set(presses.map((response) => response.status)), new Set([200]));
  assert.equal((await press(hall, id, "fail")).status, 409, "what is paid stays paid");
  const done = (await ada.ask("GET", `${SESSIONS}/${id}`)).body;
  assert.equal(done.status, "credit_applied");
  assert.equal(await ada.balance(), before + 5.25);

  const other = (await ada.ask("POST", SESSIONS, { amount: 7 })).body.topup_session_id;
  assert.equal((await press(hall, other, "fail")).status, 200);
  assert.equal((await press(hall, other, "fail")).status, 200);
  assert.equal((await press(hall, other, "pay")).status, 409);
  await assert.rejects(hall.admin("POST", `/topups/${other.slice(6)}/pay`, {}), /conflict/);
  const failed = (await ada.ask("GET", `${SESSIONS}/${other}`)).body;
  assert.equal(failed.status, "payment_failed");
  assert.equal(failed.credited_ledger_entry_id, null);
  assert.ok(failed.completed_at >= failed.created_at);
  assert.equal(await ada.balance(), before + 5.25);
}

async function page(hall: Guildhall, ada: Account): Promise<void> {
  const { body } = await ada.ask("POST", SESSIONS, { amount: 3 });
  const id = body.topup_session_id;
  assert.ok(body.checkout_url.startsWith(`${hall.url}/dev/topup/`));
  const html = await (await fetch(body.checkout_url)).text();
  assert.match(html, /Top up by 0\.03 USD/);
  assert.match(html, /\/pay"><button class="full">Pay</);
  const evil = await press(hall, id, "pay", { origin: "https://evil.example" });
  assert.equal(evil.status, 403, "another site's page presses no buttons");
  const pressed = await press(hall, id, "pay", { origin: hall.url, accept: "text/html,*/*" });
  assert.deepEqual(
    [pressed.status, pressed.headers.get("location")],
    [303, new URL(body.checkout_url).pathname],
  );
  assert.match(await (await fetch(body.checkout_url)).text(), /It is paid/);
  for (const path of ["/app/topup/paid", "/app/topup/cancelled"]) {
    assert.equal((await fetch(hall.url + path)).status, 200);
  }
}

async function badAmounts(ada: Account): Promise<void> {
  const before = await ada.balance();
  const bodies = [
    ...[0, -1, -0.01, 0.001, 1.005, 1_000_000.01, 1e308, 1_000_001].map((amount) => ({ amount })),
    ...["5", true, null, [5], { amount: 5 }].map((amount) => ({ amount })),
    {},
    { amount: 5, workspace_id: "ws_1" },
    '{"amount":NaN}',
    '{"amount":Infinity}',
    '{"amount":1e999}',
    '{"amount":5',
    "[5]",
    "5",
    "",
    "\u0000",
  ];
  for (const body of bodies) {
    assertRefused(await ada.ask("POST", SESSIONS, body), 400, "invalid_request");
  }
  const large = JSON.stringify({ amount: 5, pad: "x".repeat(1_100_000) });
  assertRefused(await ada.ask("POST", SESSIONS, large), 413, "payload_too_large");
  const most = await ada.ask("POST", SESSIONS, { amount: 1_000_000 });
  assert.equal(most.status, 201);
  assert.equal((await ada.ask("POST", SESSIONS, '{"amount":5.0}')).status, 201);
  assert.equal(await ada.balance(), before, "asking costs nothing and gives nothing");
}

async function strangers(hall: Guildhall, ada: Account): Promise<void> {
  const eve = await openAccount(hall, "eve@example.org");
  const { topup_session_id: id } = (await ada.ask("POST", SESSIONS, { amount: 1 })).body;
  const paths = [id, id.slice(6), "topup_", `topup_${"0".repeat(24)}`, "%00", "..%2F..", "topup_é"];
  for (const [index, path] of paths.entries()) {
    const asker = index === 0 ? eve : ada;
    const reply = await asker.ask("GET", `${SESSIONS}/${path}`);
    assertRefused(reply, 404, "topup_session_not_found");
  }
  assertRefused(await send(hall, "GET", `${SESSIONS}/${id}`), 401, "missing_api_key");
  assertRefused(await send(hall, "POST", SESSIONS, { amount: 1 }), 401, "missing_api_key");
  assertRefused(await ada.ask("GET", SESSIONS), 405, "method_not_allowed");
  for (const unknown of ["0".repeat(24), "nonsense", "%00"]) {
    assert.equal((await press(hall, unknown, "pay")).status, 404);
  }
}

onEachHost("a production server has no rail without money", async (t, database) => {
  const server = await startSignIn(t, database, { mode: "production" });
  const member = await server.core.members.create({ email: "ada@example.org" });
  const { caller } = await server.core.callers.ofMember(member.id);
  await assert.rejects(
    server.core.topups.open(caller, { amountMicros: 1_000_000n, isPaidLater: true }),
    { code: "forbidden" },
  );
  for (const path of ["", "/pay", "/fail"]) {
    const method = path === "" ? "GET" : "POST";
    const response = await fetch(`${server.url}/dev/topup/${"0".repeat(24)}${path}`, { method });
    assert.equal(response.status, 404);
  }
});
