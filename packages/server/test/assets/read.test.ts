/** Who may read a stored file, and how it is served. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Caller } from "../../src/domain/caller.ts";
import { faultCodeOf } from "../../src/domain/fault.ts";
import { onEachHost, openTestDatabase } from "../support/database.ts";
import { fixture, type Hall, openHall } from "./support.ts";

interface Uploaded {
  readonly id: string;
  readonly sha256: string;
}

async function upload(hall: Hall, caller: Caller, content: Uint8Array | string, filename: string) {
  const answer = await hall.upload(caller, content, { filename });
  assert.equal(answer.status, 201);
  return (await answer.json()) as Uploaded;
}

function read(
  hall: Hall,
  caller: Caller,
  id: string,
  headers: Record<string, string> = {},
  method = "GET",
) {
  return fetch(`${hall.url}/own/${id}`, {
    method,
    headers: { "x-workspace": caller.workspaceId, ...headers },
  });
}

/** What a provider is handed for a file. */
async function deliver(hall: Hall, from: Caller, to: Caller, id: string) {
  const input = { file: { file_id: `fil_${id}` } };
  await hall.inputFiles.check(from.workspaceId, input);
  const delivered = await hall.inputFiles.deliver(
    from.workspaceId,
    input,
    hall.clock.now(),
    to.workspaceId,
  );
  return (delivered as { file: Record<string, string | number> }).file;
}

onEachHost(
  "a file is its workspace's, and of whoever was given work with it",
  async (t, database) => {
    const hall = await openHall(t, database);
    const [alice, bob, carol] = [
      await hall.workspace("alice"),
      await hall.workspace("bob"),
      await hall.workspace("carol"),
    ];
    const { id } = await upload(hall, alice, "hello", "a.txt");
    assert.equal(await (await read(hall, alice, id)).text(), "hello");
    for (const stranger of [bob, carol]) {
      assert.equal((await read(hall, stranger, id)).status, 400);
    }

    assert.deepEqual(Object.keys(await deliver(hall, alice, bob, id)), [
      "file_id",
      "url",
      "mime",
      "size",
      "filename",
    ]);
    // Twice: work may be offered again.
    const { url, ...file } = await deliver(hall, alice, bob, id);
    assert.deepEqual(file, {
      file_id: `fil_${id}`,
      mime: "text/plain",
      size: 5,
      filename: "a.txt",
    });
    assert.equal(await (await fetch(String(url))).text(), "hello");
    assert.equal(await (await read(hall, bob, id)).text(), "hello");
    assert.equal((await read(hall, carol, id)).status, 400);
    // Bob may hand it on in work of his own; Carol has nothing to hand on.
    await deliver(hall, bob, carol, id);
    assert.equal(await (await read(hall, carol, id)).text(), "hello");
  },
);

onEachHost("files of others and files that do not exist are refused alike", async (t, database) => {
  const hall = await openHall(t, database);
  const [alice, mallory] = [await hall.workspace("alice"), await hall.workspace("mallory")];
  const { id } = await upload(hall, alice, "hello", "a.txt");
  const own = await upload(hall, mallory, "mine", "b.txt");
  const refusals = await Promise.all(
    [id, "0190ffffffffffffffffffff"].map((wanted) => {
      const input = { files: [{ file_id: `fil_${own.id}` }, { file_id: `fil_${wanted}` }] };
      return hall.inputFiles.check(mallory.workspaceId, input).then(
        () => undefined,
        (error) => ({ code: faultCodeOf(error), message: error.message }),
      );
    }),
  );
  assert.equal(refusals[0]?.code, "invalid_file");
  assert.deepEqual(refusals[0], refusals[1]);
  const answers = [
    await read(hall, mallory, id),
    await read(hall, mallory, "0190ffffffffffffffffffff"),
  ];
  assert.deepEqual(await answers[0]?.json(), await answers[1]?.json());
});

test("a link works for its file, until it expires", async (t) => {
  const hall = await openHall(t, await openTestDatabase(t, "any"));
  const [alice, bob] = [await hall.workspace("alice"), await hall.workspace("bob")];
  const { id } = await upload(hall, alice, "hello", "a.txt");
  const other = await upload(hall, alice, "secret", "b.txt");
  const url = String((await deliver(hall, alice, bob, id)).url);
  const statusOf = async (link: string) => (await fetch(link)).status;

  assert.equal(await statusOf(url), 200);
  assert.equal(await statusOf(url.replace(id, other.id)), 404);
  assert.equal(await statusOf(url.replace(/expires=\d/, "expires=9")), 404);
  assert.equal(await statusOf(url.replace(/signature=./, "signature=")), 404);
  assert.equal(await statusOf(`${hall.url}/files/${id}`), 404);
  assert.equal(await statusOf(`${hall.url}/files/..%2f..%2fetc%2fpasswd`), 404);
  hall.clock.advance(599_000);
  assert.equal(await statusOf(url), 200);
  hall.clock.advance(1_000);
  assert.equal(await statusOf(url), 404);
});

test("a link works at least as long as the work it is for", async (t) => {
  const hall = await openHall(t, await openTestDatabase(t, "any"));
  const [alice, bob] = [await hall.workspace("alice"), await hall.workspace("bob")];
  const { id } = await upload(hall, alice, "hello", "a.txt");
  const until = new Date(hall.clock.now().getTime() + 3_600_000);
  const input = { file: { file_id: `fil_${id}` } };
  const delivered = await hall.inputFiles.deliver(alice.workspaceId, input, until, bob.workspaceId);
  hall.clock.advance(3_599_000);
  const { url } = (delivered as { file: { url: string } }).file;
  assert.equal((await fetch(url)).status, 200);
});

test("browsers are told to run nothing, and to show nothing but pictures", async (t) => {
  const hall = await openHall(t, await openTestDatabase(t, "any"));
  const alice = await hall.workspace("alice");
  const script = "<script>alert(1)</script>";
  const page = await read(hall, alice, (await upload(hall, alice, script, "ü 'x'.html")).id);
  assert.equal(page.headers.get("content-type"), "text/html; charset=utf-8");
  assert.equal(page.headers.get("x-content-type-options"), "nosniff");
  assert.match(page.headers.get("content-security-policy") ?? "", /sandbox/);
  assert.equal(
    page.headers.get("content-disposition"),
    "attachment; filename=\"_ 'x'.html\"; filename*=UTF-8''%C3%BC%20%27x%27.html",
  );
  const picture = await read(
    hall,
    alice,
    (await upload(hall, alice, await fixture("red.png"), "r.png")).id,
  );
  assert.match(picture.headers.get("content-disposition") ?? "", /^inline;/);
  assert.equal(picture.headers.get("x-content-type-options"), "nosniff");
});

test("parts of a file can be asked for", async (t) => {
  const hall = await openHall(t, await openTestDatabase(t, "any"));
  const alice = await hall.workspace("alice");
  const { id, sha256 } = await upload(hall, alice, "0123456789", "a.txt");
  // biome-ignore format: read as a table
  const cases: readonly (readonly [range: string, status: number, body: string, contentRange: string | null])[] = [
    ["bytes=0-3",       206, "0123",       "bytes 0-3/10"],
    ["bytes=8-",        206, "89",         "bytes 8-9/10"],
    ["bytes=-3",        206, "789",        "bytes 7-9/10"],
    ["bytes=-30",       206, "0123456789", "bytes 0-9/10"],
    ["bytes=5-99",      206, "56789",      "bytes 5-9/10"],
    ["bytes=10-",       416, "",           "bytes */10"],
    ["bytes=-0",        416, "",           "bytes */10"],
    ["bytes=3-1",       200, "0123456789", null],
    ["bytes=0-1,3-4",   200, "0123456789", null],
    ["lines=0-3",       200, "0123456789", null],
    ["bytes=-",         200, "0123456789", null],
    [`bytes=${"9".repeat(40)}-`, 200, "0123456789", null],
  ];
  for (const [range, status, body, contentRange] of cases) {
    const answer = await read(hall, alice, id, { range });
    assert.equal(answer.status, status, range);
    assert.equal(await answer.text(), body, range);
    assert.equal(answer.headers.get("content-range"), contentRange, range);
  }
  const tag = `"${sha256}"`;
  assert.equal((await read(hall, alice, id, { "if-none-match": tag })).status, 304);
  assert.equal((await read(hall, alice, id, { "if-none-match": '"x", *' })).status, 304);
  assert.equal((await read(hall, alice, id, { "if-none-match": '"x"' })).status, 200);
  assert.equal((await read(hall, alice, id, { range: "bytes=0-1", "if-range": tag })).status, 206);
  assert.equal(
    (await read(hall, alice, id, { range: "bytes=0-1", "if-range": '"x"' })).status,
    200,
  );
  const head = await read(hall, alice, id, {}, "HEAD");
  assert.equal(head.headers.get("content-length"), "10");
  assert.equal(await head.text(), "");
});

test("files in the input of work are refused where they are wrong", async (t) => {
  const hall = await openHall(t, await openTestDatabase(t, "any"));
  const alice = await hall.workspace("alice");
  const { id } = await upload(hall, alice, "hello", "a.txt");
  const wrong = [
    { url: "https://a.example/b", file_id: `fil_${id}` },
    { url: "" },
    { file_id: id },
    { url: "http://a.example/b" },
    { url: "https://169.254.169.254/latest/meta-data" },
    { url: "https://127.0.0.1/" },
    { url: "https://a:b@a.example/" },
    { url: "data:text/plain;base64,aGVsbG8=" },
    { url: "/etc/passwd" },
  ];
  for (const file of wrong) {
    await assert.rejects(
      hall.inputFiles.check(alice.workspaceId, { file }),
      (error) => faultCodeOf(error) === "invalid_file",
      JSON.stringify(file),
    );
  }
  const fine = { file: { url: "https://a.example/b.pdf" }, same: { file_id: `fil_${id}` } };
  await hall.inputFiles.check(alice.workspaceId, fine);
  await hall.inputFiles.check(alice.workspaceId, { url: "http://page.example" });
});
