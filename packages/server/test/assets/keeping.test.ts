/** How much a workspace may store, how long it stays, and what is left when things break. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { test } from "node:test";
import type { BlobStore } from "../../src/core/ports.ts";
import type { Caller } from "../../src/domain/caller.ts";
import { faultCodeOf } from "../../src/domain/fault.ts";
import { onEachHost, openTestDatabase } from "../support/database.ts";
import { DAY_MS, type Hall, openHall } from "./support.ts";

async function upload(hall: Hall, caller: Caller, content: string): Promise<string> {
  const asset = await hall.assets.upload(caller, {
    stream: Readable.from([Buffer.from(content)]),
    filename: "a.txt",
    declaredMime: undefined,
  });
  return asset.id;
}

function refusedWith(code: string) {
  return (error: unknown) => faultCodeOf(error) === code;
}

function uses(id: string) {
  return { file: { file_id: `fil_${id}` } };
}

onEachHost(
  "a workspace stores as much as it may, however many uploads race",
  async (t, database) => {
    const hall = await openHall(t, database, { workspaceBytesMax: 100 });
    const [alice, bob] = [await hall.workspace("alice"), await hall.workspace("bob")];
    const attempts: Promise<string>[] = [];
    for (let round = 0; round < 8; round++) {
      const race = Array.from({ length: 4 }, () => upload(hall, alice, "x".repeat(9)));
      attempts.push(...race);
      await Promise.allSettled(race);
    }
    const results = await Promise.allSettled(attempts);
    const refused = results.filter((result) => result.status === "rejected");
    assert.equal(results.length - refused.length, 11);
    assert.ok(refused.every(({ reason }) => refusedWith("storage_limit_reached")(reason)));
    assert.equal((await hall.filesOnDisk()).length, 11);
    // What one has used up is no concern of another.
    await upload(hall, bob, "x".repeat(100));
    await assert.rejects(upload(hall, bob, "x"), refusedWith("storage_limit_reached"));
  },
);

test("a workspace sends a few files at once, and cannot keep others from sending theirs", async (t) => {
  const hall = await openHall(t, await openTestDatabase(t, "any"));
  const [alice, bob] = [await hall.workspace("alice"), await hall.workspace("bob")];
  const streams = Array.from({ length: 4 }, () => new Readable({ read: () => undefined }));
  const open = streams.map((stream) =>
    hall.assets.upload(alice, { stream, filename: "a.txt", declaredMime: undefined }),
  );
  await assert.rejects(upload(hall, alice, "one more"), refusedWith("rate_limited"));
  await upload(hall, bob, "hello");
  for (const stream of streams) stream.push(null);
  await Promise.all(open);
  await upload(hall, alice, "hello");
});

onEachHost(
  "a file goes when it was not used for thirty days, and no sooner",
  async (t, database) => {
    const hall = await openHall(t, database);
    const [alice, bob] = [await hall.workspace("alice"), await hall.workspace("bob")];
    const idle = await upload(hall, alice, "idle");
    const used = await upload(hall, alice, "used");
    await hall.inputFiles.deliver(alice.workspaceId, uses(idle), hall.clock.now(), bob.workspaceId);
    hall.clock.advance(20 * DAY_MS);
    await hall.inputFiles.check(alice.workspaceId, uses(used));
    hall.clock.advance(10 * DAY_MS);
    assert.equal(await hall.assets.removeExpired(), 0);
    hall.clock.advance(1);
    assert.equal(await hall.assets.removeExpired(), 1);
    assert.deepEqual(await hall.filesOnDisk(), [used]);
    assert.deepEqual(await hall.rows(), [{ id: used, state: "stored" }]);
    await assert.rejects(
      hall.inputFiles.check(alice.workspaceId, uses(idle)),
      refusedWith("invalid_file"),
    );
    await assert.rejects(hall.assets.open(alice, idle), refusedWith("not_found"));
    await hall.inputFiles.check(alice.workspaceId, uses(used));
  },
);

test("removing many files takes them all, and gives their room back", async (t) => {
  const hall = await openHall(t, await openTestDatabase(t, "any"), { workspaceBytesMax: 150 });
  const alice = await hall.workspace("alice");
  for (let count = 0; count < 150; count++) await upload(hall, alice, "x");
  await assert.rejects(upload(hall, alice, "x"), refusedWith("storage_limit_reached"));
  hall.clock.advance(31 * DAY_MS);
  assert.equal(await hall.assets.removeExpired(), 150);
  assert.deepEqual(await hall.filesOnDisk(), []);
  await upload(hall, alice, "x");
});

test("two files with the same content are two files: removing one leaves the other", async (t) => {
  const hall = await openHall(t, await openTestDatabase(t, "any"));
  const [alice, bob] = [await hall.workspace("alice"), await hall.workspace("bob")];
  await upload(hall, alice, "the same");
  hall.clock.advance(20 * DAY_MS);
  const kept = await upload(hall, bob, "the same");
  hall.clock.advance(11 * DAY_MS);
  assert.equal(await hall.assets.removeExpired(), 1);
  const file = await hall.assets.open(bob, kept);
  const stream = await file.read({ start: 0, end: 8 });
  assert.equal(Buffer.concat(await stream.toArray()).toString(), "the same");
});

test("where the disk fails, the upload fails, nothing stays, and the room is given back", async (t) => {
  let broken = true;
  const hall = await openHall(t, await openTestDatabase(t, "any"), {
    workspaceBytesMax: 10,
    wrapBlobs: (blobs) => ({
      ...blobs,
      async stage(source) {
        const staged = await blobs.stage(source);
        const store = (key: string) =>
          broken ? Promise.reject(new Error("no space left on device")) : staged.store(key);
        return { ...staged, store };
      },
    }),
  });
  const alice = await hall.workspace("alice");
  await assert.rejects(upload(hall, alice, "0123456789"), /no space left/);
  assert.deepEqual(await hall.filesOnDisk(), []);
  assert.deepEqual(await hall.rows(), []);
  broken = false;
  await upload(hall, alice, "0123456789");
});

onEachHost(
  "what a process that died left half done is cleared away an hour later",
  async (t, database) => {
    const blobsBefore: BlobStore[] = [];
    const hall = await openHall(t, database, {
      wrapBlobs: (blobs) => {
        blobsBefore.push(blobs);
        // A process that dies after the blob was written, and one that dies while removing.
        const gone = () => new Promise<never>(() => undefined);
        const stage: BlobStore["stage"] = async (source) => {
          const staged = await blobs.stage(source);
          return { ...staged, store: (key) => staged.store(key).then(gone) };
        };
        return { ...blobs, stage };
      },
    });
    const alice = await hall.workspace("alice");
    void upload(hall, alice, randomBytes(4).toString("hex"));
    for (;;) {
      const rows = await hall.rows();
      const onDisk = await hall.filesOnDisk();
      if (rows.length === 1 && onDisk.some((name) => name === rows[0]?.id)) break;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.equal((await hall.rows())[0]?.state, "arriving");
    await database.query(
      `insert into assets(id, workspace_id, mime, bytes, sha256, filename, state, created_at, used_at)
     select '0190aaaaaaaaaaaaaaaaaaaa', workspace_id, mime, bytes, sha256, filename, 'leaving',
            created_at, used_at from assets`,
    );
    assert.equal(await hall.assets.removeExpired(), 0);
    hall.clock.advance(3_600_001);
    assert.equal(await hall.assets.removeExpired(), 2);
    assert.deepEqual(await hall.rows(), []);
    assert.deepEqual(await hall.filesOnDisk(), []);
  },
);
