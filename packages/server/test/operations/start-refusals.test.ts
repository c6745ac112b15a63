/** A server that cannot start says why, in words that lead on. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { emptyDirectory, isSkipped, testDatabaseUrl } from "../support/database.ts";
import { startGuildhall, startServer } from "../support/guildhall.ts";

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

test("a database that cannot be used is named with its setting, and its password is not", async (t) => {
  const other = createServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
  t.after(() => other.close());
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const url = `postgres://us:hunter2@127.0.0.1:${port}/books`;
  await assert.rejects(startGuildhall(t, "embedded", { DATABASE_URL: url }), (error: Error) => {
    const place = `PostgreSQL at 127.0.0.1:${port}/books, from DATABASE_URL, cannot be used: `;
    assert.ok(error.message.includes(`guildhall: ${place}`), error.message);
    assert.doesNotMatch(error.message, /hunter2|at async /);
    return true;
  });
});

test("a database that is not there is named with its setting", async (t) => {
  if (await isSkipped(t, "postgresql")) return;
  const url = new URL(await testDatabaseUrl(t));
  url.pathname = "/there_is_none";
  await assert.rejects(
    startGuildhall(t, "embedded", { DATABASE_URL: url.href }),
    new RegExp(`${url.host}/there_is_none, from DATABASE_URL, cannot be used: .*does not exist`),
  );
});

test("a data directory that is none is named with its setting", async (t) => {
  const file = join(await emptyDirectory(t), "file");
  writeFileSync(file, "");
  const directory = join(file, "data");
  await assert.rejects(startServer(t, directory, {}), (error: Error) => {
    const words = `the data directory ${directory}, from GUILDHALL_DATA_DIR, cannot be used: `;
    assert.ok(error.message.includes(`guildhall: ${words}`), error.message);
    assert.doesNotMatch(error.message, / at prepareDirectory /);
    return true;
  });
});
