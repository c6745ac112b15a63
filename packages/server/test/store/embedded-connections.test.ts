/** Many connections on the one backend of the embedded host, as drivers see it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type pg from "pg";
import { readyStatusOf, startupMessage, syncMessage } from "../../src/store/embedded/wire.ts";
import { openTestDatabase } from "../support/database.ts";
import { openTestConnections } from "../support/embedded-connections.ts";

const COUNT = "select count(*)::int as n from kept";

test("overlapping transactions on ten connections never see each other", async (t) => {
  const { database } = await openTestConnections(t, 10);
  await database.query("create table counters(id int primary key, value int not null)");
  await database.query("insert into counters select id, 0 from generate_series(0, 4) as id");
  const big = "x".repeat(300_000);

  const seen = await Promise.all(
    Array.from({ length: 120 }, (_, index) =>
      database.transaction(async (tx) => {
        const id = index % 5;
        const [before] = await tx.query<{ value: number }>(
          "select value from counters where id = $1",
          [id],
        );
        // Another turn of the event loop between the statements lets the others in, if they could.
        await delay(0);
        const said = `${index}:${big}`;
        const [echo] = await tx.query<{ text: string }>("select $1::text as text", [said]);
        const value = (before?.value ?? 0) + 1;
        await tx.query("update counters set value = $1 where id = $2", [value, id]);
        return echo?.text === said;
      }),
    ),
  );

  assert.ok(seen.every(Boolean), "an answer went to another");
  assert.deepEqual(await database.query("select distinct value from counters"), [{ value: 24 }]);
});

test("statements outside of a transaction wait for it, and all are answered", async (t) => {
  const database = await openTestDatabase(t, "embedded");
  const order: string[] = [];
  const outside: Promise<unknown>[] = [];
  await database.transaction(async (tx) => {
    await tx.query("select 1");
    for (let n = 0; n < 20; n++) {
      const one = database.query("select $1::int as n", [n]).then((rows) => {
        order.push("outside");
        assert.deepEqual(rows, [{ n }]);
      });
      outside.push(one);
    }
    await delay(100);
    await tx.query("select 2");
    order.push("inside");
  });
  await Promise.all(outside);
  assert.deepEqual(order, ["inside", ...outside.map(() => "outside")]);
});

test("two connections may use one name for different statements", async (t) => {
  const { newClient } = await openTestConnections(t, 1);
  const clients = await Promise.all([newClient(), newClient()]);
  const texts = ["select 'first' as said", "select 'second' as said"];
  for (let round = 0; round < 3; round++) {
    const said = await Promise.all(
      clients.map((client, index) => client.query({ name: "same", text: texts[index] ?? "" })),
    );
    assert.deepEqual(
      said.map((result) => result.rows[0].said),
      ["first", "second"],
    );
  }
});

test("a connection's statements go when it closes", async (t) => {
  const { database, newClient } = await openTestConnections(t, 1);
  const count = async () => {
    const [row] = await database.query<{ n: number }>(
      "select count(*)::int as n from pg_prepared_statements where name like '%gone'",
    );
    return row?.n;
  };
  const client = await newClient();
  await client.query({ name: "gone", text: "select 1" });
  assert.equal(await count(), 1);
  await client.end();
  // The goodbye travels on a channel of its own.
  while ((await count()) !== 0) await delay(10);
});

test("a disconnect in a transaction rolls it back and lets the others on", async (t) => {
  const { database, newClient } = await openTestConnections(t, 1);
  await database.query("create table kept(id int)");
  const client = await newClient();
  client.on("error", () => undefined);
  await client.query("begin");
  await client.query("insert into kept values (1)");
  const waiting = database.query(COUNT);
  streamOf(client).destroy();
  assert.deepEqual(await waiting, [{ n: 0 }]);
});

test("a client that says nothing inside a transaction is ended, and told why", async (t) => {
  const { database, newClient } = await openTestConnections(t, 1);
  await database.query("create table kept(id int)");
  const client = await newClient();
  const ended = new Promise<Error & { code?: string }>((resolve) => client.on("error", resolve));
  await client.query("begin");
  await client.query("insert into kept values (1)");
  assert.deepEqual(await database.query(COUNT), [{ n: 0 }]);
  const error = await ended;
  assert.equal(error.code, "25P03");
  assert.match(error.message, /was idle for 2 s and was rolled back/);
});

test("a transaction that awaits something else fails, and its database goes on", async (t) => {
  const database = await openTestDatabase(t, "embedded");
  await database.query("create table kept(id int)");
  const stuck = database.transaction(async (tx) => {
    await tx.query("insert into kept values (1)");
    // Waits for the backend that this very transaction has.
    await database.query("select 1");
    await tx.query("select 1");
  });
  await assert.rejects(stuck, { code: "25P03" });
  assert.deepEqual(await database.query(COUNT), [{ n: 0 }]);
});

for (const [form, copy] of Object.entries({
  "by itself": (client: pg.Client) => client.query("copy t from stdin"),
  "among others": (client: pg.Client) => client.query("select 1; COPY t(a) FROM\n STDIN; select 2"),
  prepared: (client: pg.Client) => client.query({ name: "c", text: "copy t from stdin" }),
})) {
  test(`COPY FROM STDIN is refused, ${form}, and its connection goes on`, async (t) => {
    const { newClient } = await openTestConnections(t, 1);
    const client = await newClient();
    await client.query("create table t(a text)");
    await assert.rejects(copy(client), /cannot be served by the embedded database/);
    const { rows } = await client.query("select 'copy from stdin' as words, count(*) from t");
    assert.deepEqual(rows, [{ words: "copy from stdin", count: "0" }]);
  });
}

test("another's unnamed statement is never run in place of one's own", async (t) => {
  const { host, newClient } = await openTestConnections(t, 1);
  const other = await newClient();
  const raw = host.stream();
  t.after(() => raw.destroy());
  const answerTo = async (...messages: Buffer[]) => {
    raw.write(Buffer.concat(messages));
    let answer = Buffer.alloc(0);
    while (!readyStatusOf(answer)) {
      const [chunk] = (await once(raw, "data")) as [Buffer];
      answer = Buffer.concat([answer, chunk]);
    }
    return answer.toString("latin1");
  };
  await answerTo(startupMessage());
  // Parses without a name, ends the cycle, and binds it in a later one.
  await answerTo(rawMessage("P", "\0select 'own' as said\0\0\0"), syncMessage());
  await other.query("select $1::text as said", ["another's"]);
  const bind = rawMessage("B", "\0\0\0\0\0\0\0\0");
  const answer = await answerTo(bind, rawMessage("E", "\0\0\0\0\0"), syncMessage());
  assert.match(answer, /26000/);
  assert.doesNotMatch(answer, /another's/);
});

function rawMessage(type: string, body: string): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, "latin1");
  head.writeUInt32BE(4 + body.length, 1);
  return Buffer.concat([head, Buffer.from(body, "latin1")]);
}

/** The stream under a client, which node-postgres does not show. */
function streamOf(client: pg.Client): { destroy(): void } {
  return (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream;
}
