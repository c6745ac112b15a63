import assert from "node:assert/strict";
import { test } from "node:test";
import { Hono } from "hono";
import { developmentGuard, developmentHosts, developmentRefusal } from "./development-guard.ts";

const HOSTS = developmentHosts(8787, "http://127.0.0.1:8787", ["box", "guild.test:80"]);

test("a development server answers to the names it was told", () => {
  // biome-ignore format: read as a table
  const CASES = [
    ["127.0.0.1:8787",      undefined],
    ["localhost:8787",      undefined],
    ["LocalHost:8787",      undefined],
    ["[::1]:8787",          undefined],
    ["box:8787",            undefined],
    ["guild.test:80",       undefined],
    ["127.0.0.1",           421],
    ["127.0.0.1:80",        421],
    ["rebound.example:8787", 421],
    ["127.0.0.1:8787.evil", 421],
    [undefined,             421],
  ] as const;
  for (const [host, status] of CASES) {
    assert.equal(developmentRefusal(host ? { host } : {}, HOSTS)?.status, status, host);
  }
});

test("a request that came through a proxy is refused, whatever it claims", async () => {
  const app = new Hono().use(developmentGuard(HOSTS)).get("/", (c) => c.text("in"));
  const ask = (headers: Record<string, string>) =>
    app.request("http://127.0.0.1:8787/", { headers: { host: "127.0.0.1:8787", ...headers } });
  assert.equal(await (await ask({})).text(), "in");
  // biome-ignore format: read as a list
  const HEADERS = [
    "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Anything",
    "X-Real-IP", "Via",
  ];
  for (const name of HEADERS) {
    const response = await ask({ [name]: "127.0.0.1" });
    assert.equal(response.status, 403, name);
    const body = (await response.json()) as { code: string; detail: string };
    assert.equal(body.code, "development_mode_proxied");
    assert.match(body.detail, /GUILDHALL_MODE=production/);
  }
});
