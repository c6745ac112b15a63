/**
 * What is wrong is refused with a code, in one body, at no cost: over real HTTP, on both hosts.
 * Files and schemas have a page of their own, bad-files.test.ts.
 */
import assert from "node:assert/strict";
import { request } from "node:http";
import { type TestContext, test } from "node:test";
import { DATABASE_HOSTS, isSkipped } from "../../support/database.ts";
import { type Guildhall, type Member, startGuildhall } from "../../support/guildhall.ts";
import { balanceOf, invoke, register, type Seller, sell } from "../../support/hire.ts";
import { verifies } from "./requirements.ts";
import {
  assertRefused,
  type Body,
  JSON_TYPE,
  type Sent,
  send,
  sendRaw,
  streamOf,
} from "./support.ts";

interface World {
  readonly hall: Guildhall;
  readonly seller: Seller;
  readonly alice: Member;
}

for (const host of DATABASE_HOSTS) {
  test(`bad input (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const hall = await startGuildhall(t, host);
    const seller = await sell(t, hall);
    const alice = await hall.member("alice@example.com");
    const world = { hall, seller, alice };
    for (const { says, request, status, code } of cases(world)) {
      await t.test(says, () =>
        assertRefused(alice, { status, code }, () => send(hall, alice, request)).then(() => {}),
      );
    }
    for (const [says, scenario] of Object.entries(SCENARIOS)) {
      await t.test(says, (inner) => scenario(inner, world));
    }
    assert.doesNotMatch(
      hall.output(),
      /"level":(?:50|60)/,
      "nothing here is a bug of the server's",
    );
  });
}

interface Case {
  readonly says: string;
  readonly request: Sent;
  readonly status: number;
  readonly code: string;
}

const UNKNOWN = "0".repeat(24);
const INVALID = { status: 422, code: "invalid_request" } as const;

function cases(world: World): Case[] {
  return [
    ...bodyCases(world),
    ...invokeCases(world),
    ...headerCases(world),
    ...pathCases(),
    ...listingCases(),
  ];
}

/** A POST of this text as JSON. */
function post(path: string, body: Body, headers: Record<string, string> = {}): Sent {
  return { path, body, headers: { ...JSON_TYPE, ...headers } };
}

/** What a good invoke looks like, with something else in it. */
function invoking(world: World, change: object, headers?: Record<string, string>): Sent {
  return post("/invoke", invokeText(world, change), headers);
}

function invokeText({ seller }: World, change: object): string {
  return JSON.stringify({
    agent_id: seller.agentId,
    capability: "echo",
    input: { text: "hello" },
    manifest: { intention: "a test" },
    ...change,
  });
}

verifies("body-cap", "json-only", "error-body", "request-id", "invoke-failure-free");
function bodyCases(world: World): Case[] {
  const tooLarge = { status: 413, code: "payload_too_large" } as const;
  const wrongType = { status: 415, code: "unsupported_type" } as const;
  const large = invokeText(world, { input: { text: "a".repeat(1_048_576) } });
  const good = invokeText(world, {});
  const nested = (depth: number) => `{"input":${"[".repeat(depth)}${"]".repeat(depth)}}`;
  // biome-ignore format: read as a table
  return [
    { says: "malformed JSON",             request: post("/invoke", '{"agent_id": '),            ...INVALID },
    { says: "JSON and something after",   request: post("/invoke", `${good} {}`),               ...INVALID },
    { says: "an empty body",              request: post("/invoke", ""),                         ...INVALID },
    { says: "a list as body",             request: post("/invoke", "[]"),                       ...INVALID },
    { says: "null as body",               request: post("/manifests", "null"),                  ...INVALID },
    { says: "a number as body",           request: post("/agents", "1"),                        ...INVALID },
    { says: "bytes that are no UTF-8",    request: post("/invoke", new Uint8Array([0xff, 0xfe])), ...INVALID },
    { says: "a body over 1 MB",           request: post("/invoke", large),                      ...tooLarge },
    { says: "one that only streams",      request: post("/invoke", streamOf(3_000_000)),        ...tooLarge },
    { says: "a listing over 1 MB",        request: post("/agents", large),                      ...tooLarge },
    { says: "an intention beyond 4000 to keep", request: post("/manifests", `{"intention":"${"a".repeat(4_001)}"}`), ...tooLarge },
    { says: "a manifest over 1 MB",       request: post("/manifests", streamOf(1_048_577)),     ...tooLarge },
    { says: "text as content type",       request: post("/invoke", good, { "content-type": "text/plain" }), ...wrongType },
    { says: "a form",                     request: { path: "/invoke", body: new URLSearchParams({ a: "b" }) }, ...wrongType },
    { says: "no content type",            request: { path: "/invoke", body: new TextEncoder().encode(good) }, ...wrongType },
    { says: "nesting that is deep",       request: post("/invoke", nested(200)),                ...INVALID },
    { says: "nesting that is an attack",  request: post("/invoke", nested(200_000)),            ...INVALID },
    { says: "an escaped NUL",             request: invoking(world, { input: { text: "a\0b" } }), ...INVALID },
    { says: "a NUL in a name",            request: invoking(world, { input: { "a\0": 1 } }),    ...INVALID },
    { says: "half a surrogate pair",      request: invoking(world, { input: { text: "\ud800" } }), ...INVALID },
    { says: "a NUL in a manifest",        request: post("/manifests", '{"intention":"a\\u0000"}'), ...INVALID },
    { says: "a NUL in a listing",         request: post("/agents", '{"slug":"a","agent_name":"\\u0000"}'), ...INVALID },
    { says: "a number beyond numbers",    request: post("/invoke", good.replace('"hello"', "1e999")), ...INVALID },
  ];
}

verifies("invoke-fields", "invoke-manifest", "invoke-timeout-range", "invoke-max-credits");
verifies("invoke-capability", "manifest-private", "agent-not-found", "chain-header");
function invokeCases(world: World): Case[] {
  const one = (says: string, change: object, status = 422, code = "invalid_request"): Case => {
    return { says, request: invoking(world, change), status, code };
  };
  const intention = "a".repeat(4_001);
  // biome-ignore format: read as a table
  return [
    one("no agent",                        { agent_id: undefined }),
    one("an agent that is a number",       { agent_id: 7 }),
    one("an agent that there is not",      { agent_id: `agt_${UNKNOWN}` }, 404, "agent_not_found"),
    one("an agent id of no shape",         { agent_id: "agt_../../etc" }, 404, "agent_not_found"),
    one("another thing's id as agent",     { agent_id: `usr_${UNKNOWN}` }, 404, "agent_not_found"),
    one("no capability",                   { capability: undefined }),
    one("a capability that is a list",     { capability: ["echo"] }),
    one("a capability nobody offers",      { capability: "teleport" }, 404, "capability_not_found"),
    one("a capability from Object",        { capability: "constructor" }, 404, "capability_not_found"),
    one("no input",                        { input: undefined }),
    one("text as input",                   { input: "hello" }),
    one("a list as input",                 { input: [1] }),
    one("null as input",                   { input: null }),
    one("a timeout below 5",               { timeout_seconds: 4 }),
    one("a timeout above 300",             { timeout_seconds: 301 }),
    one("a timeout with a fraction",       { timeout_seconds: 5.5 }),
    one("a timeout as text",               { timeout_seconds: "60" }),
    one("a negative budget",               { max_credits: -1 }),
    one("a budget with a fraction",        { max_credits: 0.5 }),
    one("a budget as text",                { max_credits: "100" }),
    one("a budget beyond whole numbers",   { max_credits: 1e300 }),
    one("a price above the budget",        { max_credits: 44 }, 402, "budget_exceeded"),
    one("both manifests",                  { manifest_id: `mft_${UNKNOWN}` }),
    one("no manifest",                     { manifest: undefined }),
    one("a manifest without intention",    { manifest: {} }),
    one("an empty intention",              { manifest: { intention: "" } }),
    one("an intention beyond 4000",        { manifest: { intention } }, 413, "payload_too_large"),
    one("a manifest that there is not",    { manifest: undefined, manifest_id: `mft_${UNKNOWN}` }, 404, "not_found"),
    one("a manifest id of no shape",       { manifest: undefined, manifest_id: "'; drop table" }, 404, "not_found"),
    one("a referrer of endless text",      { referred_by: "r".repeat(201) }),
  ];
}

function headerCases(world: World): Case[] {
  const unauthorised = { status: 401, code: "invalid_api_key" } as const;
  const unchained = { status: 403, code: "chain_not_authorised" } as const;
  const credits = (authorization: string): Sent => {
    return { method: "GET", path: "/credits", headers: { authorization } };
  };
  // biome-ignore format: read as a table
  return [
    { says: "no key",                    request: credits(""),                     ...unauthorised },
    { says: "a password",                request: credits("Basic YTpi"),           ...unauthorised },
    { says: "a key of the wrong shape",  request: credits("Bearer lc_short"),      ...unauthorised },
    { says: "a key with a typing error", request: credits(`Bearer ${world.alice.key.slice(0, -1)}_`), ...unauthorised },
    { says: "an endless key",            request: credits(`Bearer ${"a".repeat(8_000)}`), ...unauthorised },
    { says: "an idempotency key with spaces", request: invoking(world, {}, { "idempotency-key": "a b" }), ...INVALID },
    { says: "an endless idempotency key", request: invoking(world, {}, { "idempotency-key": "a".repeat(256) }), ...INVALID },
    { says: "an empty idempotency key",  request: invoking(world, {}, { "idempotency-key": "" }), ...INVALID },
    { says: "a chain of no shape",       request: invoking(world, {}, { "x-linkedclaw-chain-id": "mine" }), ...unchained },
    { says: "a chain that there is not", request: invoking(world, {}, { "x-linkedclaw-chain-id": `chn_${UNKNOWN}` }), ...unchained },
  ];
}

verifies("search-question");
function pathCases(): Case[] {
  const get = (path: string): Sent => ({ method: "GET", path });
  const missing = { status: 404, code: "not_found" } as const;
  const noAgent = { status: 404, code: "agent_not_found" } as const;
  // biome-ignore format: read as a table
  return [
    { says: "a path that leads nowhere",   request: get("/nothing/here"),            ...missing },
    { says: "a path that climbs",          request: get("/files/..%2f..%2fetc%2fpasswd/content"), ...missing },
    { says: "a path with a broken escape", request: get("/agents/%zz"),              ...noAgent },
    { says: "a path with a NUL",           request: get(`/agents/agt_${UNKNOWN}%00`), ...noAgent },
    { says: "an agent that there is not",  request: get(`/agents/agt_${UNKNOWN}`),   ...noAgent },
    { says: "its trust",                   request: get(`/agents/agt_${UNKNOWN}/trust`), ...noAgent },
    { says: "a receipt that there is not", request: get(`/receipts/rct_${UNKNOWN}`), ...missing },
    { says: "a run that there is not",     request: get(`/invoke/inv_${UNKNOWN}`),   ...missing },
    { says: "a method that there is not",  request: { method: "DELETE", path: "/credits" }, ...missing },
    { says: "a GET of what is for POST",   request: get("/invoke"),                  ...missing },
    { says: "a search for nothing",        request: get("/agents"),                  ...INVALID },
    { says: "a search for blanks",         request: get("/agents?intent=%20"),       ...INVALID },
    { says: "a NUL in a slug",             request: get("/agents?capability=a%00"),  ...INVALID },
    { says: "a NUL in an intent",          request: get("/agents?intent=a%00"),      ...INVALID },
    { says: "an endless intent",           request: get(`/agents?intent=${"a".repeat(2_001)}`), ...INVALID },
    { says: "an order that there is not",  request: get("/agents?capability=echo&sort=best"), ...INVALID },
    { says: "a mode that there is not",    request: get("/agents?capability=echo&interaction_mode=x"), ...INVALID },
    { says: "a page of nothing",           request: get("/receipts?limit=0"),        ...INVALID },
    { says: "an endless page",             request: get("/receipts?limit=1e9"),      ...INVALID },
    { says: "a cursor of no shape",        request: get("/receipts?cursor=' or 1=1"), ...INVALID },
    { says: "a role that there is not",    request: get("/receipts?role=__proto__"), ...INVALID },
  ];
}

function listingCases(): Case[] {
  const one = (says: string, text: string): Case => {
    const listing = `{"slug":"bad","agent_name":"Bad","description":"Bad.","capabilities":["echo"],${text}}`;
    return { says: `a listing with ${says}`, request: post("/agents", listing), ...INVALID };
  };
  // biome-ignore format: read as a table
  return [
    one("words about __proto__",  '"capabilities_meta":{"__proto__":{"description":"x"}}'),
    one("a capability __proto__", '"capabilities":["__proto__"]'),
    one("words that are text",    '"capabilities_meta":{"echo":"free"}'),
    one("a price beyond numbers", '"pricing_model":"per_call","price_credits":1e400'),
    one("a slug that climbs",     '"slug":"../../etc"'),
    one("an endless name",        `"agent_name":"${"n".repeat(121)}"`),
    one("no capability",          '"capabilities":[]'),
    one("too many capabilities",  `"capabilities":${JSON.stringify(Array.from({ length: 65 }, (_, i) => `c${i}`))}`),
  ];
}

type Scenario = (t: TestContext, world: World) => Promise<void>;

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  async "a revoked key is no key any more, and its workspace's other keys still are"(_t, world) {
    verifies("revoked-key", "bearer-key");
    const { hall, alice } = world;
    const made = await hall.admin("POST", "/keys", { email: alice.email, kind: "lc" });
    const gone = { ...alice, key: String(made.key) };
    assert.equal((await send(hall, gone, invoking(world, {}))).status, 200);
    await hall.admin("POST", `/keys/${made.key_id}/revoke`, {});
    const expected = { status: 401, code: "invalid_api_key" };
    await assertRefused(alice, expected, () => send(hall, gone, invoking(world, {})));
  },

  async "an offer of another protocol is passed over"(_t, { hall }) {
    const headers = { connection: "Upgrade, HTTP2-Settings", upgrade: "h2c" };
    const { status } = await sendRaw(hall, "/healthz", { ...headers, "http2-settings": "AAQ" });
    assert.equal(status, 200);
    const refused = await sendRaw(hall, "/nowhere", {
      connection: "Upgrade",
      upgrade: "websocket",
    });
    assert.equal(refused.status, 404);
  },

  async "a body that breaks off is nobody's bug"(_t, { hall, alice }) {
    for (const path of ["/api/v1/manifests", "/api/v1/oauth/token"]) {
      await new Promise<void>((resolve) => {
        const headers = { authorization: `Bearer ${alice.key}`, "content-length": "1000" };
        const sent = request(`${hall.url}${path}`, {
          ...{ method: "POST", headers: { ...headers, "content-type": "application/json" } },
        });
        sent.on("error", () => resolve()).on("close", () => resolve());
        sent.write("{", () => setTimeout(() => sent.destroy(), 50));
      });
    }
    assert.equal((await balanceOf(alice)).escrowed, 0);
  },

  async "a body that is not UTF-8"(_t, { hall, alice }) {
    const invalid = Buffer.from([0x22, 0xff, 0xfe, 0x22]);
    const body = Buffer.concat([Buffer.from('{"intention":'), invalid, Buffer.from("}")]);
    const headers = { authorization: `Bearer ${alice.key}`, "content-type": "application/json" };
    const url = `${hall.url}/api/v1/manifests`;
    const answer = await fetch(url, { method: "POST", headers, body });
    assert.equal(answer.status, 422);
    assert.match(await answer.text(), /UTF-8/);
  },

  async "a suspended member is told so, and nothing of it moves"(_t, world) {
    const { hall, alice } = world;
    const bob = await hall.member("bob@example.com");
    await hall.admin("POST", "/members/suspend", { email: bob.email });
    const expected = { status: 403, code: "suspended" };
    await assertRefused(alice, expected, () => send(hall, bob, invoking(world, {})));
    await hall.admin("POST", "/members/resume", { email: bob.email });
    assert.equal((await balanceOf(bob)).available, 1_000_000);
  },

  async "a capability that others offer is not supported by this one"(_t, { hall, alice }) {
    verifies("invoke-capability");
    const other = await hall.member("other@example.com");
    const agentId = await register(other, "other", 5, {});
    await other.ask("PATCH", `/agents/${agentId}`, {
      capabilities: ["sing"],
      capabilities_meta: { sing: { description: "Sings." } },
    });
    const expected = { status: 409, code: "capability_not_supported" };
    await assertRefused(alice, expected, () => invoke(alice, agentId));
  },

  async "another's manifest does not exist, and nor does one under another prefix"(_t, world) {
    verifies("manifest-private");
    const { hall, alice, seller } = world;
    const made = await seller.member.ask("POST", "/manifests", { intention: "mine" });
    const id: string = made.body.manifest_id;
    const expected = { status: 404, code: "not_found" };
    for (const manifest_id of [id, id.replace("mft_", "fil_")]) {
      const change = { manifest: undefined, manifest_id };
      await assertRefused(alice, expected, () => invoke(alice, seller.agentId, change));
    }
    await assertRefused(alice, expected, () =>
      send(hall, alice, { method: "GET", path: `/manifests/${id}` }),
    );
  },

  async "what comes through a proxy, or by another name, is refused in development"(_t, world) {
    const { hall, alice } = world;
    const authorization = `Bearer ${alice.key}`;
    const proxied = { status: 403, code: "development_mode_proxied" };
    for (const name of ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"]) {
      const headers = { authorization, [name]: "203.0.113.7" };
      await assertRefused(alice, proxied, () => sendRaw(hall, "/api/v1/credits", headers));
    }
    const rebound = { status: 421, code: "development_mode_unknown_host" };
    const headers = { authorization, host: "attacker.example" };
    await assertRefused(alice, rebound, () => sendRaw(hall, "/api/v1/credits", headers));
  },

  async "two Host headers are no request, whichever of them is right"(_t, { hall, alice }) {
    const { host } = new URL(hall.url);
    const authorization = `Bearer ${alice.key}`;
    for (const hosts of [
      [host, "attacker.example"],
      ["attacker.example", host],
      [host, host],
    ]) {
      const headers = { authorization, host: hosts };
      const expected = { status: 400, code: "invalid_request" };
      await assertRefused(alice, expected, () => sendRaw(hall, "/api/v1/credits", headers));
      const upgrade = { connection: "upgrade", upgrade: "websocket", host: hosts };
      const { status } = await sendRaw(hall, "/ws", upgrade);
      assert.equal(status, 400);
    }
  },

  async "names that mean something to JavaScript are only names"(_t, { alice, seller, hall }) {
    const input = '{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"x":1}},"text":"a"}';
    const text = `{"agent_id":"${seller.agentId}","capability":"echo","input":${input},"manifest":{"intention":"a"}}`;
    const { status, body } = await send(hall, alice, post("/invoke", text));
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal(JSON.stringify(body.result), `{"echo":${input}}`, "it arrives as it was sent");
    assert.equal((await balanceOf(alice)).escrowed, 0);
  },

  async "a path with a slash at its end is the same path"(_t, { hall, alice }) {
    verifies("trailing-slash");
    const { status, body } = await send(hall, alice, { method: "GET", path: "/credits/" });
    assert.equal(status, 200);
    assert.equal(body.currency, "credits");
  },

  async "unknown fields are ignored"(_t, { alice, seller }) {
    verifies("unknown-fields");
    const { status } = await invoke(alice, seller.agentId, { colour: "blue" });
    assert.equal(status, 200);
  },
};
