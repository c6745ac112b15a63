import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { request } from "undici";
import { strangersLast } from "./strangers-last.ts";

const KNOWN = "gld_known";

/** A server that answers everybody, as far as they get; what it was asked with. */
async function serverWith(t: TestContext, waitingMax?: number) {
  const isKnown = (secret: string) => secret === KNOWN;
  const server = createServer(
    strangersLast((_request, response) => response.end("answered"), isKnown, waitingMax),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  return async (headers: Record<string, string>) => {
    const answer = await request(`http://127.0.0.1:${port}`, { headers });
    return { ...answer, text: await answer.body.text() };
  };
}

// biome-ignore format: read as a table
const STRANGERS: readonly Record<string, string>[] = [
  { authorization: "Bearer gld_unknown" },
  { authorization: "Basic Z2xkOnVua25vd24=" },
  { authorization: "" },
  { "x-api-key": "gld_unknown" },
];

test("whoever is not known is answered as well", async (t) => {
  const ask = await serverWith(t);
  const asked = await Promise.all([...STRANGERS, ...STRANGERS].map(ask));
  assert.ok(asked.every(({ statusCode, text }) => statusCode === 200 && text === "answered"));
});

test("where too many strangers wait they are sent away, and nobody else is", async (t) => {
  const ask = await serverWith(t, 0);
  for (const headers of STRANGERS) {
    const { statusCode, headers: told, text } = await ask(headers);
    assert.deepEqual([statusCode, told["retry-after"]], [503, "1"]);
    assert.equal(JSON.parse(text).error.code, "overloaded");
  }
  for (const headers of [{}, { authorization: `Bearer ${KNOWN}` }, { "x-api-key": KNOWN }]) {
    const { text } = await ask(headers as Record<string, string>);
    assert.equal(text, "answered");
  }
});
