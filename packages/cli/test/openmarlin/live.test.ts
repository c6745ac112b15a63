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
