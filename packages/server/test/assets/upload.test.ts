/** What may be uploaded, what is refused, and that nothing of what is refused stays. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { test } from "node:test";
import { ASSET_LIMITS, type UploadPace } from "../../src/domain/asset.ts";
import { onEachHost, openTestDatabase } from "../support/database.ts";
import { fixture, type Hall, openHall, sha256Of, until } from "./support.ts";

const OFFICE = "application/vnd.openxmlformats-officedocument";

// biome-ignore format: read as a table
const ACCEPTED: readonly (readonly [file: string, mime: string])[] = [
  ["red.jpg",              "image/jpeg"],
  ["red.png",              "image/png"],
  ["red.gif",              "image/gif"],
  ["red.webp",             "image/webp"],
  ["hello.pdf",            "application/pdf"],
  ["hello.docx",           `${OFFICE}.wordprocessingml.document`],
  ["hello.xlsx",           `${OFFICE}.spreadsheetml.sheet`],
  ["hello.pptx",           `${OFFICE}.presentationml.presentation`],
  ["tone.mp3",             "audio/mpeg"],
  ["tone-without-id3.mp3", "audio/mpeg"],
  ["tone.wav",             "audio/wav"],
  ["red.mp4",              "video/mp4"],
  ["red.webm",             "video/webm"],
  ["hello.csv",            "text/csv"],
  ["hello.json",           "application/json"],
  ["hello.txt",            "text/plain"],
  ["hello.md",             "text/markdown"],
  ["hello.html",           "text/html"],
];

const REFUSED = ["red.mkv", "red.mov", "tone.aac", "plain.zip"];

interface Refusal {
  code: string;
  message: string;
}

async function assertRefused(answer: Response, code: string): Promise<void> {
  assert.equal(((await answer.json()) as Refusal).code, code);
}

async function assertNothingStayed(hall: Hall): Promise<void> {
  assert.deepEqual(await hall.filesOnDisk(), []);
  assert.deepEqual(await hall.rows(), []);
}

onEachHost(
  "a file of each kind that is accepted can be uploaded and read back",
  async (t, database) => {
    const hall = await openHall(t, database);
    const alice = await hall.workspace("alice");
    for (const [name, mime] of ACCEPTED) {
      const content = await fixture(name);
      const answer = await hall.upload(alice, content, { filename: name });
      assert.equal(answer.status, 201, name);
      const asset = (await answer.json()) as Record<string, unknown>;
      assert.equal(asset.mime, mime, name);
      assert.equal(asset.filename, name);
      assert.equal(asset.bytes, content.length);
      assert.equal(asset.sha256, sha256Of(content));

      const headers = { "x-workspace": alice.workspaceId };
      const read = await fetch(`${hall.url}/own/${asset.id}`, { headers });
      assert.equal(read.headers.get("content-type")?.split(";")[0], mime);
      assert.deepEqual(Buffer.from(await read.arrayBuffer()), content);
    }
    assert.equal((await hall.filesOnDisk()).length, ACCEPTED.length);
  },
);

test("a name or a declared type does not make a file something that it is not", async (t) => {
  const hall = await openHall(t, await openTestDatabase(t, "any"));
  const alice = await hall.workspace("alice");
  const program = Buffer.concat([
    Buffer.from("MZ\x90\0\x03\0\0\0", "latin1"),
    Buffer.alloc(5_000, 7),
  ]);
  const library = Buffer.concat([
    Buffer.from("\x7fELF\x02\x01\x01\0", "latin1"),
    Buffer.alloc(5_000),
  ]);
  const attempts = [
    { content: program, filename: "notes.txt" },
    { content: program, filename: "notes.txt", mime: "text/plain" },
    { content: program, filename: "photo.png", mime: "image/png" },
    { content: program.subarray(0, 2), filename: "notes.txt" },
    { content: library, filename: "data.csv" },
    { content: Buffer.from("caf\xe9", "latin1"), filename: "latin.txt" },
    { content: Buffer.from("a\0b"), filename: "nul.txt" },
    { content: Buffer.from([...Buffer.alloc(8_000, 97), 0xc3]), filename: "cut.txt" },
    { content: Buffer.from("{'a': 1}"), filename: "bad.json" },
    { content: Buffer.from('{"a": 1}}'), filename: "more.json" },
    { content: Buffer.from("hello"), filename: "hello.png" },
    { content: Buffer.from("hello"), filename: "hello" },
    { content: Buffer.from("#!/bin/sh\n"), filename: "run.sh" },
    ...(await Promise.all(
      REFUSED.map(async (name) => ({ content: await fixture(name), filename: name })),
    )),
    { content: (await fixture("hello.docx")).subarray(0, 600), filename: "cut.docx" },
    { content: await fixture("plain.zip"), filename: "renamed.docx" },
  ];
  for (const { content, ...more } of attempts) {
    const answer = await hall.upload(alice, content, more);
    assert.equal(answer.status, 400, more.filename);
    await assertRefused(answer, "unsupported_media_type");
  }
  await assertNothingStayed(hall);
});

test("a picture that calls itself text is a picture", async (t) => {
  const hall = await openHall(t, await openTestDatabase(t, "any"));
  const alice = await hall.workspace("alice");
  const answer = await hall.upload(alice, await fixture("red.png"), {
    filename: "a.txt",
    mime: "text/plain",
  });
  const { mime, filename } = (await answer.json()) as Record<string, string>;
  assert.equal(mime, "image/png");
  assert.equal(filename, "a.txt.png");
});

test("the declared type may stand before or after the file", async (t) => {
  const hall = await openHall(t, await openTestDatabase(t, "any"));
  const alice = await hall.workspace("alice");
  const file = '--x\r\ncontent-disposition: form-data; name="file"\r\n\r\n# Hello\r\n';
  const mime = '--x\r\ncontent-disposition: form-data; name="mime"\r\n\r\ntext/markdown\r\n';
  for (const body of [`${file}${mime}--x--\r\n`, `${mime}${file}--x--\r\n`]) {
    const answer = await fetch(`${hall.url}/upload`, {
      method: "POST",
      headers: {
        "x-workspace": alice.workspaceId,
        "content-type": "multipart/form-data; boundary=x",
      },
      body,
    });
    const asset = (await answer.json()) as Record<string, string>;
    assert.equal(asset.mime, "text/markdown");
    assert.equal(asset.filename, "file.md");
  }
});

test("names of files are kept harmless, and files stay where they belong", async (t) => {
  const hall = await openHall(t, await openTestDatabase(t, "any"));
  const alice = await hall.workspace("alice");
  // biome-ignore format: read as a table
  const names: readonly (readonly [given: string, kept: string])[] = [
    ["../../etc/passwd.txt",            "passwd.txt"],
    ["..\\..\\windows\\win.txt",        "win.txt"],
    ["/etc/cron.d/evil.txt",            "evil.txt"],
    ["nul\0byte.txt",                   "nulbyte.txt"],
    ["gpj\u202etxt.txt",                "gpjtxt.txt"],
    [`${"x".repeat(10_240)}.txt`,       `${"x".repeat(196)}.txt`],
    ["smørrebrød 🥪.txt",               "smørrebrød 🥪.txt"],
  ];
  for (const [given, kept] of names) {
    const answer = await hall.upload(alice, "hello", { filename: given });
    assert.equal(((await answer.json()) as Record<string, string>).filename, kept);
  }
  const onDisk = await hall.filesOnDisk();
  assert.equal(onDisk.length, names.length);
  assert.ok(onDisk.every((name) => /^[0-9a-f]{24}$/.test(name)));
});

test("more than fifty megabytes is refused, announced or not, and nothing stays", async (t) => {
  const hall = await openHall(t, await openTestDatabase(t, "any"));
  const alice = await hall.workspace("alice");
  const piece = Buffer.alloc(1024 * 1024, "a ");
  const head = '--x\r\ncontent-disposition: form-data; name="file"; filename="big.txt"\r\n\r\n';
  const tail = Buffer.from("\r\n--x--\r\n");
  // Exactly as much as is allowed.
  const most = await sendChunked(hall, alice.workspaceId, [head, ...Array(50).fill(piece), tail]);
  assert.equal(most.status, 201);
  const kept = (await hall.filesOnDisk()).length;

  const more = await sendChunked(hall, alice.workspaceId, [
    head,
    ...Array(50).fill(piece),
    "!",
    tail,
  ]);
  assert.equal(more.status, 400);
  assert.match(more.body, /payload_too_large/);
  const announced = await hall.upload(alice, Buffer.alloc(51 * 1024 * 1024, "a "), {
    filename: "big.txt",
  });
  await assertRefused(announced, "payload_too_large");
  assert.equal((await hall.filesOnDisk()).length, kept);
});

/** Sends a body whose length is not said in advance. */
async function sendChunked(hall: Hall, workspaceId: string, pieces: readonly (string | Buffer)[]) {
  const sent = request(`${hall.url}/upload`, {
    method: "POST",
    headers: { "x-workspace": workspaceId, "content-type": "multipart/form-data; boundary=x" },
  });
  // The server may have said no, and hung up, before the last piece.
  sent.on("error", () => undefined);
  const answered = once(sent, "response");
  for (const piece of pieces) {
    if (!sent.write(piece)) await Promise.race([once(sent, "drain"), answered]);
  }
  sent.end();
  const [response] = await answered;
  let body = "";
  for await (const chunk of response) body += chunk;
  return { status: response.statusCode as number, body };
}

test("an upload that breaks off leaves nothing, wherever it breaks off", async (t) => {
  const hall = await openHall(t, await openTestDatabase(t, "any"));
  const alice = await hall.workspace("alice");
  const form = [
    '--x\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\n\r\n',
    "hello ".repeat(20_000),
    "\r\n--x",
    '\r\ncontent-disposition: form-data; name="mime"\r\n\r\ntext/pl',
  ];
  for (let parts = 1; parts <= form.length; parts++) {
    const body = form.slice(0, parts).join("");
    const { hostname, port } = new URL(hall.url);
    const socket = connect(Number(port), hostname);
    socket.on("error", () => undefined);
    socket.write(
      `POST /upload HTTP/1.1\r\nhost: x\r\nx-workspace: ${alice.workspaceId}\r\n` +
        `content-type: multipart/form-data; boundary=x\r\ncontent-length: 1000000\r\n\r\n${body}`,
    );
    if (parts >= 2) await until(async () => (await hall.filesOnDisk()).length > 0);
    socket.destroy();
    await until(async () => (await hall.filesOnDisk()).length === 0);
  }
  // A form that ends without its last line is broken too, although the connection is fine.
  for (let parts = 1; parts <= form.length; parts++) {
    const answer = await fetch(`${hall.url}/upload`, {
      method: "POST",
      headers: {
        "x-workspace": alice.workspaceId,
        "content-type": "multipart/form-data; boundary=x",
      },
      body: form.slice(0, parts).join(""),
    });
    await assertRefused(answer, "invalid_request");
  }
  await assertNothingStayed(hall);
});

const FORM_HEAD =
  '--x\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhello';
/** The file is whole, and the form goes on. */
const FORM_REST = '\r\n--x\r\ncontent-disposition: form-data; name="mime"\r\n\r\n';

/** An upload that sends a byte every few milliseconds; what it is answered, and when it is over. */
function trickle(hall: Hall, workspaceId: string, head: string) {
  const sent = request(`${hall.url}/upload`, {
    method: "POST",
    headers: { "x-workspace": workspaceId, "content-type": "multipart/form-data; boundary=x" },
  });
  sent.on("error", () => undefined);
  sent.write(head);
  const timer = setInterval(() => sent.write("."), 5);
  const stop = () => {
    clearInterval(timer);
    sent.destroy();
  };
  const answered = once(sent, "response").then(async ([response]) => {
    let body = "";
    for await (const chunk of response) body += chunk;
    stop();
    return JSON.parse(body) as Refusal;
  });
  // One that is stopped by the test itself is not answered.
  answered.catch(() => undefined);
  return { answered, stop };
}

// biome-ignore format: read as a table
const SLOW: readonly (readonly [what: string, head: string, pace: UploadPace, says: RegExp])[] = [
  ["brings too little",             FORM_HEAD,               { windowMs: 100,    windowBytesMin: 1024, msMax: 60_000 }, /came to a halt/],
  ["takes too long",                FORM_HEAD,               { windowMs: 60_000, windowBytesMin: 1,    msMax: 150 },    /took too long/],
  ["lingers on after its file",     FORM_HEAD + FORM_REST,   { windowMs: 100,    windowBytesMin: 1024, msMax: 60_000 }, /came to a halt/],
];

for (const [what, head, uploadPace, says] of SLOW) {
  test(`an upload that ${what} is given up, and its place is free`, async (t) => {
    const database = await openTestDatabase(t, "any");
    const hall = await openHall(t, database, { uploadPace });
    const alice = await hall.workspace("alice");
    const slow = Array.from({ length: ASSET_LIMITS.uploadsPerWorkspaceMax }, () =>
      trickle(hall, alice.workspaceId, head),
    );
    t.after(() => {
      for (const { stop } of slow) stop();
    });
    for (const { code, message } of await Promise.all(slow.map(({ answered }) => answered))) {
      assert.equal(code, "upload_too_slow");
      assert.match(message, says);
    }
    await assertNothingStayed(hall);
    assert.equal((await hall.upload(alice, "hello", { filename: "a.txt" })).status, 201);
  });
}

test("nobody has all the places there are for uploads", async (t) => {
  const hall = await openHall(t, await openTestDatabase(t, "any"));
  const alice = await hall.workspace("alice");
  const bob = await hall.workspace("bob");
  const slow = Array.from({ length: ASSET_LIMITS.uploadsPerWorkspaceMax }, () =>
    trickle(hall, alice.workspaceId, FORM_HEAD),
  );
  t.after(() => {
    for (const { stop } of slow) stop();
  });
  await until(async () => (await hall.filesOnDisk()).length === slow.length);
  const fifth = await hall.upload(alice, "hello", { filename: "a.txt" });
  await assertRefused(fifth, "rate_limited");
  assert.equal((await hall.upload(bob, "hello", { filename: "a.txt" })).status, 201);
  for (const { stop } of slow) stop();
  await until(async () => (await hall.filesOnDisk()).length === 1);
  assert.equal((await hall.upload(alice, "hello", { filename: "a.txt" })).status, 201);
});

test("what is no form with one file is refused", async (t) => {
  const hall = await openHall(t, await openTestDatabase(t, "any"));
  const alice = await hall.workspace("alice");
  const part = (name: string) =>
    `--x\r\ncontent-disposition: form-data; name="${name}"; filename="a.txt"\r\n\r\nhello\r\n`;
  const form = "multipart/form-data; boundary=x";
  const attempts: readonly (readonly [type: string | undefined, body: string, code: string])[] = [
    [undefined, "hello", "unsupported_media_type"],
    ["application/json", '{"file":"aGVsbG8="}', "unsupported_media_type"],
    ["multipart/mixed; boundary=x", `${part("file")}--x--`, "unsupported_media_type"],
    ["multipart/form-data; nothing", `${part("file")}--x--`, "invalid_request"],
    [form, "", "invalid_request"],
    [form, "hello", "invalid_request"],
    [form, "--x--\r\n", "invalid_request"],
    [form, `${part("other")}--x--\r\n`, "invalid_request"],
    [form, `${part("file")}${part("file")}--x--\r\n`, "invalid_request"],
  ];
  for (const [type, body, code] of attempts) {
    const headers = new Headers({ "x-workspace": alice.workspaceId });
    if (type) headers.set("content-type", type);
    const bytes = Buffer.from(body);
    const answer = await fetch(`${hall.url}/upload`, { method: "POST", headers, body: bytes });
    await assertRefused(answer, code);
  }
  await assertNothingStayed(hall);
});
