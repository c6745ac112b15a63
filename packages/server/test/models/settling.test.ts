/** What is paid when a server dies in the middle of an answer, or is told to stop. */
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

for (const host of DATABASE_HOSTS) {
  test(`a server that is told to stop cuts what goes on for too long, which is paid as it came, on ${host}`, async (t) => {
    if (await isSkipped(t, host)) return;
    const world = await startModelWorld(t, host);
    const { hall, member } = world;
    const { postedMicros } = await world.wallet();
    const ask = (model: string) =>
      request(hall.url + CHAT, {
        method: "POST",
        headers: { authorization: `Bearer ${member.key}`, "content-type": "application/json" },
        body: JSON.stringify({ ...HELLO, model, stream: true }),
      });
    const { body } = await ask("oa/slow");
    let text = "";
    let stopped: Promise<void> | undefined;
    for await (const bytes of body) {
      text += String(bytes);
      stopped ??= hall.kill("SIGTERM");
    }
    await stopped;
    const last = text.split("\n\n").findLast((event) => event.startsWith("data: {")) ?? "";
    assert.match(last, /"code":"overloaded"/);
    await hall.restart();
    const spent = await world.spentSince(postedMicros);
    const words = BigInt(text.split("tok ").length - 1);
    // The words that came, and an input of some ten tokens.
    const [least, most] = [words * TOKEN_MICROS, words * TOKEN_MICROS + 200n];
    assert.ok(spent >= least && spent <= most, `${spent} micros for ${words} words`);
    await world.verify();
  });
}
