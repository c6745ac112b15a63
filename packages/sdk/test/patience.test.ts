/** Handlers whose server restarts while they fetch and hand over files. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { LIMITS } from "@guildhall/protocol";
import { fetchFile } from "../src/file.ts";
import { uploadForRun } from "../src/run-upload.ts";

const RUN = "1".repeat(24);
const FILE = { bytes: Buffer.from("made with care"), filename: "a.txt" };
const NEVER = new AbortController().signal;

/** A server that answers with these statuses, one after the other, or cuts the line; then with 200. */
async function startShaky(t: TestContext, answers: (number | "cut")[]) {
  const heard: string[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += String(part);
    heard.push(`${request.method} ${request.url}${body.includes(String(FILE.bytes)) ? " +" : ""}`);
    const status = answers.shift() ?? 200;
    if (status === "cut") return void request.socket.destroy();
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(status === 200 ? { file_id: "fil_1" } : { error: { code: "no" } }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return { heard, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test("a file is handed over whole once the server is back", async (t) => {
  const { heard, url } = await startShaky(t, [503, "cut", 429]);
  const uploaded = await uploadForRun({ url, key: "k" }, RUN, FILE, NEVER);
  assert.deepEqual(uploaded, { file_id: "fil_1" });
  assert.deepEqual(heard, Array(4).fill(`POST /api/guildhall/v1/runs/${RUN}/files +`));
});

test("what the server has against a file is told at once", async (t) => {
  const { heard, url } = await startShaky(t, [413]);
  await assert.rejects(
    uploadForRun({ url, key: "k" }, RUN, FILE, NEVER),
    /could not be handed over/,
  );
  assert.equal(heard.length, 1);
});

test("a file that no server takes is not sent", async (t) => {
  const { heard, url } = await startShaky(t, []);
  const bytes = Buffer.alloc(LIMITS.fileBytesMax + 1);
  const upload = uploadForRun({ url, key: "k" }, RUN, { ...FILE, bytes }, NEVER);
  await assert.rejects(upload, /larger than 52428800 bytes/);
  assert.deepEqual(heard, []);
});

test("nobody waits for the server once the run is over", async (t) => {
  const { heard, url } = await startShaky(t, Array(50).fill(503));
  const abort = new AbortController();
  setTimeout(() => abort.abort(new Error("The run is over.")), 50);
  await assert.rejects(uploadForRun({ url, key: "k" }, RUN, FILE, abort.signal), /run is over/);
  assert.equal(heard.length, 1);
});

test("a file of the server's is fetched once it is back", async (t) => {
  const { heard, url } = await startShaky(t, ["cut", 502]);
  const file = await fetchFile({ url, file_id: "fil_1", filename: "b.json" }, NEVER);
  assert.equal(Buffer.from(file.bytes).toString(), '{"file_id":"fil_1"}');
  assert.equal(heard.length, 3);

  const away = await startShaky(t, Array(50).fill(503));
  const reference = { url: away.url, file_id: "fil_1" };
  await assert.rejects(fetchFile(reference, NEVER, { timeoutMs: 100 }), /status 503/);
});
