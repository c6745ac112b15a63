/** The process itself: what it says to the server, and how it ends. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { HOUSE_CAPABILITIES } from "../src/index.ts";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const AGENT_ID = "agt_0192f0c1a2b3c4d5e6f70819";

interface Request {
  method: string | undefined;
  url: string | undefined;
  authorization: string | undefined;
  body: unknown;
}

/** A server that answers each request with a status and a body, and remembers what it was asked. */
async function listen(
  t: TestContext,
  answer: (request: Request) => { status: number; body: unknown },
): Promise<{ url: string; requests: Request[]; server: Server }> {
  const requests: Request[] = [];
  const server = createServer(async (message: IncomingMessage, response) => {
    const { method, url, headers } = message;
    const body = method === "GET" ? undefined : await json(message);
    const request = { method, url, authorization: headers.authorization, body };
    requests.push(request);
    const { status, body: reply } = answer(request);
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(reply));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests, server };
}

interface House {
  child: ChildProcess;
  /** Resolves with the first line whose event is this. */
  said(event: string): Promise<Record<string, unknown>>;
  ended: Promise<number | null>;
}

function start(
  t: TestContext,
  environment: Record<string, string>,
  also: readonly "ipc"[] = [],
): House {
  const child = spawn(process.execPath, [MAIN], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ["ignore", "ignore", "pipe", ...also],
  });
  t.after(() => child.kill("SIGKILL"));
  const lines: Record<string, unknown>[] = [];
  let rest = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    const parts = `${rest}${chunk}`.split("\n");
    rest = parts.pop() ?? "";
    lines.push(...parts.map((line) => JSON.parse(line) as Record<string, unknown>));
    child.emit("said");
  });
  return {
    child,
    ended: once(child, "exit").then(([code]) => code as number | null),
    async said(event) {
      for (;;) {
        const line = lines.find((each) => each.event === event);
        if (line) return line;
        await Promise.race([once(child, "said"), once(child, "close")]);
        const isOver = child.exitCode !== null && !lines.some((each) => each.event === event);
        if (isOver) throw new Error(`It ended without "${event}": ${JSON.stringify(lines)}`);
      }
    },
  };
}

test("it does not start without its settings, and says which is missing", async (t) => {
  const house = start(t, { GUILDHALL_URL: "http://127.0.0.1:1" });
  assert.match(String((await house.said("failed")).error), /GUILDHALL_HOUSE_KEY is not set/);
  assert.equal(await house.ended, 1);
});

test("it publishes what it offers, with schemas and prices, then connects; SIGTERM ends it", async (t) => {
  const { url, requests, server } = await listen(t, ({ method }) =>
    method === "GET" ? { status: 200, body: [] } : { status: 201, body: { agent_id: AGENT_ID } },
  );
  const upgraded = new Promise<IncomingMessage>((resolve) => {
    server.on("upgrade", (request, socket) => {
      socket.destroy();
      resolve(request);
    });
  });
  const house = start(t, { GUILDHALL_URL: url, GUILDHALL_HOUSE_KEY: "gld_test" });
  await upgraded;
  const [search, registration] = requests;
  assert.equal(search?.method, "GET");
  assert.equal(registration?.method, "POST");
  assert.equal(registration?.url, "/api/v1/agents");
  assert.equal(registration?.authorization, "Bearer gld_test");
  const listing = registration?.body as {
    slug: string;
    capabilities: string[];
    capabilities_meta: Record<string, { curve: unknown; input_schema: unknown }>;
  };
  assert.equal(listing.slug, "house");
  assert.deepEqual(
    listing.capabilities,
    HOUSE_CAPABILITIES.map(({ slug }) => slug),
  );
  for (const { slug, priceCredits, inputSchema } of HOUSE_CAPABILITIES) {
    const meta = listing.capabilities_meta[slug];
    const tier = { tier_name: "standard", cost_shape: "per_call", cost_amount: priceCredits };
    assert.deepEqual(meta?.curve, [tier]);
    assert.deepEqual(meta?.input_schema, inputSchema);
  }
  house.child.kill("SIGTERM");
  assert.equal(await house.ended, 0);
});

test("a listing that is there already is brought up to date", async (t) => {
  const { url, requests, server } = await listen(t, ({ method }) => {
    const card = { agent_id: AGENT_ID, slug: "house" };
    return { status: 200, body: method === "GET" ? [{ slug: "other" }, card] : card };
  });
  const upgraded = once(server, "upgrade");
  const house = start(t, { GUILDHALL_URL: url, GUILDHALL_HOUSE_KEY: "gld_test" });
  const [, socket] = await upgraded;
  socket.destroy();
  assert.equal(requests[1]?.method, "PATCH");
  assert.equal(requests[1]?.url, `/api/v1/agents/${AGENT_ID}`);
  house.child.kill("SIGTERM");
  assert.equal(await house.ended, 0);
});

test("a key that the server refuses ends it; a server that is not there yet is waited for", async (t) => {
  const { url } = await listen(t, () => ({ status: 401, body: { error: "invalid_api_key" } }));
  const refused = start(t, { GUILDHALL_URL: url, GUILDHALL_HOUSE_KEY: "gld_wrong" });
  assert.match(String((await refused.said("failed")).error), /invalid_api_key/);
  assert.equal(await refused.ended, 1);

  // Port 1 is reserved, and nothing listens there.
  const waiting = start(t, { GUILDHALL_URL: "http://127.0.0.1:1", GUILDHALL_HOUSE_KEY: "gld_k" });
  assert.match(String((await waiting.said("waiting")).reason), /could not be reached/);
  waiting.child.kill("SIGTERM");
  assert.equal(await waiting.ended, 0);
});

test("it ends with the server that started it, however that ended", async (t) => {
  const { url, server } = await listen(t, () => ({ status: 201, body: { agent_id: AGENT_ID } }));
  const upgraded = once(server, "upgrade");
  const house = start(t, { GUILDHALL_URL: url, GUILDHALL_HOUSE_KEY: "gld_test" }, ["ipc"]);
  const [, socket] = await upgraded;
  socket.destroy();
  house.child.disconnect();
  assert.equal(await house.ended, 0);
});
