import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import { type TestContext, test } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { createGuardedFetch, type GuardedRequest } from "./guarded-fetch.ts";
import { GuardedFetchError, type GuardedFetchReason, type LookupAddresses } from "./guarded-url.ts";

const LIMITS = { bytesMax: 64 * 1024, timeoutMs: 10_000 };

/** A client whose names lead where the test says; no test asks a name server. */
function clientFor(names: Record<string, string | string[]>, isLoopbackOpen = true) {
  const asked: string[] = [];
  const lookup: LookupAddresses = async (hostname) => {
    asked.push(hostname);
    const found = names[hostname] ?? [];
    // A list is what the name leads to the first time, the second time, and so on.
    const address = typeof found === "string" ? found : (found.shift() ?? "");
    return address
      .split(" ")
      .filter(Boolean)
      .map((text) => ({ address: text, family: text.includes(":") ? 6 : 4 }));
  };
  const client = createGuardedFetch({ isLoopbackOpen, userAgent: "guildhall-test", lookup });
  const fetch = (url: string, more: Partial<GuardedRequest> = {}) =>
    client.fetch({ url, ...LIMITS, ...more });
  return { client, fetch, asked };
}

async function listen(t: TestContext, server: Server, host = "127.0.0.1", port = 0) {
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

function serve(t: TestContext, handler: RequestListener, host?: string, port?: number) {
  const server = createServer(handler);
  t.after(() => server.closeAllConnections());
  return listen(t, server, host, port);
}

async function assertRefused(work: Promise<unknown>, reason: GuardedFetchReason) {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof GuardedFetchError, String(error));
    assert.equal(error.reason, reason);
    return true;
  });
}

test("fetches from a host that is allowed", async (t) => {
  const port = await serve(t, (request, response) => {
    response.setHeader("x-saw", `${request.method} ${request.url} ${request.headers.host}`);
    response.end("hello");
  });
  const { fetch } = clientFor({ "files.example": "127.0.0.1" });
  const answer = await fetch(`http://files.example:${port}/a?b=c`);
  assert.equal(answer.status, 200);
  assert.equal(answer.body.toString(), "hello");
  assert.equal(answer.headers["x-saw"], `GET /a?b=c files.example:${port}`);
  assert.equal(answer.url, `http://files.example:${port}/a?b=c`);
});

test("posts a body, and gives an answer of any status as an answer", async (t) => {
  const port = await serve(t, (request, response) => {
    response.statusCode = 422;
    request.pipe(response);
  });
  const { fetch } = clientFor({ "hook.example": "127.0.0.1" });
  const answer = await fetch(`http://hook.example:${port}/`, { method: "POST", body: "ping" });
  assert.equal(answer.status, 422);
  assert.equal(answer.body.toString(), "ping");
});

test("refuses URLs that are not for the web, before asking anybody", async () => {
  const { client, fetch, asked } = clientFor({ "files.example": "93.184.215.14" }, false);
  const urls = [
    "",
    "files.example/a",
    "http://files.example/",
    "ftp://files.example/",
    "file:///etc/passwd",
    "gopher://files.example/",
    "data:text/plain,hello",
    "https://user@files.example/",
    "https://user:password@files.example/",
    "https://files.example:22/",
    "https://files.example:25/",
    `https://files.example/${"a".repeat(2048)}`,
  ];
  for (const url of urls) {
    await assertRefused(fetch(url), "url_refused");
    assert.throws(() => client.parse(url), GuardedFetchError);
  }
  assert.deepEqual(asked, []);
});

test("refuses forbidden addresses however they are written", async () => {
  const { client, fetch, asked } = clientFor({}, false);
  const hosts = [
    "127.0.0.1",
    "127.1",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "2130706433",
    "0",
    "169.254.169.254",
    "10.0.0.1",
    "[::1]",
    "[::]",
    "[::ffff:169.254.169.254]",
    "[64:ff9b::169.254.169.254]",
    "[fd00::1]",
    "①②⑦.0.0.1",
  ];
  for (const host of hosts) {
    await assertRefused(fetch(`https://${host}/`), "address_refused");
    assert.throws(() => client.parse(`https://${host}/`), GuardedFetchError);
  }
  assert.deepEqual(asked, []);
});

test("refuses a name that leads to a forbidden address, even beside a public one", async (t) => {
  let requests = 0;
  const port = await serve(t, (_request, response) => {
    requests++;
    response.end();
  });
  const { fetch } = clientFor(
    {
      "inside.example": "127.0.0.1",
      "meta.example": "169.254.169.254",
      "both.example": "93.184.215.14 10.0.0.1",
      "mapped.example": "::ffff:127.0.0.1",
    },
    false,
  );
  for (const host of ["inside", "meta", "both", "mapped"]) {
    await assertRefused(fetch(`https://${host}.example:${port}/`), "address_refused");
  }
  await assertRefused(fetch("https://nowhere.example/"), "host_unknown");
  assert.equal(requests, 0);
});

test("plain http stays on this machine, also where loopback is open", async () => {
  const { fetch } = clientFor({ "files.example": "93.184.215.14" });
  await assertRefused(fetch("http://files.example/"), "url_refused");
  await assertRefused(fetch("http://93.184.215.14/"), "url_refused");
});

test("asks for a name once, so that a name that then leads elsewhere changes nothing", async (t) => {
  const port = await serve(
    t,
    (_request, response) => void response.end("the one that was checked"),
  );
  await serve(t, (_request, response) => void response.end("another"), "127.0.0.2", port);
  const { fetch, asked } = clientFor({ "rebind.example": ["127.0.0.1", "127.0.0.2"] });
  const answer = await fetch(`http://rebind.example:${port}/`);
  assert.equal(answer.body.toString(), "the one that was checked");
  assert.deepEqual(asked, ["rebind.example"]);
});

test("a name that leads to a forbidden address the second time is refused the second time", async (t) => {
  let requests = 0;
  const port = await serve(t, (_request, response) => {
    requests++;
    response.writeHead(302, { location: "/again" }).end();
  });
  const { fetch } = clientFor({ "rebind.example": ["127.0.0.1", "169.254.169.254"] });
  await assertRefused(fetch(`http://rebind.example:${port}/`), "address_refused");
  assert.equal(requests, 1);
});

test("checks every redirect as if it were the first address", async (t) => {
  const targets: Record<string, string> = {
    "/meta": "http://169.254.169.254/latest/meta-data/",
    "/name": "http://inside.example/",
    "/file": "file:///etc/passwd",
    "/port": "http://127.0.0.1:22/",
    "/user": "http://a:b@127.0.0.1:8080/",
    "/nowhere": "http://",
  };
  const port = await serve(t, (request, response) => {
    response.writeHead(302, { location: targets[request.url ?? ""] ?? "/" }).end();
  });
  const { fetch } = clientFor({ "files.example": "127.0.0.1", "inside.example": "10.0.0.1" });
  const at = (path: string) => fetch(`http://files.example:${port}${path}`);
  await assertRefused(at("/meta"), "address_refused");
  await assertRefused(at("/name"), "address_refused");
  for (const path of ["/file", "/port", "/user", "/nowhere"]) {
    await assertRefused(at(path), "url_refused");
  }
});

test("follows a few redirects, without the caller's headers, and no more", async (t) => {
  const seen: (string | undefined)[] = [];
  const port = await serve(t, (request, response) => {
    const left = Number(request.url?.slice(1));
    seen.push(request.headers.authorization);
    if (left === 0) response.end("there");
    else response.writeHead(307, { location: `/${left - 1}` }).end();
  });
  const { fetch } = clientFor({ "files.example": "127.0.0.1" });
  const headers = { authorization: "Bearer x" };
  const answer = await fetch(`http://files.example:${port}/3`, { headers });
  assert.equal(answer.body.toString(), "there");
  assert.equal(answer.url, `http://files.example:${port}/0`);
  assert.deepEqual(seen, ["Bearer x", undefined, undefined, undefined]);
  await assertRefused(fetch(`http://files.example:${port}/4`), "too_many_redirects");
  await assertRefused(
    fetch(`http://files.example:${port}/1`, { method: "POST", body: "" }),
    "too_many_redirects",
  );
});

test("cuts off a body that is larger than allowed, whatever it says its length is", async (t) => {
  let closed = 0;
  const port = await serve(t, (request, response) => {
    response.on("close", () => closed++);
    if (request.url === "/said") response.setHeader("content-length", 10 * LIMITS.bytesMax);
    const chunk = Buffer.alloc(16 * 1024);
    const pump = () => {
      while (!response.destroyed && response.write(chunk));
    };
    response.on("drain", pump);
    pump();
  });
  const { fetch } = clientFor({ "files.example": "127.0.0.1" });
  await assertRefused(fetch(`http://files.example:${port}/`), "too_large");
  await assertRefused(fetch(`http://files.example:${port}/said`), "too_large");
  while (closed < 2) await new Promise((resolve) => setTimeout(resolve, 5));
});

test("decodes what is compressed, and cuts off a decompression bomb", async (t) => {
  const text = Buffer.from("a schema ".repeat(100));
  const bomb = Buffer.alloc(64 * 1024 * 1024);
  const bodies: Record<string, [encoding: string, body: Buffer]> = {
    "/gzip": ["gzip", gzipSync(text)],
    "/deflate": ["deflate", deflateSync(text)],
    "/br": ["BR", brotliCompressSync(text)],
    "/plain": ["identity", text],
    "/bomb": ["gzip", gzipSync(bomb)],
    "/twice": ["gzip, gzip", gzipSync(gzipSync(text))],
    "/odd": ["compress", text],
    "/broken": ["gzip", gzipSync(text).fill(0, 20)],
    "/short": ["gzip", gzipSync(text).subarray(0, 30)],
  };
  assert.ok((bodies["/bomb"]?.[1].length ?? 0) < 2 * LIMITS.bytesMax);
  const port = await serve(t, (request, response) => {
    const [encoding, body] = bodies[request.url ?? ""] ?? ["identity", Buffer.alloc(0)];
    response.writeHead(200, { "content-encoding": encoding }).end(body);
  });
  const { fetch } = clientFor({ "files.example": "127.0.0.1" });
  const at = (path: string) => fetch(`http://files.example:${port}${path}`, { bytesMax: 100_000 });
  for (const path of ["/gzip", "/deflate", "/br", "/plain"]) {
    assert.deepEqual((await at(path)).body, text, path);
  }
  await assertRefused(at("/bomb"), "too_large");
  for (const path of ["/twice", "/odd", "/broken", "/short"]) {
    await assertRefused(at(path), "bad_encoding");
  }
});

test("gives up on hosts that are silent, slow, or slow to have a name", async (t) => {
  const silent = await listen(
    t,
    createTcpServer((socket) => {
      socket.on("error", () => undefined);
      t.after(() => socket.destroy());
    }),
  );
  const slow = await serve(t, (_request, response) => {
    const timer = setInterval(() => response.write("."), 5);
    response.on("close", () => clearInterval(timer));
  });
  const { fetch } = clientFor({ "files.example": "127.0.0.1" });
  const soon = { timeoutMs: 150 };
  await assertRefused(fetch(`http://files.example:${silent}/`, soon), "timeout");
  await assertRefused(fetch(`https://files.example:${silent}/`, soon), "timeout");
  await assertRefused(fetch(`http://files.example:${slow}/`, soon), "timeout");
  const nameless = createGuardedFetch({
    isLoopbackOpen: false,
    userAgent: "guildhall-test",
    lookup: () => new Promise(() => undefined),
  });
  await assertRefused(
    nameless.fetch({ url: "https://files.example/", ...LIMITS, ...soon }),
    "timeout",
  );
});

test("what is no HTTP, or nobody, is unreachable", async (t) => {
  const port = await listen(
    t,
    createTcpServer((socket) => {
      socket.on("error", () => undefined);
      socket.end("220 mail.example ESMTP\r\n");
    }),
  );
  const gone = createTcpServer();
  const closedPort = await listen(t, gone);
  await new Promise((resolve) => gone.close(resolve));
  const { fetch } = clientFor({ "files.example": "127.0.0.1" });
  await assertRefused(fetch(`http://files.example:${port}/`), "unreachable");
  await assertRefused(fetch(`http://files.example:${closedPort}/`), "unreachable");
});

test("over TLS asks for the certificate of the name, not of the address", async (t) => {
  let asked: string | undefined;
  const server = createTlsServer({
    SNICallback(name, done) {
      asked = name;
      done(new Error("no certificate"));
    },
  });
  const port = await listen(t, server);
  const { fetch } = clientFor({ "files.example": "127.0.0.1" });
  await assertRefused(fetch(`https://files.example:${port}/`), "unreachable");
  assert.equal(asked, "files.example");
});
