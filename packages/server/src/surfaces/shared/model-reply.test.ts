import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import type { ReplyPiece } from "../../core/index.ts";
import { wholeReply } from "./model-reply.ts";

test("an answer that cannot be worded was not delivered, and whoever meters it is told so", async (t) => {
  const said: string[] = [];
  async function* pieces(): AsyncGenerator<ReplyPiece, void> {
    try {
      yield { bytes: Buffer.from("{}"), textBytes: 2, textEvents: 1 };
      said.push("delivered");
    } finally {
      said.push("over");
    }
  }
  const app = new Hono();
  app.get("/:how", (c) =>
    wholeReply(c, { runId: "run_1", pieces: pieces() }, () => {
      if (c.req.param("how") === "fine") return "worded";
      throw new Error("no words for it");
    }),
  );
  app.onError((error, c) => c.text(error.message, 500));
  const server = createServer(getRequestListener(app.fetch, { overrideGlobalObjects: false }));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const ask = async (how: string) => {
    const { port } = server.address() as AddressInfo;
    const response = await fetch(`http://127.0.0.1:${port}/${how}`);
    return [response.status, await response.text()];
  };

  assert.deepEqual(await ask("wordless"), [500, "no words for it"]);
  assert.deepEqual(said.splice(0), ["over"]);
  assert.deepEqual(await ask("fine"), [200, "worded"]);
  assert.deepEqual(said, ["delivered", "over"]);
});
