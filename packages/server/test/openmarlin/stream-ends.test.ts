/**
 * How streamed executions end, and what is paid for each: real sockets, cut at every point.
 *
 * The model costs 0.01 credits a token of output (100 US dollars a million), so that what was handed on
 * can be read off the wallet; its input costs nothing.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { NO_RATES } from "../../src/domain/token-price.ts";
import { upsertModelPrice } from "../../src/store/model-price.ts";
import { DATABASE_HOSTS, type DatabaseHost, isSkipped } from "../support/database.ts";
import { type Guildhall, startGuildhall } from "../support/guildhall.ts";
import { type Account, assertBooks, openAccount, PLAY_CREDITS } from "./money.ts";
import { eventsOf, type Frame, type NodeClient, startNode } from "./node.ts";

const MODEL = "acme/stream";
/** Four bytes, which we count as a token. */
const TOKEN = "abc ";
const CREDITS_PER_TOKEN = 0.01;

interface World {
  readonly hall: Guildhall;
  readonly ada: Account;
  readonly node: NodeClient;
  /** What the node is asked that no test is done with. */
  request(): Promise<Frame>;
}

async function openWorld(t: TestContext, host: DatabaseHost): Promise<World> {
  const hall = await startGuildhall(t, host);
  const owner = await openAccount(hall, "owner@example.org");
  const ada = await openAccount(hall, "ada@example.org");
  const price = { ...NO_RATES, model: MODEL, outputMicros: 100_000_000n };
  await hall.asleep((database) => upsertModelPrice(database, price, new Date()));
  const node = await startNode(t, hall, owner.key, { models: [MODEL] });
  return {
    ...{ hall, ada, node },
    request: () =>
      node.next(
        ({ type, request_id }) => type === "execution.request" && !answered.has(request_id),
      ),
  };
}

/** Requests that a test is done with. */
const answered = new Set<string>();

interface Reading {
  /** Resolves once this much text was read. */
  untilText(length: number): Promise<void>;
  leave(): void;
  /** All events, once the stream has ended. */
  readonly events: Promise<readonly { event: string; data: Frame }[]>;
}

async function stream(
  { hall, ada }: World,
  headers: Record<string, string> = {},
): Promise<Reading> {
  const leaving = new AbortController();
  const response = await fetch(`${hall.url}/v1/executions`, {
    method: "POST",
    signal: leaving.signal,
    headers: { authorization: `Bearer ${ada.key}`, ...headers },
    body: JSON.stringify({ instruction: "go on", model: MODEL, stream: true, timeout_ms: 60_000 }),
  });
  assert.equal(response.status, 200);
  let text = "";
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const bytes of response.body ?? []) text += decoder.decode(bytes, { stream: true });
    return text;
  })();
  const events = reading.then(eventsOf);
  // Whoever leaves, or is left, reads no end.
  events.catch(() => undefined);
  const handed = () =>
    eventsOf(text)
      .filter(({ event }) => event === "execution.chunk")
      .reduce((sum, { data }) => sum + data.text.length, 0);
  return {
    async untilText(length) {
      while (handed() < length) await new Promise((resolve) => setTimeout(resolve, 10));
    },
    leave: () => leaving.abort(),
    events,
  };
}

/** What the node does once it is asked, and what the wallet has paid for it, in tokens. */
interface Ending {
  readonly name: string;
  readonly paidTokens: number;
  readonly act: (world: World, reading: Reading, request: Frame) => Promise<void>;
  /** The last event of the stream, where somebody is there to read it. */
  readonly last?: string;
}

const say = (node: NodeClient, request: Frame, tokens: number) => {
  for (let sequence = 0; sequence < tokens; sequence++) {
    node.say({ type: "execution.chunk", request_id: request.request_id, sequence, text: TOKEN });
  }
};
const usage = (tokens: number) => ({ input_tokens: 2, cached_tokens: 0, output_tokens: tokens });

const ENDINGS: readonly Ending[] = [
  {
    name: "completed, with a report",
    ...{ paidTokens: 7, last: "execution.end" },
    async act({ node }, _reading, { request_id }) {
      say(node, { request_id }, 5);
      node.say({ type: "execution.end", request_id, output: TOKEN.repeat(5), usage: usage(7) });
    },
  },
  {
    name: "completed, without a report",
    ...{ paidTokens: 5, last: "execution.end" },
    async act({ node }, _reading, { request_id }) {
      say(node, { request_id }, 5);
      node.say({ type: "execution.end", request_id, output: TOKEN.repeat(5) });
    },
  },
  {
    name: "completed, with a report beyond all bounds",
    // What is held: 4,096 tokens.
    ...{ paidTokens: 4_096, last: "execution.end" },
    async act({ node }, _reading, { request_id }) {
      say(node, { request_id }, 1);
      node.say({ type: "execution.end", request_id, output: TOKEN, usage: usage(10 ** 9) });
    },
  },
  {
    name: "failed before its first byte",
    ...{ paidTokens: 0, last: "execution.error" },
    async act({ node }, _reading, { request_id }) {
      node.say({ type: "execution.error", request_id, error: "boom", message: "no" });
    },
  },
  {
    name: "failed in the middle",
    ...{ paidTokens: 3, last: "execution.error" },
    async act({ node }, _reading, { request_id }) {
      say(node, { request_id }, 3);
      node.say({ type: "execution.error", request_id, error: "boom", message: "no" });
    },
  },
  {
    name: "whoever asked left before its first byte",
    paidTokens: 0,
    async act({ node }, reading, { request_id }) {
      reading.leave();
      await node.next(
        (frame) => frame.type === "execution.cancel" && frame.request_id === request_id,
      );
    },
  },
  {
    name: "whoever asked left in the middle",
    paidTokens: 4,
    async act({ node }, reading, { request_id }) {
      say(node, { request_id }, 4);
      await reading.untilText(4 * TOKEN.length);
      // The chunk before was taken once the next was asked for.
      await new Promise((resolve) => setTimeout(resolve, 200));
      reading.leave();
      await node.next(
        (frame) => frame.type === "execution.cancel" && frame.request_id === request_id,
      );
    },
  },
];

for (const host of DATABASE_HOSTS) {
  test(`what is paid when a stream ends in each way (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const world = await openWorld(t, host);
    for (const { name, paidTokens, act, last } of ENDINGS) {
      await t.test(name, async () => {
        const before = await world.ada.balance();
        const reading = await stream(world);
        const request = await world.request();
        answered.add(request.request_id);
        await act(world, reading, request);
        if (last) {
          const events = await reading.events;
          assert.equal(events.at(-1)?.event, last);
          const terminal = events.filter(({ event }) => /end|error/.test(event));
          assert.equal(terminal.length, 1, "one terminal event");
          assert.match(String(terminal[0]?.data.request_id), /^req_/);
        }
        await settled(world);
        assertPaid(before - (await world.ada.balance()), paidTokens);
      });
    }

    await t.test("cut where it had come to what the caller allows", async () => {
      const before = await world.ada.balance();
      // 0.5 credits, for which there are 50 tokens.
      const reading = await stream(world, { "guildhall-max-usd": "0.005" });
      const request = await world.request();
      answered.add(request.request_id);
      say(world.node, request, 60);
      const events = await reading.events;
      const end = events.at(-1);
      assert.equal(end?.event, "execution.end", JSON.stringify(end));
      assert.equal(end.data.metadata.truncated, "budget");
      assert.equal(end.data.output, TOKEN.repeat(50));
      await world.node.next(
        (f) => f.type === "execution.cancel" && f.request_id === request.request_id,
      );
      assertPaid(before - (await world.ada.balance()), 50);
    });

    await t.test("the provider's connection broke in the middle", async () => {
      const before = await world.ada.balance();
      const reading = await stream(world);
      const request = await world.request();
      answered.add(request.request_id);
      say(world.node, request, 6);
      await reading.untilText(6 * TOKEN.length);
      await new Promise((resolve) => setTimeout(resolve, 200));
      world.node.say({ type: "goodbye" });
      assert.equal((await reading.events).at(-1)?.event, "execution.error");
      assertPaid(before - (await world.ada.balance()), 6);
    });
    await assertBooks(world.hall);
  });

  test(`a server that dies charges what it had noted, and no more (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const world = await openWorld(t, host);
    const { hall, ada, node } = world;
    const reading = await stream(world);
    const request = await world.request();
    // Noted at 256 tokens; beyond that nothing is, for a second.
    for (let sequence = 0; sequence < 30; sequence++) {
      const text = TOKEN.repeat(10);
      node.say({ type: "execution.chunk", request_id: request.request_id, sequence, text });
    }
    await reading.untilText(300 * TOKEN.length);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const text = TOKEN.repeat(10);
    node.say({ type: "execution.chunk", request_id: request.request_id, sequence: 30, text });
    await reading.untilText(310 * TOKEN.length);
    await hall.kill("SIGKILL");
    await hall.restart();
    await settled(world);
    const tokens = Math.round((PLAY_CREDITS - (await ada.balance())) / CREDITS_PER_TOKEN);
    assert.ok(tokens >= 256 && tokens <= 310, `${tokens} tokens were charged`);
    const [use] = await ada.list("/v1/usage-events");
    assert.equal(use.status, "settled");
    await assertBooks(hall);
  });
}

/** Nothing is held any more. */
async function settled({ ada }: World): Promise<void> {
  for (;;) {
    const entries = await ada.list("/v1/ledger");
    if (!entries.some(({ status }) => status === "pending")) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function assertPaid(credits: number, tokens: number): void {
  assert.equal(Math.round(credits * 1e6), Math.round(tokens * CREDITS_PER_TOKEN * 1e6));
}
