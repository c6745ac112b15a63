/** A mandate is a budget: all tasks under it together cost no more than it says, however they come. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DATABASE_HOSTS, isSkipped } from "../support/database.ts";
import { startGuildhall } from "../support/guildhall.ts";
import { asker, create } from "./support.ts";

const TASK_CREDITS = 20;

for (const host of DATABASE_HOSTS) {
  test(`thirty tasks at once under a mandate for three (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const hall = await startGuildhall(t, host);
    const alice = await asker(hall, 3 * TASK_CREDITS + 19);
    const answers = await Promise.all(Array.from({ length: 30 }, () => create(alice)));
    const opened = answers.filter(({ status }) => status === 201);
    const refused = answers.filter(({ body }) => body.code === "mandate_invalid");
    assert.deepEqual([opened.length, refused.length], [3, 27]);
    const spent = async () => {
      const { body } = await alice.member.ask("GET", `/mandates/${alice.mandateId}`);
      return [body.max_credits, body.spent_credits];
    };
    assert.deepEqual(await spent(), [79, 60]);

    // What a cancelled task did not cost may be given out again, and once.
    const path = `/gig-tasks/${opened[0]?.body.task_id}/cancel`;
    const { status } = await alice.member.ask("POST", path, {});
    assert.equal(status, 200);
    assert.deepEqual(await spent(), [79, 40]);
    const again = await Promise.all(Array.from({ length: 5 }, () => create(alice)));
    assert.equal(again.filter(({ status }) => status === 201).length, 1);
    const verdict = await hall.admin("GET", "/ledger/verify?full=1");
    assert.equal(verdict.ok, true, JSON.stringify(verdict));
  });
}
