/** When an answer came is what counts, not when somebody has looked at it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startGuildhall } from "../support/guildhall.ts";
import { invoke, sell } from "../support/hire.ts";

const DEADLINE_SECONDS = 5;
/** So late that checking it, which takes two seconds, goes on beyond the deadline. */
const ANSWER_AFTER_MS = 4_200;

test("an answer that came in time is not late because checking it takes long", async (t) => {
  const hall = await startGuildhall(t, "any");
  const seller = await sell(t, hall, {
    meta: { output_schema: { properties: { a: { type: "string", pattern: "^(a+)+$" } } } },
    async handler() {
      await new Promise((resolve) => setTimeout(resolve, ANSWER_AFTER_MS));
      return { output: { a: `${"a".repeat(60)}!` } };
    },
  });
  const alice = await hall.member("alice@example.com");
  const { status, body } = await invoke(alice, seller.agentId, {
    timeout_seconds: DEADLINE_SECONDS,
  });
  assert.equal(body.code, "subagent_bad_output", `${status} ${JSON.stringify(body)}`);
});
