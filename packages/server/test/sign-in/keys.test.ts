/** Keys: what a key leads to, how soon one that is revoked stops, and what a non-key costs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createCallers } from "../../src/core/caller.ts";
import { composeKey, KEY_KINDS, KEY_SHAPES } from "../../src/domain/key.ts";
import { createLog } from "../../src/lib/log.ts";
import { systemRandom } from "../../src/lib/random.ts";
import type { Database } from "../../src/store/database.ts";
import { findKey } from "../../src/store/key.ts";
import { onEachHost, openTestDatabase } from "../support/database.ts";
import { memberOf, startSignIn } from "./support.ts";

const INVALID = { code: "unauthenticated" };

/** The same database, with a count of what it is asked. */
function counted(database: Database): { database: Database; count: () => number } {
  let count = 0;
  const query: Database["query"] = (text, parameters) => {
    count++;
    return database.query(text, parameters);
  };
  return { database: { ...database, query }, count: () => count };
}

onEachHost("a key acts for its workspace until it is revoked", async (t, database) => {
  const { core, ...server } = await startSignIn(t, database);
  const { caller } = await memberOf({ core, ...server });
  for (const kind of KEY_KINDS) {
    const { key, secret } = await core.keys.create(caller, { kind, label: " my\nlaptop " });
    assert.equal(key.label, "my laptop");
    const found = await core.callers.authenticate(secret);
    assert.equal(found.workspaceId, caller.workspaceId);
    assert.equal(found.keyId, key.id);
    assert.equal(found.memberId, undefined);
    assert.equal(found.isOperator, false);

    await core.keys.revoke(caller, key.id);
    await assert.rejects(core.callers.authenticate(secret), INVALID, "at once in this process");
  }
});

onEachHost("what is no key makes no query", async (t, database) => {
  const watched = counted(database);
  const { clock } = await startSignIn(t, database);
  const callers = createCallers({ database: watched.database, clock, log: createLog("silent") });
  t.after(() => callers.close());
  const real = composeKey("lc", systemRandom.bytes(KEY_SHAPES.lc.randomBytes));
  const typo = `${real.slice(0, -1)}${real.endsWith("0") ? "1" : "0"}`;
  for (const text of ["", "lc_", "x".repeat(1_000), typo, real.slice(0, -1), `${real} `]) {
    await assert.rejects(callers.authenticate(text), INVALID);
  }
  await assert.rejects(callers.authenticate(real, ["mrg"]), INVALID, "a key of another wire");
  assert.equal(watched.count(), 0);
  await assert.rejects(callers.authenticate(real), INVALID);
  assert.equal(watched.count(), 1);
});

onEachHost("keys that are shown at once are looked up together, and remembered", async (t, db) => {
  const watched = counted(db);
  const server = await startSignIn(t, db);
  const { caller } = await memberOf(server);
  const made = await Promise.all(
    Array.from({ length: 100 }, () => server.core.keys.create(caller, { kind: "lc", label: "k" })),
  );
  const callers = createCallers({
    ...server,
    database: watched.database,
    log: createLog("silent"),
  });
  t.after(() => callers.close());
  const found = await Promise.all(made.map(({ secret }) => callers.authenticate(secret)));
  assert.deepEqual(
    found.map(({ keyId }) => keyId),
    made.map(({ key }) => key.id),
  );
  // Uses are recorded in batches too, so there is a second kind of query.
  assert.ok(watched.count() <= 4, `${watched.count()} queries for 100 keys`);
  await callers.close();
  const before = watched.count();
  for (const { secret } of made) await callers.authenticate(secret);
  assert.equal(watched.count(), before, "for five seconds nobody is asked again");
});

onEachHost("a key revoked by another process stops within five seconds", async (t, database) => {
  const server = await startSignIn(t, database);
  const { caller } = await memberOf(server);
  const { key, secret } = await server.core.keys.create(caller, { kind: "gld", label: "k" });
  const elsewhere = createCallers({ ...server, log: createLog("silent") });
  t.after(() => elsewhere.close());
  await elsewhere.authenticate(secret);
  await server.core.keys.revoke(caller, key.id);
  server.clock.advance(4_999);
  await elsewhere.authenticate(secret);
  server.clock.advance(1);
  await assert.rejects(elsewhere.authenticate(secret), INVALID);
});

onEachHost("a key that is revoked while it is looked up is not remembered", async (t, database) => {
  const server = await startSignIn(t, database);
  const { caller } = await memberOf(server);
  const { secret } = await server.core.keys.create(caller, { kind: "gld", label: "k" });
  let revoke: (() => Promise<void>) | undefined;
  const slow: Database = {
    ...database,
    async query<Row extends object>(text: string, parameters?: readonly unknown[]) {
      const rows = await database.query<Row>(text, parameters);
      await revoke?.();
      return rows;
    },
  };
  const callers = createCallers({ ...server, database: slow, log: createLog("silent") });
  t.after(() => callers.close());
  revoke = async () => {
    revoke = undefined;
    await database.query("update keys set revoked_at = $1", [server.clock.now()]);
    callers.forgetWorkspace(caller.workspaceId);
  };
  await callers.authenticate(secret);
  await assert.rejects(callers.authenticate(secret), INVALID);
});

onEachHost("a key ends when it expires, also while it is remembered", async (t, database) => {
  const { core, clock, ...server } = await startSignIn(t, database);
  const { caller } = await memberOf({ core, clock, ...server });
  const expiresAt = new Date(clock.now().getTime() + 2_000);
  const { secret } = await core.keys.create(caller, { kind: "lc", label: "k", expiresAt });
  await core.callers.authenticate(secret);
  clock.advance(2_000);
  await assert.rejects(core.callers.authenticate(secret), INVALID);
});

onEachHost(
  "a suspended workspace is told so, and its keys work again after",
  async (t, database) => {
    const { core, ...server } = await startSignIn(t, database);
    const { caller, memberId } = await memberOf({ core, ...server });
    const { secret } = await core.keys.create(caller, { kind: "lc", label: "k" });
    await core.callers.authenticate(secret);
    await core.members.suspend("ada@example.org");
    await assert.rejects(core.callers.authenticate(secret), { code: "suspended" });
    await assert.rejects(core.callers.ofMember(memberId), { code: "suspended" });
    await core.members.resume("ada@example.org");
    await core.callers.authenticate(secret);
  },
);

onEachHost("when a key was used last is written once a minute", async (t, database) => {
  const server = await startSignIn(t, database);
  const { caller } = await memberOf(server);
  const { key, secret } = await server.core.keys.create(caller, { kind: "lc", label: "k" });
  const callers = createCallers({ ...server, log: createLog("silent") });
  const lastUse = async () => {
    await callers.close();
    return (await findKey(database, key.id))?.lastUsedAt;
  };
  const first = server.clock.now();
  await callers.authenticate(secret);
  assert.deepEqual(await lastUse(), first);

  const later = createCallers({ ...server, log: createLog("silent") });
  await later.authenticate(secret);
  server.clock.advance(59_999);
  await later.authenticate(secret);
  await later.close();
  assert.deepEqual((await findKey(database, key.id))?.lastUsedAt, first);
});

onEachHost("a key makes, lists and revokes no keys", async (t, database) => {
  const { core, ...server } = await startSignIn(t, database);
  const { caller } = await memberOf({ core, ...server });
  const { key, secret } = await core.keys.create(caller, { kind: "lc", label: "k" });
  const asKey = await core.callers.authenticate(secret);
  const refused = { code: "forbidden" };
  await assert.rejects(core.keys.create(asKey, { kind: "lc", label: "k" }), refused);
  await assert.rejects(core.keys.list(asKey), refused);
  await assert.rejects(core.keys.revoke(asKey, key.id), refused);
  await assert.rejects(core.keys.update(asKey, key.id, { label: "x" }), refused);
});

onEachHost("another's key does not exist", async (t, database) => {
  const { core, ...server } = await startSignIn(t, database);
  const ada = await memberOf({ core, ...server });
  const bob = await memberOf({ core, ...server }, "bob@example.org");
  const { key, secret } = await core.keys.create(ada.caller, { kind: "lc", label: "k" });
  for (const id of [key.id, "0".repeat(24), "x"]) {
    await assert.rejects(core.keys.revoke(bob.caller, id), { code: "not_found" });
    await assert.rejects(core.keys.update(bob.caller, id, { label: "mine" }), {
      code: "not_found",
    });
  }
  await core.callers.authenticate(secret);
  assert.deepEqual(await core.keys.list(bob.caller), []);
});

onEachHost("limits are the key's and the caller knows them", async (t, database) => {
  const { core, ...server } = await startSignIn(t, database);
  const { caller } = await memberOf({ core, ...server });
  const limits = { dailyMicros: 5_000_000n, monthlyMicros: undefined, prepaidMicros: 0n };
  const { key, secret } = await core.keys.create(caller, { kind: "lc", label: "k", limits });
  assert.deepEqual((await core.callers.authenticate(secret)).keyLimits, limits);
  const fewer = { ...limits, dailyMicros: 1n };
  await core.keys.update(caller, key.id, { limits: fewer });
  assert.deepEqual((await core.callers.authenticate(secret)).keyLimits, fewer, "at once");
});

test("a workspace has so many keys and no more", async (t) => {
  const server = await startSignIn(t, await openTestDatabase(t, "any"));
  const { keys } = server.core;
  const { caller } = await memberOf(server);
  for (let count = 0; count < 200; count++) {
    await keys.create(caller, { kind: "lc", label: `${count}` });
  }
  await assert.rejects(keys.create(caller, { kind: "lc", label: "k" }), { code: "conflict" });
  const [newest] = await keys.list(caller);
  await keys.revoke(caller, newest?.id ?? "");
  await keys.create(caller, { kind: "lc", label: "again" });
});
