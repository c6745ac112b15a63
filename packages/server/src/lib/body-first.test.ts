/** Clients that send all of their body before they look for an answer, as Python's urllib does. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { type BodyFirstLimits, bodyFirst } from "./body-first.ts";

/** More than the kernel keeps for a socket that nobody reads. */
const BYTES = 24 * 1024 * 1024;

interface Framing {
  readonly header: string;
  readonly before: string;
  readonly after: string;
}

// biome-ignore format: read as a table
const FRAMINGS: readonly Framing[] = [
  { header: `content-length: ${BYTES}`,    before: "",                            after: "" },
  { header: "transfer-encoding: chunked",  before: `${BYTES.toString(16)}\r\n`, after: "\r\n0\r\n\r\n" },
];

/** A server that refuses everything at once; what a client that sends first gets to read of it. */
async function refused(
  t: TestContext,
  { header, before, after }: Framing,
  limits?: BodyFirstLimits,
  bytes = BYTES,
): Promise<string | undefined> {
  const server = createServer(
    bodyFirst((_request, response) => {
      response.writeHead(413, { "content-type": "text/plain" });
      response.end("too large");
    }, limits),
  );
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const head = `POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n${header}\r\n\r\n`;
  try {
    for (const part of [head + before, Buffer.alloc(bytes), after]) {
      if (part.length > 0 && !socket.write(part)) await once(socket, "drain");
    }
    return await text(socket);
  } catch {
    return undefined;
  } finally {
    socket.destroy();
  }
}

test("who sends everything first reads the refusal, not a broken pipe", async (t) => {
  for (const framing of FRAMINGS) {
    const answer = await refused(t, framing);
    assert.match(answer ?? "nothing", /^HTTP\/1\.1 413 .*too large/s, framing.header);
  }
});

test("nobody is listened to for ever", async (t) => {
  const limits = { bytesMax: 1024 * 1024, msMax: 60_000, idleMs: 60_000 };
  for (const framing of FRAMINGS) assert.equal(await refused(t, framing, limits), undefined);
});

test("who stops in the middle is answered soon", async (t) => {
  const limits = { bytesMax: 2 * BYTES, msMax: 60_000, idleMs: 20 };
  const [declared] = FRAMINGS as [Framing];
  assert.match((await refused(t, declared, limits, BYTES / 2)) ?? "nothing", / 413 /);
});
