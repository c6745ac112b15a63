/** What is paid when a server dies in the middle, and when many ask at once for what few can have. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { request } from "undici";
import { DATABASE_HOSTS, isSkipped } from "../support/database.ts";
import { startModelWorld } from "./support.ts";

const HELLO = { model: "oa/gpt", messages: [{ role: "user", content: "Hello!" }] };
const CHAT = "/v1/chat/completions";
/** Micros for a token of output. */
const TOKEN_MICROS = 20n;

for (const host of DATABASE_HOSTS) {
  test(`a server that is killed in the middle of an answer charges what it had noted, on ${host}`, async (t) => {
    if (await isSkipped(t, host)) return;
    const world = await startModelWorld(t, host);
    const { hall, member } = world;
    const { postedMicros } = await world.wallet();
    const { body } = await request(hall.url + CHAT, {
      method: "POST",
      headers: { authorization: `Bearer ${member.key}`, "content-type": "application/json" },
      body: JSON.stringify({ ...HELLO, model: "oa/slow", stream: true }),
    });
    let words = 0;
    // Three seconds of words: what was noted last is a second old at most.
    const until = performance.now() + 3_000;
    try {
      for await (const bytes of body) {
        words += String(bytes).split("tok ").length - 1;
        if (performance.now() > until) await hall.kill("SIGKILL");
      }
    } catch {
      // The connection broke, as it does when a server is killed.
    }
    await hall.restart();
    const spent = await world.spentSince(postedMicros);
    assert.ok(spent > 0n, `nothing was paid for ${words} words`);
    // What was written and never arrived is in flight: a few words, not seconds of them.
    const most = BigInt(words + 50) * TOKEN_MICROS + 200n;
    assert.ok(spent <= most, `${spent} micros for ${words} words`);
    await world.verify();
  });
}

test("of many who ask at once only so many are answered as the budget has room for", async (t) => {
  const world = await startModelWorld(t, "embedded");
  const { hall } = world;
  const budget = 50_000n;
  const bob = await hall.member("bob@example.com", { prepaid_usd: "0.05" });
  const headers = { authorization: `Bearer ${bob.key}` };
  const answers = await Promise.all(
    Array.from({ length: 300 }, () => world.post(CHAT, { ...HELLO, max_tokens: 100 }, headers)),
  );
  const answered = answers.filter(({ status }) => status === 200);
  const refused = answers.filter(({ status }) => status === 402);
  assert.equal(answered.length + refused.length, 300);
  assert.ok(refused.every(({ json }) => json.error.code === "spend_limit_reached"));
  assert.ok(answered.length > 0);
  // A call is counted at more than is held for it, so each is paid with what was held.
  const each = 2_000n;
  assert.ok(BigInt(answered.length) * each <= budget, `${answered.length} were answered`);
  assert.ok(BigInt(answered.length + 1) * (each + 200n) > budget, `only ${answered.length} were`);
  assert.equal(world.upstream.asked.length, answered.length, "who was refused was not asked for");
  await world.verify();
});
