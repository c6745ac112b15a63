/** A server that cannot start says why, in words that lead on. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { startGuildhall } from "../support/guildhall.ts";

test("a port that is taken is named, and nothing else is blamed", async (t) => {
  const other = createServer().listen(0, "127.0.0.1");
  t.after(() => other.close());
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  await assert.rejects(startGuildhall(t, "embedded", { PORT: String(port) }), (error: Error) => {
    assert.match(error.message, new RegExp(`guildhall: port ${port} of 127.0.0.1 is taken`));
    assert.match(error.message, /set PORT to another/);
    assert.doesNotMatch(error.message, /the database does not answer/);
    return true;
  });
});
