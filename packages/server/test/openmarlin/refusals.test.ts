/** Refusals that no endpoint of billing can bring about by itself: the whole of a 402. */
import assert from "node:assert/strict";
import { Hono } from "hono";
import { issueKey } from "../../src/core/key.ts";
import { systemRandom } from "../../src/lib/random.ts";
import { createCredits } from "../../src/surfaces/openmarlin/credits.ts";
import { refuse } from "../../src/surfaces/openmarlin/refusal.ts";
import { authenticated, callerOf } from "../../src/surfaces/shared/caller.ts";
import { onEachHost } from "../support/database.ts";
import { openBank } from "../wallet/support.ts";

onEachHost("a 402 says whose wallet, what is there and what is needed", async (t, database) => {
  const bank = openBank(t, database);
  const ada = await bank.member("ada");
  await bank.spend(ada, 99_999_900n);
  const { secret } = await database.transaction((tx) =>
    issueKey(tx, bank.clock, systemRandom, {
      workspaceId: ada.workspaceId,
      kind: "claw_wsk",
      label: "test",
    }),
  );
  const credits = createCredits(10_000n);
  const app = new Hono();
  app.onError((error, c) => refuse(c, error, { wallets: bank.wallets, credits }));
  app.post("/payout", authenticated(bank.callers), async (c) =>
    c.json(await bank.payouts.request(callerOf(c), 2_500n)),
  );
  const response = await app.request("/payout", {
    method: "POST",
    headers: { authorization: `Bearer ${secret}` },
  });
  assert.equal(response.status, 402);
  assert.deepEqual(await response.json(), {
    error_code: "insufficient_balance",
    error: "insufficient_balance",
    message: "This needs 0.25 credits, and 0.01 are available.",
    workspace_id: `ws_${ada.workspaceId}`,
    current_balance: { amount: 0.01, unit: "credits" },
    required_balance: { amount: 0.25, unit: "credits" },
  });
});
