/** Calls whose caller is at one server and whose node at another, while the bus between them is away. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { request } from "undici";
import { until } from "../links/support.ts";
import { type Frame, type NodeClient, startNode } from "../openmarlin/node.ts";
import { freePort } from "../support/free-port.ts";
import type { Guildhall } from "../support/guildhall.ts";
import { balanceOf } from "../support/hire.ts";
import { startNats } from "../support/nats.ts";
import { startTwo } from "../support/two-servers.ts";

const MODEL = "acme/slow-1";
/** A token each, and what it costs in credits: a credit is 100 micros. */
const WORD = "tok ";
const WORD_CREDITS = 2;
const WORDS = 30;
const WORD_MS = 50;

test("a bus that goes away ends streams across it as cut off, and later ones come whole", async (t) => {
  const port = await freePort();
  const nats = await startNats(t, port);
  const servers = nats && (await startTwo(t, "none", { NATS_URL: `nats://127.0.0.1:${port}` }));
  if (!servers) return;
  const [here, there] = servers;
  const owner = await there.member("owner@example.com");
  await startNode(t, there, owner.key, { models: [MODEL], run: talk });
  const price = { input_usd: "0", output_usd: String(WORD_CREDITS * 100) };
  await here.admin("POST", "/prices", { model: MODEL, ...price });
  const alice = await here.member("alice@example.com");
  const spent = async () => 1_000_000 - (await balanceOf(alice)).available;
  const ask = (words: string) => stream(here, alice.key, words);
  await until(async () => (await warningsOf(here)).length + (await warningsOf(there)).length === 0);

  const cut = await ask("for ever");
  await until(() => cut.text().includes(WORD));
  nats.kill("SIGKILL");
  await until(async () => (await warningsOf(here)).length * (await warningsOf(there)).length > 0);
  const whole = await ask("some");
  await whole.ended;
  assert.equal(wordsIn(whole.text()), WORDS);
  assert.equal(piecesIn(whole.text()), 1, "what nothing but the database carries comes as one");
  await cut.ended;
  assert.match(cut.text(), /"code":"model_failed"/, "nobody cancelled it");
  // One word may have come whose receipt was lost.
  const paid = (await spent()) / WORD_CREDITS - WORDS;
  const heard = wordsIn(cut.text());
  assert.ok(paid === heard || paid === heard - 1, `${paid} words paid, ${heard} heard`);

  assert.ok(await startNats(t, port));
  await until(
    async () => (await warningsOf(here)).length + (await warningsOf(there)).length === 0,
    20_000,
  );
  const again = await ask("some");
  await again.ended;
  assert.equal(wordsIn(again.text()), WORDS);
  assert.ok(piecesIn(again.text()) > 1, "it is streamed again");
  const verdict = await here.admin("GET", "/ledger/verify");
  assert.equal(verdict.ok, true, JSON.stringify(verdict));
});

/** A word every so often: so many, or until nobody wants any more. */
function talk({ request_id, instruction, stream }: Frame, node: NodeClient): void {
  node.say({ type: "execution.accepted", request_id });
  let said = 0;
  const isCancelled = () =>
    node.frames.some(
      ({ type, request_id: id }) => type === "execution.cancel" && id === request_id,
    );
  const timer = setInterval(() => {
    if (isCancelled() || node.socket.readyState !== node.socket.OPEN) return clearInterval(timer);
    if (instruction !== "for ever" && said === WORDS) {
      clearInterval(timer);
      node.say({ type: "execution.end", request_id, output: WORD.repeat(said) });
      return;
    }
    if (stream) node.say({ type: "execution.chunk", request_id, sequence: said, text: WORD });
    said += 1;
  }, WORD_MS);
}

async function stream(hall: Guildhall, key: string, words: string) {
  let text = "";
  const asking = await request(`${hall.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({
      ...{ model: MODEL, stream: true },
      messages: [{ role: "user", content: words }],
    }),
  });
  const read = async () => {
    for await (const bytes of asking.body) text += String(bytes);
  };
  return { ended: read(), text: () => text };
}

function wordsIn(text: string): number {
  return text.split(WORD).length - 1;
}

function piecesIn(text: string): number {
  return text.split("\n\n").filter((event) => event.includes(WORD)).length;
}

async function warningsOf(hall: Guildhall): Promise<readonly string[]> {
  const response = await fetch(`${hall.url}/readyz`);
  const { warnings } = (await response.json()) as { warnings: string[] };
  assert.equal(response.status, 200, "it is ready all the same");
  return warnings;
}
