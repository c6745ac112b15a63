import assert from "node:assert/strict";
import { test } from "node:test";
import { describeSchema } from "../../src/store/describe-schema.ts";
import { DATABASE_HOSTS, isSkipped, onEachHost, openTestDatabase } from "../support/database.ts";

test("the schema reads the same on both hosts", async (t) => {
  const texts = new Set<string>();
  for (const host of DATABASE_HOSTS) {
    if (await isSkipped(t, host)) return;
    texts.add(await describeSchema(await openTestDatabase(t, host)));
  }
  const [text, ...others] = texts;
  assert.deepEqual(others, []);
  assert.match(text ?? "", /^create table workspaces \(\n {2}id text collate "C" not null,\n/m);
});

onEachHost("what the description cannot say, it does not pass over", async (_t, database) => {
  await database.query("create view peek as select 1 as one");
  await assert.rejects(describeSchema(database), /does not describe peek \(v\)/);
});
