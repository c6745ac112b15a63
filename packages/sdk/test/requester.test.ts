import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { createRequester, inChain, RequestError, type RunOutput } from "../src/index.ts";
import { startScripted } from "./support.ts";

const SCHEMA = JSON.stringify({ type: "object" });
const SHA256 = createHash("sha256").update(SCHEMA).digest("hex");

interface Asked {
  readonly request: IncomingMessage;
  readonly body: string;
}

/** A server that remembers what it was asked, and answers as its paths say. */
async function startServer(t: TestContext) {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += String(part);
    asked.push({ request, body });
    const { pathname } = new URL(request.url ?? "", url);
    const [status, answer] = answerOf(pathname, url);
    response.writeHead(status, { "x-request-id": "req_1", "retry-after": "3" });
    response.end(typeof answer === "string" ? answer : JSON.stringify(answer));
  });
  const { url, requester } = await openRequester(t, server);
  return { url, asked, requester };
}

/** The server's address, and a requester that asks it. */
async function openRequester(t: TestContext, server: Server) {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const requester = createRequester({ url, key: "gld_key" });
  t.after(async () => {
    await requester.close();
    server.close();
  });
  return { url, requester };
}

function answerOf(path: string, url: string): [number, unknown] {
  const meta = (schema_digest: string) => ({ schema_url: `${url}/schema`, schema_digest });
  switch (path) {
    case "/api/v1/invoke":
      return [
        200,
        { invoke_id: "inv_1", result: { a: 1 }, credits_charged: 3, receipt_id: "rct_1" },
      ];
    case "/api/v1/agents":
      return [200, []];
    case "/api/v1/agents/agt_1":
      return [
        200,
        {
          capabilities_meta: {
            good: meta(`sha256:${SHA256}`),
            bad: meta("0".repeat(64)),
            none: {},
          },
        },
      ];
    case "/api/v1/files":
      return [201, { file_id: "fil_1" }];
    case "/schema":
      return [200, SCHEMA];
    case "/api/v1/credits":
      return [402, { detail: "No.", code: "insufficient_credits", error_code: "x", ceiling: 5 }];
    case "/api/v1/users/me":
      return [502, "<html>"];
    case "/api/v1/receipts":
      return [200, "<html>"];
    default:
      return [404, {}];
  }
}

test("an invoke says who asks, for what, and under which key it is the same again", async (t) => {
  const { asked, requester } = await startServer(t);
  const result = await requester.invoke({
    agent_id: "agt_1",
    capability: "translate",
    input: { text: "x" },
    max_credits: 5,
    idempotency_key: "once",
  });
  assert.equal(result.credits_charged, 3);
  const [{ request, body } = assert.fail()] = asked;
  assert.equal(request.headers.authorization, "Bearer gld_key");
  assert.equal(request.headers["idempotency-key"], "once");
  assert.equal(request.headers["x-linkedclaw-chain-id"], undefined);
  assert.deepEqual(JSON.parse(body), {
    agent_id: "agt_1",
    capability: "translate",
    input: { text: "x" },
    max_credits: 5,
    manifest: { intention: "translate" },
  });
  await requester.search({ intent: "a & b", sort: "trust" });
  assert.equal(asked[1]?.request.url, "/api/v1/agents?intent=a+%26+b&sort=trust");
});

test("what a run handler asks for belongs to the run's chain; what others ask for does not", async (t) => {
  const { asked, requester } = await startServer(t);
  const { line } = await startScripted(t, async (): Promise<RunOutput> => {
    await requester.search({ capability: "a" });
    return { output: 1 };
  });
  const server = await line();
  await server.welcome();
  const { chain } = server.offer();
  await server.next("result");
  await requester.search({ capability: "b" });
  await inChain("chn_x", () => requester.search({ capability: "c" }));
  const chains = asked.map(({ request }) => request.headers["x-linkedclaw-chain-id"]);
  assert.deepEqual(chains, [`chn_${chain}`, undefined, "chn_x"]);
});

test("a file is uploaded under its name", async (t) => {
  const { asked, requester } = await startServer(t);
  const uploaded = await requester.upload({ bytes: Buffer.from("a,b"), filename: "t.csv" });
  assert.deepEqual(uploaded, { file_id: "fil_1" });
  assert.match(asked[0]?.request.headers["content-type"] ?? "", /^multipart\/form-data; boundary=/);
  assert.match(asked[0]?.body ?? "", /name="file"; filename="t.csv"[\s\S]*a,b/);
});

test("a schema is what was declared, or it is not used", async (t) => {
  const { requester } = await startServer(t);
  assert.deepEqual(await requester.schema("agt_1", "good"), { type: "object" });
  assert.equal(await requester.schema("agt_1", "none"), undefined);
  assert.equal(await requester.schema("agt_1", "constructor"), undefined);
  await assert.rejects(requester.schema("agt_1", "bad"), { code: "input_schema_mismatch" });
});

test("a refusal has the server's word, its facts, and the request's id", async (t) => {
  const { url, requester } = await startServer(t);
  const error = await requester.credits().catch((thrown: unknown) => thrown);
  assert.ok(error instanceof RequestError);
  const { code, status, message, requestId, retryAfterSeconds, facts } = error;
  assert.deepEqual(
    { code, status, message, requestId, retryAfterSeconds, facts },
    {
      code: "insufficient_credits",
      status: 402,
      message: "No.",
      requestId: "req_1",
      retryAfterSeconds: 3,
      facts: { error_code: "x", ceiling: 5 },
    },
  );
  await assert.rejects(requester.whoami(), { code: "http_502", status: 502 });
  await assert.rejects(requester.receipts(), { code: "bad_response" });
  const nobody = createRequester({ url: "http://127.0.0.1:9", key: "k" });
  await assert.rejects(nobody.credits(), { code: "server_unreachable", status: 0 });
  await nobody.close();
  assert.ok(url);
});

test("what no request can carry is the program's own mistake, and nothing is sent", async (t) => {
  const { url, asked, requester } = await startServer(t);
  const request = { agent_id: "agt_1", capability: "count" };
  const input = { many: 1n };
  await assert.rejects(requester.invoke({ ...request, input }), /^TypeError: .*BigInt/);
  const mistyped = createRequester({ url, key: "gld_key\n" });
  t.after(() => mistyped.close());
  await assert.rejects(mistyped.credits(), TypeError);
  assert.deepEqual(asked, []);
});

test("whoever waits for a task waits on while the server is away, and not for what is refused", async (t) => {
  const answers: (number | "cut")[] = [];
  const task = { task_id: "gig_1", target_providers: 1, deadline: "2100-01-01T00:00:00Z" };
  const server = createServer((request, response) => {
    request.resume();
    const status = request.method === "POST" ? 200 : (answers.shift() ?? 200);
    if (status === "cut") return void request.socket.destroy();
    const state = request.method === "POST" ? "open" : "completed";
    response.writeHead(status);
    response.end(JSON.stringify({ ...task, status: state, results: [] }));
  });
  const { requester } = await openRequester(t, server);
  const opened = await requester.broadcast({
    ...{ capability: "label", instruction: "all of it", mandate_id: "man_1" },
    ...{ target_providers: 1, credits_per_provider: 5 },
  });
  answers.push(503, "cut", 429);
  assert.equal((await opened.wait({ pollMs: 5 })).status, "completed");
  answers.push(404);
  await assert.rejects(opened.wait({ pollMs: 5 }), { code: "http_404" });
  answers.push(503, 503);
  await assert.rejects(opened.wait({ pollMs: 5, timeoutMs: 0 }), { code: "http_503" });
});
