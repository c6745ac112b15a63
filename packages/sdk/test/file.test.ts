import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { isPublicAddress } from "../src/addresses.ts";
import { fetchFile } from "../src/file.ts";

const signal = new AbortController().signal;

async function startFiles(t: TestContext): Promise<string> {
  const server = createServer((request, response) => {
    switch (request.url) {
      case "/a.txt":
        return response.writeHead(200, { "content-type": "text/plain" }).end("hello");
      case "/moved":
        return response.writeHead(302, { location: "/a.txt" }).end();
      case "/round":
        return response.writeHead(302, { location: "/round" }).end();
      case "/slow":
        return response.writeHead(200).write("a");
      default:
        return response.writeHead(404).end();
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("a file that the server delivered is fetched from wherever it is", async (t) => {
  const url = await startFiles(t);
  const reference = { file_id: "fil_1", url: `${url}/moved`, mime: "text/csv", filename: "b.csv" };
  const file = await fetchFile(reference, signal);
  assert.equal(Buffer.from(file.bytes).toString(), "hello");
  assert.deepEqual([file.mime, file.filename], ["text/csv", "b.csv"]);
  const plain = await fetchFile({ file_id: "fil_1", url: `${url}/a.txt` }, signal);
  assert.deepEqual([plain.mime, plain.filename], ["text/plain", "a.txt"]);
});

test("a file that is not there, too large, too slow, or no file at all is refused", async (t) => {
  const url = await startFiles(t);
  const at = (path: string) => ({ file_id: "fil_1", url: url + path });
  await assert.rejects(fetchFile(at("/none"), signal), /status 404/);
  await assert.rejects(fetchFile(at("/round"), signal), /redirects too often/);
  await assert.rejects(fetchFile(at("/a.txt"), signal, { bytesMax: 4 }), /larger than 4 bytes/);
  await assert.rejects(fetchFile(at("/slow"), signal, { timeoutMs: 50 }), /took too long/);
  await assert.rejects(
    fetchFile({ file_id: "fil_1", url: "http://127.0.0.1:9/" }, signal, { timeoutMs: 50 }),
    /could not/,
  );
  for (const reference of [undefined, null, "x", {}, { url: 7 }, { url: "no url" }]) {
    await assert.rejects(fetchFile(reference, signal), /needs an address/);
  }
});

test("a stranger's address leads to the public internet or nowhere", async (t) => {
  const local = await startFiles(t);
  for (const url of [`${local}/a.txt`, "http://example.com/a", "file:///etc/passwd"]) {
    await assert.rejects(fetchFile({ url }, signal), /https/);
  }
  for (const host of ["127.0.0.1", "[::1]", "169.254.169.254", "[::ffff:10.0.0.1]", "2130706433"]) {
    await assert.rejects(fetchFile({ url: `https://${host}/a` }, signal), /not on the public/);
  }
  await assert.rejects(fetchFile({ url: "https://localhost/a" }, signal), /could not be fetched/);
});

// biome-ignore format: read as a table
const ADDRESSES = [
  ["1.1.1.1", true],       ["2606:4700::1111", true],   ["10.1.2.3", false],   ["100.64.0.1", false],
  ["172.31.0.1", false],   ["192.168.1.1", false],      ["0.0.0.0", false],    ["255.255.255.255", false],
  ["::", false],           ["fe80::1", false],          ["fd00::1", false],    ["2002:7f00:1::", false],
  ["64:ff9b::7f00:1", false], ["::ffff:127.0.0.1", false], ["localhost", false],
] as const;

for (const [address, isPublic] of ADDRESSES) {
  test(`${address} is ${isPublic ? "" : "not "}public`, () =>
    assert.equal(isPublicAddress(address), isPublic));
}
