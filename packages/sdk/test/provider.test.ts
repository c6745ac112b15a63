import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS, LINK_CLOSINGS, type LinkClosing } from "@guildhall/protocol";
import { connectProvider, ProviderError, type RunContext, type RunOutput } from "../src/index.ts";
import { AGENT, startScripted, until } from "./support.ts";

const echo = (input: unknown): RunOutput => ({ output: input });
/** A handler that waits to be told what to give. */
function held() {
  const calls: { input: unknown; context: RunContext; finish: (output: RunOutput) => void }[] = [];
  const run = (input: unknown, context: RunContext): Promise<RunOutput> =>
    new Promise((finish) => calls.push({ input, context, finish }));
  return { calls, run };
}

test("a provider identifies, does what it is offered, and says who it works for", async (t) => {
  let context: RunContext | undefined;
  const { line, states, provider } = await startScripted(t, (input, given) => {
    context = given;
    return { output: { echo: input }, evidence: "e", usage: { tokens: 3 } };
  });
  const server = await line();
  assert.deepEqual(await server.next("identify"), {
    type: "identify",
    protocol: 1,
    key: "gld_test",
    agent: AGENT,
    client: "guildhall-sdk",
    concurrency: LIMITS.providerRunsDefault,
  });
  server.send({
    type: "welcome",
    protocol: 1,
    agent: AGENT,
    epoch: 7,
    heartbeatMs: 10,
    missMs: 30_000,
    frameBytesMax: 1_114_112,
  });
  const { run, attempt } = server.offer({ attempt: 2 });
  assert.deepEqual(await server.next("accept"), { type: "accept", run, attempt });
  assert.deepEqual(await server.next("result"), {
    type: "result",
    run,
    attempt,
    output: { echo: { text: "hello" } },
    evidence: "e",
    usage: { tokens: 3 },
  });
  await server.next("heartbeat");
  assert.deepEqual(states, [
    { kind: "connecting", attempt: 1 },
    { kind: "online", epoch: 7 },
  ]);
  assert.equal(provider.state.kind, "online");
  assert.ok(context);
  const { runId, agentId, capability, requester, chainId, maxMicros, signal } = context;
  assert.deepEqual(
    { runId, agentId, capability, requester, chainId, maxMicros, isAborted: signal.aborted },
    {
      runId: run,
      agentId: AGENT,
      capability: "translate",
      requester: "2".repeat(24),
      chainId: "3".repeat(24),
      maxMicros: 250n,
      isAborted: false,
    },
  );
});

test("a run that is offered again is answered from memory, not done again", async (t) => {
  let calls = 0;
  const { line } = await startScripted(t, () => {
    calls += 1;
    return { output: calls };
  });
  const first = await line();
  await first.welcome(1);
  const offer = first.offer();
  await first.next("result");
  first.offer();
  assert.equal((await first.next("result")).output, 1);

  first.socket.terminate();
  const second = await line();
  await second.welcome(2);
  const { runs } = await second.next("resume");
  assert.deepEqual(runs, [{ run: offer.run, attempt: 1 }]);
  second.offer();
  assert.equal((await second.next("result")).output, 1);
  assert.equal(calls, 1);

  second.settle(offer);
  second.offer({ attempt: 2 });
  assert.equal((await second.next("result")).output, 2, "another attempt is other work");
});

test("work goes on while the connection is away, and its answer is given on the next one", async (t) => {
  const { calls, run } = held();
  const { line, provider } = await startScripted(t, run);
  const first = await line();
  await first.welcome(1);
  first.offer();
  await until(() => calls.length === 1);
  first.socket.terminate();
  await until(() => provider.state.kind !== "online");
  calls[0]?.finish({ output: "done" });
  const second = await line();
  await second.welcome(2);
  second.offer();
  assert.equal((await second.next("result")).output, "done");
  assert.equal(calls.length, 1);
});

test("a run that is over is dropped: its handler is told, its answer is not sent", async (t) => {
  const { calls, run } = held();
  const { line, provider } = await startScripted(t, run);
  const server = await line();
  await server.welcome();
  const offer = server.offer();
  await until(() => calls.length === 1);
  server.send({ type: "cancel", run: offer.run, attempt: 1, reason: "nobody waits" });
  await until(() => calls[0]?.context.signal.aborted);
  assert.match(String(calls[0]?.context.signal.reason), /nobody waits/);
  assert.equal(provider.running, 1, "until its handler returns, it takes up room");
  calls[0]?.finish({ output: 1 });
  await until(() => provider.running === 0);
  server.offer({ run: "4".repeat(24) });
  await server.next("accept");
  assert.equal(server.frames.filter(({ type }) => type === "result").length, 0);
});

test("at the deadline the handler is aborted and the run is answered as timed out", async (t) => {
  const { calls, run } = held();
  const { line } = await startScripted(t, run);
  const server = await line();
  await server.welcome();
  server.offer({ remainingMs: 20 });
  const { code } = await server.next("error");
  assert.equal(code, "provider_timeout");
  assert.equal(calls[0]?.context.signal.aborted, true);
  // It may have been done and forgotten already: what is offered too late is not begun.
  const { run: late } = server.offer({ run: "5".repeat(24), remainingMs: 0 });
  await until(() => server.frames.some((frame) => frame.type === "error" && frame.run === late));
  assert.equal(calls.length, 1);
});

test("work beyond what the program takes is refused, and says why", async (t) => {
  const { run } = held();
  const { line } = await startScripted(t, run, {
    concurrency: 2,
    perRequester: 1,
    capabilities: ["translate"],
  });
  const server = await line();
  await server.welcome();
  const of = (digit: string, requester: string, capability = "translate") =>
    server.offer({ run: digit.repeat(24), requester: requester.repeat(24), capability });
  of("4", "a");
  of("5", "a");
  assert.equal((await server.next("refuse")).code, "requester_limit");
  of("6", "b", "paint");
  assert.equal((await server.next("refuse")).code, "capability_not_supported");
  of("6", "b");
  of("7", "c");
  assert.equal((await server.next("refuse")).code, "provider_busy");
  assert.equal(server.frames.filter(({ type }) => type === "accept").length, 2);
});

const circular: Record<string, unknown> = {};
circular.self = circular;
// biome-ignore format: read as a table
const OUTPUTS = [
  ["nothing",            undefined,                            /no output/],
  ["a circle",           circular,                             /not JSON/],
  ["a bigint",           1n,                                   /not JSON/],
  ["a NUL",              { text: "a\0b" },                     /NUL/],
  ["half a character",   ["\ud800"],                           /surrogate/],
  ["a function",         () => 1, /is a function/],
  ["two megabytes",      "x".repeat(2 * LIMITS.frameBytesMax), /larger/],
] as const;

test("an output that cannot be sent fails its run, with a reason for its author", async (t) => {
  const { line } = await startScripted(t, (input) => {
    const found = OUTPUTS.find(([what]) => what === input);
    return { output: found?.[1] };
  });
  const server = await line();
  await server.welcome();
  for (const [index, [what, , reason]] of OUTPUTS.entries()) {
    server.offer({ run: String(index).repeat(24), input: what });
    const { code, message } = await server.next("error");
    assert.equal(code, "provider_bad_output");
    assert.match(message, reason);
  }
});

test("a ProviderError is told to the requester, any other error only to the program", async (t) => {
  const errors: unknown[] = [];
  const secret = new Error("connect ECONNREFUSED /var/run/secret.sock");
  const { line } = await startScripted(
    t,
    (input) => {
      throw input === "told" ? new ProviderError("provider_bad_output", "Too dark.") : secret;
    },
    { onError: (error) => errors.push(error) },
  );
  const server = await line();
  await server.welcome();
  server.offer({ run: "4".repeat(24), input: "told" });
  const told = await server.next("error");
  assert.deepEqual([told.code, told.message], ["provider_bad_output", "Too dark."]);
  server.offer({ run: "5".repeat(24), input: "secret" });
  const hidden = await server.next("error");
  assert.deepEqual([hidden.code, hidden.message], ["provider_failed", "The provider failed."]);
  assert.equal(errors[1], secret);
});

const CLOSINGS = Object.keys(LINK_CLOSINGS) as LinkClosing[];
for (const closing of CLOSINGS.filter((name) => LINK_CLOSINGS[name].isFinal)) {
  test(`a connection that ended with "${closing}" is not tried again`, async (t) => {
    const { line, provider } = await startScripted(t, echo);
    (await line()).close(closing);
    const stopped = await provider.stopped;
    assert.deepEqual(stopped, { kind: "stopped", closing, reason: `closing: ${closing}` });
    await provider.stop();
  });
}

test("any other end is followed by another attempt, after longer and longer waits", async (t) => {
  const { line, states } = await startScripted(t, echo, { backoff: { baseMs: 4, maxMs: 16 } });
  for (const closing of CLOSINGS.filter((name) => !LINK_CLOSINGS[name].isFinal)) {
    (await line()).close(closing);
  }
  await line();
  const waits = states.flatMap((state) => (state.kind === "waiting" ? [state.retryInMs] : []));
  const expected = waits.map((_, index) => Math.min(16, 4 * 2 ** index));
  for (const [index, wait] of waits.entries()) {
    const nominal = expected[index] ?? 0;
    assert.ok(Math.abs(wait - nominal) <= nominal * 0.2 + 1, `${wait} for ${nominal}`);
  }
  assert.ok(waits.length >= 5);
});

test("a server that falls silent is left, and a new connection made", async (t) => {
  const { line } = await startScripted(t, echo);
  const silent = await line();
  await silent.welcome(1, 10, 60);
  const next = await line();
  await next.welcome(2);
  assert.ok(silent.frames.some(({ type }) => type === "heartbeat"));
});

test("a provider that stops finishes its work, takes no more, and says goodbye", async (t) => {
  const { calls, run } = held();
  const { line, provider } = await startScripted(t, run);
  const server = await line();
  await server.welcome();
  const offer = server.offer();
  await until(() => calls.length === 1);
  const stopping = provider.stop();
  server.offer({ run: "4".repeat(24) });
  assert.equal((await server.next("refuse")).code, "provider_busy");
  calls[0]?.finish({ output: 1 });
  await server.next("result");
  server.settle(offer);
  await server.next("goodbye");
  await stopping;
  assert.deepEqual(await provider.stopped, {
    kind: "stopped",
    closing: "goodbye",
    reason: "The provider was stopped.",
  });
});

test("a provider that stops does not wait for ever, nor for a server that is away", async (t) => {
  const { calls, run } = held();
  const { line, provider } = await startScripted(t, run);
  const server = await line();
  await server.welcome();
  server.offer();
  await until(() => calls.length === 1);
  await provider.stop({ drainMs: 10 });
  assert.equal(calls[0]?.context.signal.aborted, true);

  const away = await startScripted(t, echo, {
    url: "http://127.0.0.1:9",
    backoff: { baseMs: 60_000, maxMs: 60_000 },
  });
  await until(() => away.provider.state.kind === "waiting");
  await away.provider.stop();
  assert.equal(away.provider.state.kind, "stopped");
});

test("options that cannot work are refused at once", () => {
  const options = { key: "k", handlers: { run: echo } };
  assert.throws(() => connectProvider({ ...options, url: "ftp://x", agentId: AGENT }), TypeError);
  assert.throws(() => connectProvider({ ...options, url: "http://x", agentId: "mine" }), TypeError);
});

test("whoever wrote a handler hears that its output cannot be sent", async (t) => {
  const heard: unknown[] = [];
  const { line } = await startScripted(t, () => ({ output: 1n }), {
    onError: (error, { runId }) => heard.push([(error as ProviderError).code, runId]),
  });
  const server = await line();
  await server.welcome();
  const { run } = server.offer();
  assert.equal((await server.next("error")).code, "provider_bad_output");
  assert.deepEqual(heard, [["provider_bad_output", run]]);
});

test("a stranger's task that the program chokes on is passed over, and the program goes on", async (t) => {
  const heard: unknown[] = [];
  const { line } = await startScripted(t, echo, {
    handlers: { run: echo, task: echo },
    wantsTask: ({ input }) => (input as { text: string }).text.length < 100,
    onError: (error) => heard.push(error),
  });
  const server = await line();
  await server.welcome();
  const broadcast = "4".repeat(24);
  server.send({
    ...{ type: "announce", broadcast, capability: "translate", instruction: "all of it" },
    ...{ params: {}, schema: undefined, payment: "fixed", slotMicros: "5", stakeMicros: "0" },
    ...{ requester: "2".repeat(24), chain: "3".repeat(24), offerMs: 10_000 },
    deadline: new Date(Date.now() + 60_000).toISOString(),
  });
  const { code } = await server.next("pass");
  assert.equal(code, "provider_manual");
  assert.equal(heard.length, 1);
  server.offer();
  await server.next("result");
});

for (const comesBack of [false, true]) {
  const what = comesBack ? "keeps its seats where it comes back" : "gives up what it has not done";
  test(`a provider that stops ${what}`, async (t) => {
    let signal: AbortSignal | undefined;
    const { line, provider } = await startScripted(t, echo, {
      handlers: {
        task: (_params, context) => {
          signal = context.signal;
          return new Promise(() => undefined);
        },
      },
    });
    const server = await line();
    await server.welcome();
    const slot = "6".repeat(24);
    server.send({
      ...{ type: "slot", slot, broadcast: "4".repeat(24), capability: "translate" },
      ...{ instruction: "all of it", params: {}, payment: "fixed", slotMicros: "5" },
      ...{ stakeMicros: "0", requester: "2".repeat(24), chain: "3".repeat(24) },
      ...{ deadline: new Date(Date.now() + 60_000).toISOString(), remainingMs: 60_000 },
    });
    await until(() => signal);
    await provider.stop({ drainMs: 10, comesBack });
    assert.equal(signal?.aborted, true);
    const said = server.frames.filter(({ type }) => type !== "identify");
    const message = "The provider stops.";
    const leaving = [
      { type: "give-up", slot, code: "provider_failed", message },
      { type: "goodbye" },
    ];
    assert.deepEqual(said, comesBack ? [] : leaving);
  });
}

test("a bill that is no JSON is reported to its author, and the program goes on", async (t) => {
  const heard: unknown[] = [];
  const { line } = await startScripted(t, echo, {
    handlers: {
      run: echo,
      session: { turn: () => "hello", bill: () => ({ totalMicros: 5n, lines: [{ each: 1n }] }) },
    },
    onError: (error) => heard.push(error),
  });
  const server = await line();
  await server.welcome();
  server.send({
    ...{ type: "close", session: "5".repeat(24), how: "ended", reason: "done", turns: 1 },
    ...{ capability: "translate", requester: "2".repeat(24), chain: "3".repeat(24) },
    ...{ messagesMax: 5, price: { shape: "open_quote", amountMicros: "5" }, bill: true },
  });
  await until(() => heard.length === 1);
  server.offer();
  await server.next("result");
});
