import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { UpstreamEndpoint, UpstreamRoute } from "../../src/core/ports.ts";
import { Fault } from "../../src/domain/fault.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { systemRandom } from "../../src/lib/random.ts";
import { createUpstreamPool, UPSTREAM_LIMITS } from "../../src/outbound/upstream/pool.ts";
import { fixture, requestOf, routeOf } from "./support.ts";

type Answer = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

/** An interface that answers each request as the test says. */
async function openInterface(t: TestContext, answer: Answer) {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(String(request.headers.authorization));
    request.resume().on("end", () => void answer(request, response));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/v1`;
  const endpoint = (id: string, weight = 1): UpstreamEndpoint => ({ id, url, key: id, weight });
  return { seen, endpoint };
}

function openPool(
  t: TestContext,
  limits: Partial<Record<keyof typeof UPSTREAM_LIMITS, number>> = {},
) {
  const pool = createUpstreamPool({
    clock: systemClock,
    random: systemRandom,
    limits: { ...UPSTREAM_LIMITS, ...limits },
  });
  t.after(() => pool.close());
  return pool;
}

const WHOLE =
  '{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":2,"completion_tokens":1,"total_tokens":3}}';
const ok: Answer = (_request, response) => {
  response.writeHead(200, { "content-type": "application/json" }).end(WHOLE);
};
const refuse =
  (status: number, headers: Record<string, string> = {}): Answer =>
  (_request, response) => {
    response
      .writeHead(status, { "content-type": "application/json", ...headers })
      .end('{"error":{"message":"no"}}');
  };
const routeTo = (...endpoints: UpstreamEndpoint[]): UpstreamRoute =>
  routeOf("openai", { endpoints });
const WHOLE_REQUEST = requestOf("chat", { model: "a/b", messages: [] });
const STREAM_REQUEST = requestOf("chat", { model: "a/b", messages: [], stream: true });

function waiting() {
  const controller = new AbortController();
  return { controller, options: { outputTokensMax: 100, signal: controller.signal } };
}

async function textOf(answer: { pieces: AsyncIterable<{ bytes?: Buffer }> }): Promise<string> {
  let text = "";
  for await (const { bytes } of answer.pieces) text += bytes?.toString() ?? "";
  return text;
}

function codeOf(code: string) {
  return (error: unknown) => error instanceof Fault && error.code === code;
}

test("an answer comes through with its usage", async (t) => {
  const there = await openInterface(t, ok);
  const answer = await openPool(t).ask(
    [routeTo(there.endpoint("k1"))],
    WHOLE_REQUEST,
    waiting().options,
  );
  assert.equal(await textOf(answer), WHOLE);
  assert.deepEqual(answer.usage(), { inputTokens: 2, cachedTokens: 0, outputTokens: 1 });
  assert.deepEqual(there.seen, ["Bearer k1"]);
});

test("an endpoint that fails gives way to another one, and is left alone for a while", async (t) => {
  const there = await openInterface(t, (request, response) => {
    const isBad = request.headers.authorization === "Bearer bad";
    void (isBad ? refuse(500) : ok)(request, response);
  });
  const pool = openPool(t);
  const route = routeTo(there.endpoint("bad", 999), there.endpoint("good"));
  await textOf(await pool.ask([route], WHOLE_REQUEST, waiting().options));
  assert.deepEqual(there.seen, ["Bearer bad", "Bearer good"]);
  await textOf(await pool.ask([route], WHOLE_REQUEST, waiting().options));
  assert.deepEqual(there.seen.slice(2), ["Bearer good"]);
});

test("calls are shared out by weight", async (t) => {
  const there = await openInterface(t, ok);
  const pool = openPool(t);
  const route = routeTo(there.endpoint("much", 9), there.endpoint("little", 1));
  for (let call = 0; call < 200; call++) {
    await textOf(await pool.ask([route], WHOLE_REQUEST, waiting().options));
  }
  const little = there.seen.filter((key) => key === "Bearer little").length;
  assert.ok(
    little > 2 && little < 60,
    `${little} of 200 went to the one with a tenth of the weight`,
  );
});

test("an interface that asks for a moment is given it; one that asks for minutes is not waited for", async (t) => {
  let calls = 0;
  const there = await openInterface(t, (request, response) => {
    calls += 1;
    void (calls === 1 ? refuse(429, { "retry-after": "1" }) : ok)(request, response);
  });
  const pool = openPool(t);
  const began = performance.now();
  await textOf(await pool.ask([routeTo(there.endpoint("k"))], WHOLE_REQUEST, waiting().options));
  assert.ok(performance.now() - began >= 950, "it came back too early");
  assert.equal(calls, 2);

  const busy = await openInterface(t, refuse(429, { "retry-after": "120" }));
  const ask = () => pool.ask([routeTo(busy.endpoint("b"))], WHOLE_REQUEST, waiting().options);
  await assert.rejects(ask(), codeOf("provider_busy"));
  await assert.rejects(ask(), codeOf("provider_busy"));
  assert.equal(busy.seen.length, 1, "and it is not asked again meanwhile");
});

test("a model that has nothing left gives way to the one that stands in for it", async (t) => {
  const bad = await openInterface(t, refuse(503, { "retry-after": "60" }));
  const good = await openInterface(t, ok);
  const routes = [routeTo(bad.endpoint("bad")), routeTo(good.endpoint("good"))];
  const answer = await openPool(t).ask(routes, WHOLE_REQUEST, waiting().options);
  assert.equal(await textOf(answer), WHOLE);
});

test("an interface that fails again and again leaves tries for the model that stands in for it", async (t) => {
  const bad = await openInterface(t, refuse(500));
  const good = await openInterface(t, ok);
  const routes = [routeTo(bad.endpoint("bad")), routeTo(good.endpoint("good"))];
  const pool = openPool(t);
  assert.equal(await textOf(await pool.ask(routes, WHOLE_REQUEST, waiting().options)), WHOLE);
  assert.deepEqual([bad.seen.length, good.seen.length], [3, 1]);
});

test("requests that make an interface fail do not keep it from others for long", async (t) => {
  let isBad = true;
  const there = await openInterface(t, (request, response) => {
    void (isBad ? refuse(500) : ok)(request, response);
  });
  const pool = openPool(t);
  const route = routeTo(there.endpoint("k"));
  const ask = () => pool.ask([route], WHOLE_REQUEST, waiting().options);
  for (let call = 0; call < 3; call++) await assert.rejects(ask(), codeOf("provider_failed"));
  isBad = false;
  const began = performance.now();
  await textOf(await ask());
  assert.ok(performance.now() - began < 2_000);
});

test("what is wrong with the request is told at once, and nobody else is asked", async (t) => {
  const there = await openInterface(t, refuse(400));
  const route = routeTo(there.endpoint("a"), there.endpoint("b"));
  const asked = openPool(t).ask([route, route], WHOLE_REQUEST, waiting().options);
  await assert.rejects(asked, codeOf("invalid_request"));
  assert.equal(there.seen.length, 1);
});

test("nobody at the address, no answer in time, and an answer that stops are told apart", async (t) => {
  const closed = { id: "c", url: "http://127.0.0.1:9/v1", key: undefined, weight: 1 };
  const pool = openPool(t, { attemptsMax: 1, firstByteMs: 300, idleMs: 300 });
  const { options } = waiting();
  await assert.rejects(
    pool.ask([routeTo(closed)], WHOLE_REQUEST, options),
    codeOf("provider_offline"),
  );
  const silent = await openInterface(t, () => undefined);
  await assert.rejects(
    pool.ask([routeTo(silent.endpoint("s"))], WHOLE_REQUEST, options),
    codeOf("provider_timeout"),
  );
  const first = fixture("openai-stream.txt").subarray(0, 900);
  const stops = await openInterface(t, (_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" }).write(first);
  });
  const answer = await pool.ask([routeTo(stops.endpoint("t"))], STREAM_REQUEST, options);
  await assert.rejects(textOf(answer), codeOf("provider_timeout"));
  const breaks = await openInterface(t, (_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" }).write(first);
    setTimeout(() => response.destroy(), 50);
  });
  const broken = await pool.ask([routeTo(breaks.endpoint("u"))], STREAM_REQUEST, options);
  await assert.rejects(textOf(broken), codeOf("provider_failed"));
});

test("a stream that fails with its first event is as good as not begun: another one is asked", async (t) => {
  const there = await openInterface(t, (request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const isBad = request.headers.authorization === "Bearer bad";
    response.end(
      isBad ? 'data: {"error":{"message":"overloaded"}}\n\n' : fixture("openai-stream.txt"),
    );
  });
  const route = routeTo(there.endpoint("bad", 999), there.endpoint("good"));
  const answer = await openPool(t).ask([route], STREAM_REQUEST, waiting().options);
  assert.match(await textOf(answer), /\[DONE\]/);
  assert.deepEqual(there.seen, ["Bearer bad", "Bearer good"]);
});

test("who goes away takes the interface's work with it", async (t) => {
  let closed = 0;
  const there = await openInterface(t, (_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const timer = setInterval(() => response.write('data: {"choices":[]}\n\n'), 5);
    response.on("close", () => {
      closed += 1;
      clearInterval(timer);
    });
  });
  const pool = openPool(t);
  const { controller, options } = waiting();
  const aborted = await pool.ask([routeTo(there.endpoint("k"))], STREAM_REQUEST, options);
  const reading = textOf(aborted);
  controller.abort();
  await assert.rejects(reading, codeOf("cancelled"));
  const left = await pool.ask([routeTo(there.endpoint("k"))], STREAM_REQUEST, waiting().options);
  for await (const _piece of left.pieces) break;
  for (let wait = 0; closed < 2 && wait < 200; wait++) await sleep(10);
  assert.equal(closed, 2);
});

test("a slow reader holds up its interface, not our memory", async (t) => {
  let written = 0;
  const piece = Buffer.from(
    `data: {"choices":[{"index":0,"delta":{"content":"${"x".repeat(60_000)}"}}]}\n\n`,
  );
  const there = await openInterface(t, async (_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (let count = 0; count < 2_000 && !response.destroyed; count++) {
      written += piece.length;
      if (!response.write(piece)) await once(response, "drain");
    }
    response.end("data: [DONE]\n\n");
  });
  const answer = await openPool(t).ask(
    [routeTo(there.endpoint("k"))],
    STREAM_REQUEST,
    waiting().options,
  );
  await sleep(500);
  assert.ok(
    written < 40_000_000,
    `${written} of 120,000,000 bytes were taken from an interface that nobody read`,
  );
  let bytes = 0;
  for await (const { bytes: part } of answer.pieces) bytes += part?.length ?? 0;
  assert.equal(bytes, 2_000 * piece.length + "data: [DONE]\n\n".length);
});
