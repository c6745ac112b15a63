/**
 * What nodes answer that is odd: what of it is an answer, what its caller is told of it, and what is
 * paid. A token of output is 0.01 credits, and a call one credit.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DATABASE_HOSTS, isSkipped } from "../support/database.ts";
import { startGuildhall } from "../support/guildhall.ts";
import { assertBooks, openAccount } from "./money.ts";
import { eventsOf, type Frame, startNode } from "./node.ts";
import { assertRefused, send } from "./support.ts";

const MODEL = "acme/odd";
const PRICE = { model: MODEL, input_usd: "0", output_usd: "100", request_usd: "0.01" };
const CREDITS_PER_TOKEN = 0.01;

interface Answer {
  /** Frames without their names of the run, each as it is written. */
  readonly frames: readonly string[];
  /** What a plain execution and a streamed one are paid with, in credits, or how they are refused. */
  readonly paid: readonly [plain: number | string, streamed: number | string];
  /** What is in the answer, to a plain execution and to a streamed one. */
  readonly output?: readonly [plain: unknown, streamed: unknown];
  /** Sequence numbers of the chunks that a streamed execution has. */
  readonly chunks?: readonly number[];
  /** What somebody reads who asks by OpenAI's wire and has it streamed. */
  readonly chat?: string;
}

const chunk = (sequence: number, text: string) =>
  JSON.stringify({ type: "execution.chunk", sequence, text });
const end = (fields: object) => JSON.stringify({ type: "execution.end", ...fields });
const cost = (tokens: number) => 1 + tokens * CREDITS_PER_TOKEN;

// biome-ignore format: read as a table
const ANSWERS: Readonly<Record<string, Answer>> = {
  "null is no answer": {
    frames: [end({ output: null })],
    paid: ["execution_failed", "execution_failed"],
  },
  "nor is nothing, with a report": {
    frames: [end({ usage: { input_tokens: 1, output_tokens: 50 } })],
    paid: ["execution_failed", "execution_failed"],
  },
  "pieces without the whole are an answer where they were asked for": {
    frames: [chunk(0, "four"), chunk(1, "more"), end({})],
    paid: ["execution_failed", cost(2)], output: [undefined, "fourmore"],
    chunks: [0, 1], chat: "fourmore",
  },
  "a text that came without pieces": {
    frames: [end({ output: 'say "x"\n' })],
    paid: [cost(2), cost(2)], output: ['say "x"\n', 'say "x"\n'],
    chunks: [], chat: 'say "x"\n',
  },
  "other JSON": {
    frames: [end({ output: { a: 1 } })],
    paid: [cost(2), cost(2)], output: [{ a: 1 }, { a: 1 }],
    chunks: [], chat: '{"a":1}',
  },
  "a text without any words": {
    frames: [end({ output: "" })],
    paid: [cost(0), cost(0)], output: ["", ""],
    chunks: [], chat: "",
  },
  "pieces of nothing": {
    frames: [chunk(0, ""), chunk(1, ""), chunk(2, "four"), end({ output: "four" })],
    paid: [cost(1), cost(1)], output: ["four", "four"],
    chunks: [0], chat: "four",
  },
  "only pieces of nothing": {
    frames: [chunk(0, ""), end({ output: "" })],
    paid: [cost(0), cost(0)], output: ["", ""],
    chunks: [], chat: "",
  },
  "a beginning in pieces": {
    frames: [chunk(0, "four"), end({ output: "four and" })],
    paid: [cost(2), cost(1)], output: ["four and", "four and"],
    chunks: [0], chat: "four and",
  },
  "half a character": {
    frames: ['{"type":"execution.end","output":"\\ud800"}'],
    paid: ["execution_failed", "execution_failed"],
  },
};

for (const host of DATABASE_HOSTS) {
  test(`odd answers of nodes (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const hall = await startGuildhall(t, host);
    const owner = await openAccount(hall, "owner@example.org");
    const ada = await openAccount(hall, "ada@example.org");
    await hall.admin("POST", "/prices", PRICE);
    let frames: readonly string[] = [];
    await startNode(t, hall, owner.key, {
      models: [MODEL],
      run({ request_id }: Frame, node) {
        const named = `{"request_id":"${request_id}",`;
        for (const frame of frames) node.socket.send(frame.replace("{", named));
      },
    });
    const post = async (path: string, body: object) => {
      const response = await fetch(hall.url + path, {
        method: "POST",
        headers: { authorization: `Bearer ${ada.key}`, "content-type": "application/json" },
        body: JSON.stringify({ model: MODEL, stream: true, ...body }),
      });
      return { status: response.status, text: await response.text() };
    };
    const asked = { instruction: "go", model: MODEL, timeout_ms: 20_000 };

    for (const [name, answer] of Object.entries(ANSWERS)) {
      await t.test(`${name}: asked for at once`, async () => {
        frames = answer.frames;
        const before = await ada.balance();
        const reply = await ada.ask("POST", "/v1/executions", asked);
        const [paid] = answer.paid;
        if (typeof paid === "string") assertRefused(reply, 502, paid);
        else assert.deepEqual(reply.body.output, answer.output?.[0], JSON.stringify(reply.body));
        assertPaid(before, await ada.balance(), paid);
      });

      await t.test(`${name}: streamed`, async () => {
        frames = answer.frames;
        const before = await ada.balance();
        const { text } = await post("/v1/executions", asked);
        const events = eventsOf(text);
        const [, paid] = answer.paid;
        const last = events.at(-1);
        if (typeof paid === "string") {
          assert.deepEqual(
            events.map(({ event }) => event),
            ["execution.error"],
            text,
          );
          assert.equal(last?.data.error, paid);
        } else {
          assert.deepEqual(last?.data.output, answer.output?.[1], text);
          const starts = events.filter(({ event }) => event === "execution.start");
          assert.equal(starts.length, 1, text);
          const chunks = events.filter(({ event }) => event === "execution.chunk");
          assert.deepEqual(
            chunks.map(({ data }) => data.sequence),
            answer.chunks,
            text,
          );
        }
        assertPaid(before, await ada.balance(), paid);
      });

      await t.test(`${name}: by another wire`, async () => {
        frames = answer.frames;
        const messages = [{ role: "user", content: "go" }];
        const { status, text } = await post("/v1/chat/completions", { messages });
        if (answer.chat === undefined) assert.equal(status, 502, text);
        else assert.equal(contentIn(text), answer.chat, text);
      });
    }

    await assertBooks(hall);
  });
}

test("what may cost more than its caller allows is refused with both amounts; so is a body with two answers", async (t) => {
  const hall = await startGuildhall(t, "any");
  const owner = await openAccount(hall, "owner@example.org");
  const ada = await openAccount(hall, "ada@example.org");
  await hall.admin("POST", "/prices", PRICE);
  const node = await startNode(t, hall, owner.key, { models: [MODEL] });
  const headers = { authorization: `Bearer ${ada.key}`, "guildhall-max-usd": "0.005" };
  const reply = await send(hall, "POST", "/v1/executions", { instruction: "go" }, headers);
  assertRefused(reply, 403, "budget_exceeded");
  assert.equal(
    reply.body.message,
    "This may cost 0.0101 US dollars before it answers, and you allow 0.005 for it.",
  );
  assert.deepEqual(reply.body.details, {
    required: { amount: 1.01, unit: "credits" },
    limit: { amount: 0.5, unit: "credits" },
  });
  const twice = '{"instruction":"go","labels":{},"instruction":"stay"}';
  const unclear = await ada.ask("POST", "/v1/executions", twice);
  assertRefused(unclear, 400, "invalid_request");
  assert.equal(unclear.body.details.field, "instruction");
  assert.deepEqual(
    node.frames.map(({ type }) => type),
    ["welcome"],
  );
});

test("who is busy, and alone, has failed; nobody is told that there is no such model", async (t) => {
  const hall = await startGuildhall(t, "any");
  const owner = await openAccount(hall, "owner@example.org");
  const ada = await openAccount(hall, "ada@example.org");
  let says: "busy" | "goodbye" = "busy";
  const run = ({ request_id }: Frame, node: { say(frame: object): void }) =>
    node.say(
      says === "busy"
        ? { type: "execution.error", request_id, error: "busy", message: "Not now." }
        : { type: "goodbye" },
    );
  await startNode(t, hall, owner.key, { models: [MODEL], run });
  const before = await ada.balance();
  for (says of ["busy", "goodbye"] as const) {
    const reply = await ada.ask("POST", "/v1/executions", { instruction: "go", model: MODEL });
    assertRefused(reply, 502, "execution_failed");
  }
  assert.equal(await ada.balance(), before);
});

function assertPaid(before: number, after: number, paid: number | string): void {
  const credits = typeof paid === "number" ? paid : 0;
  assert.equal(Math.round((before - after) * 1e4), Math.round(credits * 1e4));
}

/** What the chunks of a chat say together. */
function contentIn(text: string): string {
  return text
    .split("\n\n")
    .filter((event) => event.startsWith("data: {"))
    .map((event) => JSON.parse(event.slice("data: ".length)).choices[0]?.delta.content ?? "")
    .join("");
}
