/** What both stores of blobs promise, on a real directory and on a real S3-compatible server. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import type { BlobStore } from "../../src/core/ports.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { systemRandom } from "../../src/lib/random.ts";
import { openDirectoryBlobs } from "../../src/outbound/blobs/directory.ts";
import { openS3Blobs, S3Error } from "../../src/outbound/blobs/s3.ts";
import { startS3Server } from "../support/s3-server.ts";

const TOOLS = { clock: systemClock, random: systemRandom };
const KEY = "0190aaaaaaaaaaaaaaaaaaaa";

interface Opened {
  readonly blobs: BlobStore;
  /** Everything that is on a disk now, on its way or stored. */
  files(): Promise<string[]>;
}

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "guildhall-blobs-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}

const STORES: Readonly<Record<string, (t: TestContext) => Promise<Opened>>> = {
  async directory(t) {
    const folder = await temporaryFolder(t);
    const blobs = await openDirectoryBlobs(folder, TOOLS);
    return { blobs, files: () => filesIn(folder) };
  },
  async s3(t) {
    const staging = await temporaryFolder(t);
    const bucket = await startS3Server(t);
    const blobs = await openS3Blobs(bucket.options, staging, TOOLS);
    t.after(() => blobs.close());
    const files = async () => {
      const kept = await filesIn(bucket.folder);
      return [...kept.filter((name) => name.includes(KEY)), ...(await filesIn(staging))];
    };
    return { blobs, files };
  },
};

function onEachStore(name: string, work: (opened: Opened) => Promise<void>): void {
  for (const [store, open] of Object.entries(STORES)) {
    test(`${name} (${store})`, async (t) => work(await open(t)));
  }
}

async function keep(blobs: BlobStore, bytes: Buffer): Promise<void> {
  const staged = await blobs.stage(Readable.from([bytes]));
  await staged.store(KEY).finally(() => staged.discard());
}

async function contentOf(blobs: BlobStore, start: number, end: number) {
  const stream = await blobs.read(KEY, { start, end });
  return stream && (await buffer(stream));
}

onEachStore("what was stored is read back, whole and in parts", async ({ blobs }) => {
  const bytes = randomBytes(3_000_000);
  const pieces = [bytes.subarray(0, 1), bytes.subarray(1, 1_000_000), bytes.subarray(1_000_000)];
  const staged = await blobs.stage(Readable.from(pieces));
  assert.equal(staged.bytes, bytes.length);
  assert.equal(staged.sha256, createHash("sha256").update(bytes).digest("hex"));
  assert.deepEqual(
    await staged.readAt({ start: 999_990, end: 1_000_010 }),
    bytes.subarray(999_990, 1_000_010),
  );
  assert.deepEqual(
    await staged.readAt({ start: 2_999_999, end: 3_000_100 }),
    bytes.subarray(2_999_999),
  );
  await staged.store(KEY);
  await staged.discard();

  assert.deepEqual(await contentOf(blobs, 0, bytes.length), bytes);
  assert.deepEqual(await contentOf(blobs, 5, 6), bytes.subarray(5, 6));
  assert.deepEqual(await contentOf(blobs, 2_999_000, 3_000_000), bytes.subarray(2_999_000));
  assert.deepEqual(await contentOf(blobs, 7, 7), Buffer.alloc(0));
});

onEachStore("a file without content is a file too", async ({ blobs }) => {
  await keep(blobs, Buffer.alloc(0));
  assert.deepEqual(await contentOf(blobs, 0, 0), Buffer.alloc(0));
});

onEachStore(
  "what is not stored cannot be read, and nothing of it stays",
  async ({ blobs, files }) => {
    const staged = await blobs.stage(Readable.from([Buffer.from("hello")]));
    assert.equal(await contentOf(blobs, 0, 5), undefined);
    await staged.discard();
    assert.deepEqual(await files(), []);
  },
);

onEachStore("a stream that breaks off leaves nothing", async ({ blobs, files }) => {
  const broken = async function* () {
    yield randomBytes(100_000);
    throw new Error("the line went dead");
  };
  await assert.rejects(blobs.stage(broken()), /the line went dead/);
  assert.deepEqual(await files(), []);
});

onEachStore("what was removed is gone, and may be removed again", async ({ blobs, files }) => {
  await keep(blobs, Buffer.from("hello"));
  await blobs.remove(KEY);
  await blobs.remove(KEY);
  assert.equal(await contentOf(blobs, 0, 5), undefined);
  assert.deepEqual(await files(), []);
});

onEachStore("a key that could lead elsewhere is a bug, and is not followed", async ({ blobs }) => {
  for (const key of ["", "..", "../../etc/passwd", `${KEY}/x`, `${KEY}\n`]) {
    await assert.rejects(async () => blobs.read(key, { start: 0, end: 1 }), {
      code: "ERR_ASSERTION",
    });
    await assert.rejects(async () => blobs.remove(key), { code: "ERR_ASSERTION" });
  }
});

test("at its start a server clears what killed processes left behind, and nothing else", async (t) => {
  const folder = await temporaryFolder(t);
  await openDirectoryBlobs(folder, TOOLS);
  const arriving = join(folder, "arriving");
  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "exit");
  const machine = hostname().replace(/[^\w.-]/g, "_");
  const names = {
    ofTheDead: `${machine}~${child.pid}~a`,
    ofOurNumber: `${machine}~${process.pid}~b`,
    ofTheLiving: `${machine}~${process.ppid}~c`,
    ofAnotherMachine: "elsewhere~1~d",
  };
  for (const name of Object.values(names)) await writeFile(join(arriving, name), "half a file");

  await openDirectoryBlobs(folder, TOOLS);
  assert.deepEqual(
    (await readdir(arriving)).sort(),
    [names.ofTheLiving, names.ofAnotherMachine].sort(),
  );

  const tomorrow = { now: () => new Date(Date.now() + 25 * 3_600_000) };
  await openDirectoryBlobs(folder, { ...TOOLS, clock: tomorrow });
  assert.deepEqual(await readdir(arriving), [names.ofTheLiving]);
});

test("S3 is sent what it can check, and a wrong secret or bucket is found at the start", async (t) => {
  const { options } = await startS3Server(t);
  const staging = await temporaryFolder(t);
  await assert.rejects(
    openS3Blobs({ ...options, secretAccessKey: "wrong" }, staging, TOOLS),
    S3Error,
  );
  await assert.rejects(
    openS3Blobs({ ...options, bucket: "missing" }, staging, TOOLS),
    /"missing".*404/,
  );
  await assert.rejects(
    openS3Blobs({ ...options, endpoint: "http://127.0.0.1:9" }, staging, TOOLS),
    /cannot be reached/,
  );
});

test("storage that stumbles is asked again, and given the whole file again", async (t) => {
  const answers = [200, 503, 500, 200];
  const received: string[] = [];
  const server = createServer(async (request, response) => {
    received.push(`${request.method} ${(await buffer(request)).toString()}`);
    response.writeHead(answers.shift() ?? 500).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const endpoint = `http://127.0.0.1:${port}`;
  const options = { endpoint, bucket: "b", region: "r", accessKeyId: "a", secretAccessKey: "s" };
  const blobs = await openS3Blobs(options, await temporaryFolder(t), TOOLS);
  t.after(() => blobs.close());

  await keep(blobs, Buffer.from("hello"));
  assert.deepEqual(received, ["HEAD ", "PUT hello", "PUT hello", "PUT hello"]);
  await assert.rejects(keep(blobs, Buffer.from("hello")), /answered 500/);
});

test("a file of fifty megabytes goes to S3 and comes back the same", async (t) => {
  const { options } = await startS3Server(t);
  const staging = await temporaryFolder(t);
  const blobs = await openS3Blobs(options, staging, TOOLS);
  t.after(() => blobs.close());
  const piece = randomBytes(1024 * 1024);
  const staged = await blobs.stage(Readable.from(Array.from({ length: 50 }, () => piece)));
  await staged.store(KEY);
  await staged.discard();
  const stream = await blobs.read(KEY, { start: 0, end: staged.bytes });
  const hash = createHash("sha256");
  for await (const chunk of stream ?? []) hash.update(chunk);
  assert.equal(hash.digest("hex"), staged.sha256);
});

test("on a directory a stored file is for the server alone, and found by its id", async (t) => {
  const folder = await temporaryFolder(t);
  const blobs = await openDirectoryBlobs(folder, TOOLS);
  await keep(blobs, Buffer.from("hello"));
  assert.equal(await readFile(join(folder, "aaa", KEY), "utf8"), "hello");
});
