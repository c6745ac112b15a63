/** Executions (contract §6) by nodes that are real connections, on real servers. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { WebSocket } from "ws";
import { afterTest } from "../support/cleanup.ts";
import { DATABASE_HOSTS, isSkipped } from "../support/database.ts";
import { startGuildhall } from "../support/guildhall.ts";
import { startTwo } from "../support/two-servers.ts";
import { accountOf, assertBooks, assertSumIsBalance, openAccount, PLAY_CREDITS } from "./money.ts";
import { eventsOf, type Frame, openNode, shout, startNode } from "./node.ts";
import { assertRefused, isPythonMissing, runClient } from "./support.ts";

/** What is asked for beside the instruction, and who does it, or how it is refused. */
// biome-ignore format: read as a table
const ROUTES: readonly (readonly [object, string | [number, string]])[] = [
  [{ model: "acme/two" },                                        "node-a"],
  [{ model: "acme/one", provider_id: "node-b" },                 "node-b"],
  [{ labels: { region: "eu" } },                                 "node-b"],
  [{ labels: { region: "ap-sg", tier: "premium" } },             "node-a"],
  [{ provider_id: "  " },                                        "node-a"],
  [{ provider_id: "nobody" },                                    [503, "provider_unavailable"]],
  [{ provider_id: "nobody", labels: { a: "b" } },                [503, "provider_unavailable"]],
  [{ provider_id: "node-a", labels: { region: "eu" } },          [409, "provider_label_mismatch"]],
  [{ provider_id: "node-b", model: "acme/two" },                 [404, "execution_provider_not_found"]],
  [{ model: "acme/three" },                                      [404, "execution_provider_not_found"]],
  [{ labels: { region: "mars" } },                               [404, "execution_provider_not_found"]],
  [{ labels: { region: "" } },                                   [400, "invalid_routing_labels"]],
  [{ labels: ["eu"] },                                           [400, "invalid_routing_labels"]],
  [{ labels: { region: 1 } },                                    [400, "invalid_routing_labels"]],
  [{ model: "no-slash" },                                        [400, "invalid_request"]],
  [{ model: 7 },                                                 [400, "invalid_request"]],
  [{ model_provider: "acme" },                                   [400, "invalid_request"]],
  [{ modelProvider: "acme" },                                    [400, "invalid_request"]],
  [{ instruction: "  " },                                        [400, "invalid_request"]],
  [{ instruction: "x".repeat(100_001) },                         [400, "invalid_request"]],
  [{ kind: "video" },                                            [400, "invalid_request"]],
  [{ stream: "yes" },                                            [400, "invalid_request"]],
  [{ timeout_ms: 10 },                                           [400, "invalid_request"]],
  [{ timeout_ms: 1e9 },                                          [400, "invalid_request"]],
  [{ metadata: { large: "x".repeat(17_000) } },                  [400, "invalid_request"]],
  [{ metadata: [] },                                             [400, "invalid_request"]],
];

for (const host of DATABASE_HOSTS) {
  test(`executions, routed, paid and refused (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const hall = await startGuildhall(t, host);
    const owner = await openAccount(hall, "owner@example.org");
    const ada = await openAccount(hall, "ada@example.org");
    const ask = (body: object) => ada.ask("POST", "/v1/executions", body);
    assertRefused(await ask({ instruction: "hi" }), 404, "execution_provider_not_found");

    const a = await startNode(t, hall, owner.key, {
      ...{ providerId: "node-a", models: ["acme/one", "acme/two"], defaultModel: "acme/two" },
      ...{ labels: { region: "ap-sg", tier: "premium" }, run: shout },
    });
    await startNode(t, hall, owner.key, {
      ...{ providerId: "node-b", models: ["acme/one"], labels: { region: "eu" }, run: shout },
    });

    await t.test("models are listed with who offers them", async () => {
      const { status, body } = await ada.ask("GET", "/v1/models");
      assert.equal(status, 200);
      assert.deepEqual(
        body.data.map(({ id, providers }: Frame) => [
          id,
          providers.map((p: Frame) => p.provider_id),
        ]),
        [
          ["acme/one", ["node-a", "node-b"]],
          ["acme/two", ["node-a"]],
        ],
      );
      assert.deepEqual(body.data[0].providers[0].labels, { region: "ap-sg", tier: "premium" });
      assert.deepEqual(body.data[1].providers[0].model_providers, ["acme/one", "acme/two"]);
    });

    await t.test("the answer, who gave it, and what it cost", async () => {
      const before = await ada.balance();
      const metadata = { case: "first" };
      const asked = { instruction: "hello", provider_id: "node-a", agent_id: "x ", metadata };
      const { status, body } = await ask({ ...asked, session_key: " s1" });
      assert.equal(status, 200, JSON.stringify(body));
      assert.match(body.request_id, /^req_[0-9a-f]{24}$/);
      assert.equal(body.output, "HELLO");
      assert.deepEqual(
        [body.metadata.provider_id, body.metadata.model, body.metadata.by],
        ["node-a", "acme/two", "shout"],
      );
      const request = await a.next(({ type }) => type === "execution.request");
      assert.deepEqual(
        [request.kind, request.model, request.stream, request.agent_id, request.metadata],
        ["agent_run", "acme/two", false, "x ", metadata],
      );
      assert.match(request.session_key, /^[0-9a-f]{24}: s1$/);
      // A call of a model without a price: one credit.
      assert.equal(await ada.balance(), before - 1);
      assert.equal(await owner.balance(), PLAY_CREDITS + 1);
      const [use] = await ada.list("/v1/usage-events");
      assert.deepEqual(
        [use.capability, use.status, use.provider_id, use.settlement.amount],
        ["agent_run", "settled", "node-a", 1],
      );
      await assertSumIsBalance(ada);
    });

    for (const [also, expected] of ROUTES) {
      await t.test(`${JSON.stringify(also).slice(0, 90)}: ${expected}`, async () => {
        const before = await ada.balance();
        const reply = await ask({ instruction: "hi", ...also });
        if (typeof expected === "string") {
          assert.deepEqual(
            [reply.status, reply.body.metadata?.provider_id],
            [200, expected],
            JSON.stringify(reply.body),
          );
          return;
        }
        assertRefused(reply, ...expected);
        assert.equal(await ada.balance(), before);
      });
    }

    await t.test("without a key, or with a wrong one, nothing is told", async () => {
      const body = { instruction: "hi" };
      const stranger = accountOf(hall, { ...ada, key: "claw_wsk_wrong" });
      assertRefused(await stranger.ask("POST", "/v1/executions", body), 401, "invalid_api_key");
      assertRefused(await ada.ask("POST", "/v1/executions", "{"), 400, "invalid_request");
      assertRefused(await ada.ask("POST", "/v1/executions", "[]"), 400, "invalid_request");
      assertRefused(
        await ada.ask("POST", "/v1/executions", "x".repeat(1_100_000)),
        413,
        "payload_too_large",
      );
    });

    await t.test("a node that fails, or answers nonsense, is not paid", async () => {
      await startNode(t, hall, owner.key, {
        ...{ providerId: "node-bad", models: ["acme/bad"] },
        run: ({ request_id, instruction }, node) =>
          node.say(
            instruction === "fail"
              ? { type: "execution.error", request_id, error: "boom", message: "It broke." }
              : { type: "execution.chunk", request_id, sequence: "first", text: 7 },
          ),
      });
      const before = await ada.balance();
      for (const instruction of ["fail", "nonsense"]) {
        const reply = await ask({ instruction, model: "acme/bad" });
        assertRefused(reply, 502, "execution_failed");
      }
      assert.equal(await ada.balance(), before);
      const [use] = await ada.list("/v1/usage-events");
      assert.deepEqual([use.status, use.settlement], ["failed", null]);
    });

    await t.test("who is lost before an answer is replaced by another, once", async () => {
      await startNode(t, hall, owner.key, {
        ...{ providerId: "a-lost", models: ["acme/shared"] },
        run: (_request, node) => {
          node.say({ type: "goodbye" });
          node.socket.close();
        },
      });
      await startNode(t, hall, owner.key, {
        providerId: "b-kept",
        models: ["acme/shared"],
        run: shout,
      });
      const { status, body } = await ask({
        instruction: "hi",
        model: "acme/shared",
        timeout_ms: 60_000,
      });
      assert.deepEqual([status, body.metadata?.provider_id], [200, "b-kept"], JSON.stringify(body));
    });

    await assertBooks(hall);
  });

  test(`an execution that takes too long is over at its deadline (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const hall = await startGuildhall(t, host);
    const owner = await openAccount(hall, "owner@example.org");
    const ada = await openAccount(hall, "ada@example.org");
    const slow = await startNode(t, hall, owner.key, {
      providerId: "slow",
      models: ["acme/slow"],
    });
    const before = await ada.balance();
    const reply = await ada.ask("POST", "/v1/executions", {
      instruction: "hi",
      provider_id: "slow",
      timeout_ms: 1_000,
    });
    assertRefused(reply, 504, "execution_timeout");
    await slow.next(({ type }) => type === "execution.cancel");
    assert.equal(await ada.balance(), before);
  });
}

test("a provider at one server and its requester at another, streamed", async (t) => {
  for (const bus of ["nats", "none"] as const) {
    await t.test(`bus: ${bus}`, async (t) => {
      const servers = await startTwo(t, bus);
      if (!servers) return;
      const [here, there] = servers;
      const owner = await openAccount(here, `owner-${bus}@example.org`);
      await startNode(t, there, owner.key, { models: ["acme/one"], run: shout });
      const asker = accountOf(here, owner);
      const words = Array.from({ length: 300 }, (_, index) => `word${index}`).join(" ");
      for (;;) {
        const { body } = await asker.ask("GET", "/v1/models");
        if (body.data.length > 0) break;
      }
      const response = await fetch(`${here.url}/v1/executions`, {
        method: "POST",
        headers: { authorization: `Bearer ${owner.key}` },
        body: JSON.stringify({ instruction: words, stream: true }),
      });
      assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
      assert.match(response.headers.get("x-request-id") ?? "", /^req_[0-9a-f-]{36}$/);
      const events = eventsOf(await response.text());
      const chunks = events.filter(({ event }) => event === "execution.chunk");
      assert.deepEqual(
        chunks.map(({ data }) => data.sequence),
        chunks.map((_, index) => index),
      );
      assert.equal(chunks.map(({ data }) => data.text).join(""), words.toUpperCase());
      assert.equal(events.at(-1)?.event, "execution.end");
      await assertBooks(here);
    });
  }
});

test("nodes that may not connect, and a second one of the same name", async (t) => {
  const hall = await startGuildhall(t, "any");
  const owner = await openAccount(hall, "owner@example.org");
  const eve = await openAccount(hall, "eve@example.org");
  const first = await startNode(t, hall, owner.key, { providerId: "node-a" });
  const closed = new Promise((resolve) => first.socket.on("close", resolve));
  const second = await startNode(t, hall, owner.key, { providerId: "node-a", run: shout });
  assert.equal(await closed, 4001);

  // biome-ignore format: read as a table
  const refused: readonly (readonly [string, object, string])[] = [
    [eve.key,        { providerId: "node-a" },                        "forbidden"],
    ["claw_wsk_bad", {},                                              "unauthenticated"],
    [owner.key,      { providerId: "with space" },                    "protocol_error"],
    [owner.key,      { providerId: "n2", models: [] },                "protocol_error"],
    [owner.key,      { providerId: "n2", models: ["noslash"] },       "protocol_error"],
    [owner.key,      { providerId: "n2", concurrency: 0 },            "protocol_error"],
    [owner.key,      { providerId: "n2", kinds: [] },                 "protocol_error"],
  ];
  for (const [key, settings, error] of refused) {
    const { first: frame } = await openNode(t, hall, key, settings);
    assert.deepEqual([frame.type, frame.error], ["reject", error], JSON.stringify(frame));
  }
  second.say({ type: "ping" });
  await second.next(({ type }) => type === "pong");
  second.say({ type: "update", models: ["acme/new"], labels: { tier: "x" } });
  for (;;) {
    const { body } = await owner.ask("GET", "/v1/models");
    if (body.data[0]?.id === "acme/new") break;
  }
  second.say({ type: "update", models: ["bad"] });
  await second.next(({ type }) => type === "notice");
  const reply = await eve.ask("POST", "/v1/executions", {
    instruction: "a",
    labels: { tier: "x" },
  });
  assert.deepEqual([reply.status, reply.body.metadata?.model], [200, "acme/new"]);
});

test("what a node says in one breath with its introduction is heard, in its order", async (t) => {
  const hall = await startGuildhall(t, "any");
  const owner = await openAccount(hall, "owner@example.org");
  const { hostname, port } = new URL(hall.url);
  const wire = connect(Number(port), hostname);
  const socket = new WebSocket(`${hall.url.replace("http", "ws")}/v1/providers/connect`, {
    headers: { authorization: `Bearer ${owner.key}` },
    createConnection: () => wire,
  });
  afterTest(t, () => socket.terminate());
  await once(socket, "open");
  const heard: string[] = [];
  socket.on("message", (data) => heard.push(JSON.parse(String(data)).type));
  const hello = { type: "hello", protocol: 1, provider_id: "node-a", models: ["acme/one"] };
  wire.cork();
  for (const frame of [hello, { type: "ping" }, { type: "nonsense" }]) {
    socket.send(JSON.stringify(frame));
  }
  wire.uncork();
  while (heard.length < 3) await once(socket, "message");
  assert.deepEqual(heard, ["welcome", "pong", "notice"]);
});

test("a wallet that cannot pay is told what there is and what is needed", async (t) => {
  const hall = await startGuildhall(t, "any", { GUILDHALL_UNPRICED_CALL_USD: "150" });
  const owner = await openAccount(hall, "owner@example.org");
  const poor = await openAccount(hall, "poor@example.org");
  const node = await startNode(t, hall, owner.key, { run: shout });
  for (const stream of [false, true]) {
    const asked = { instruction: "hi", stream };
    const { status, body } = await poor.ask("POST", "/v1/executions", asked);
    assert.deepEqual([status, body.error_code], [402, "insufficient_balance"]);
    assert.deepEqual(body.current_balance, { amount: PLAY_CREDITS, unit: "credits" });
    assert.deepEqual(body.required_balance, { amount: 15_000, unit: "credits" });
  }
  assert.deepEqual(
    node.frames.map(({ type }) => type),
    ["welcome"],
    "nobody was asked",
  );
  assert.equal(await poor.balance(), PLAY_CREDITS);
  await assertBooks(hall);
});

test("the published client's executions, streamed and not", async (t) => {
  if (isPythonMissing(t)) return;
  const hall = await startGuildhall(t, "any");
  const owner = await openAccount(hall, "owner@example.org");
  await startNode(t, hall, owner.key, { models: ["acme/one"], run: shout });
  const home = mkdtempSync(join(tmpdir(), "openmarlin-"));
  const run = (...args: string[]) => runClient(hall, [...args, "--api-key", owner.key], home);
  const body = { instruction: "one\u2028two\u0085 three", model: "acme/one", stream: true };
  const streamed = await run("executions", "--body-json", JSON.stringify(body));
  assert.equal(streamed.code, 0, streamed.said);
  const events: Frame[] = streamed.printed.stream_events;
  assert.deepEqual([events[0].event, events.at(-1).event], ["execution.start", "execution.end"]);
  const text = events
    .filter((e) => e.event === "execution.chunk")
    .map((e) => e.data.text)
    .join("");
  assert.equal(text, "ONE\u2028TWO\u0085 THREE");
  assert.equal(events.at(-1).data.output, text);
  const plain = await run("executions", "--body-json", JSON.stringify({ ...body, stream: false }));
  assert.equal(plain.printed.response.output, text);
  const models = await run("models");
  assert.equal(models.printed.response.data[0].id, "acme/one");
});
