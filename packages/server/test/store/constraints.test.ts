import assert from "node:assert/strict";
import { isBrokenBy, refusing } from "../../src/store/constraints.ts";
import { onEachHost } from "../support/database.ts";

const MEMBER =
  "insert into members(id, workspace_id, email, handle, created_at) values ($1, $2, $3, $4, now())";

onEachHost("a listed constraint refuses in the caller's words", async (_t, database) => {
  await database.query("insert into workspaces(id, name, created_at) values ('w', 'W', now())");
  const insert = (id: string, email: string, handle: string) =>
    refusing(database.query(MEMBER, [id, "w", email, handle]));
  await insert("1", "a@example.com", "a");

  const taken = { name: "Fault", code: "slug_taken", message: "This handle is taken." };
  await assert.rejects(insert("2", "b@example.com", "a"), taken);
  await assert.rejects(insert("2", "a@example.com", "b"), { name: "Fault", code: "conflict" });
});

onEachHost("an unlisted constraint is a bug and stays an error", async (_t, database) => {
  const orphan = refusing(database.query(MEMBER, ["1", "nobody", "a@example.com", "a"]));
  await assert.rejects(orphan, (error) => {
    assert.equal((error as { code: string }).code, "23503");
    assert.equal(isBrokenBy(error, "members_email"), false);
    return true;
  });
});

onEachHost("both drivers' errors are understood", async (_t, database) => {
  await database.query("insert into workspaces(id, name, created_at) values ('w', 'W', now())");
  await database.query(MEMBER, ["1", "w", "a@example.com", "a"]);
  const again = ["2", "w", "a@example.com", "b"];
  for (const write of [database.query(MEMBER, again), database.pool().query(MEMBER, again)]) {
    await assert.rejects(write, (error) => isBrokenBy(error, "members_email"));
  }
});
