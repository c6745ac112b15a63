/** Our own API over real HTTP: who is let in, what is refused, and that a refusal changed nothing. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Guildhall, startGuildhall } from "../../support/guildhall.ts";

const ROOT = "/api/guildhall/v1";
const NOBODY = "0".repeat(24);

interface Sent {
  readonly method?: string;
  readonly key?: string;
  readonly body?: string | object;
  readonly headers?: Readonly<Record<string, string>>;
}

async function send(
  hall: Pick<Guildhall, "url">,
  path: string,
  { method, key, body, headers }: Sent = {},
) {
  const response = await fetch(hall.url + ROOT + path, {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: {
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...(body !== undefined && { "content-type": "application/json" }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: JSON.parse(text) as { error?: Record<string, string>; [name: string]: unknown },
  };
}

function operatorKey(hall: Guildhall): string {
  return readFileSync(join(hall.dataDirectory, "operator.key"), "utf8").trim();
}

// biome-ignore format: read as a table
const ROUTES = [
  // method  path                                  whose
  [ "GET",   "/wallet",                            "member" ],
  [ "GET",   "/wallet/transfers",                  "member" ],
  [ "POST",  "/vouchers/redeem",                   "member" ],
  [ "POST",  "/topups",                            "member" ],
  [ "GET",   "/topups",                            "member" ],
  [ "POST",  "/payouts",                           "member" ],
  [ "GET",   "/payouts",                           "member" ],
  [ "POST",  "/admin/members",                     "operator" ],
  [ "POST",  "/admin/members/suspend",             "operator" ],
  [ "POST",  "/admin/members/resume",              "operator" ],
  [ "POST",  "/admin/members/limits",              "operator" ],
  [ "POST",  "/admin/members/role",                "operator" ],
  [ "POST",  `/admin/agents/${NOBODY}/suspend`,    "operator" ],
  [ "POST",  `/admin/agents/${NOBODY}/resume`,     "operator" ],
  [ "POST",  "/admin/keys",                        "operator" ],
  [ "GET",   "/admin/keys",                        "operator" ],
  [ "POST",  `/admin/keys/${NOBODY}/revoke`,       "operator" ],
  [ "POST",  "/admin/handoffs/approve",            "operator" ],
  [ "POST",  "/admin/credits",                     "operator" ],
  [ "POST",  "/admin/transfers/credit:x/reverse",  "operator" ],
  [ "POST",  "/admin/vouchers",                    "operator" ],
  [ "POST",  `/admin/topups/${NOBODY}/pay`,        "operator" ],
  [ "GET",   "/admin/payouts",                     "operator" ],
  [ "POST",  `/admin/payouts/${NOBODY}/mark-paid`, "operator" ],
  [ "GET",   "/admin/ledger/verify",               "operator" ],
  [ "GET",   "/admin/status",                      "operator" ],
] as const;

test("the native wire", async (t) => {
  const hall = await startGuildhall(t, "any");
  for (const [name, scenario] of Object.entries(SCENARIOS))
    await t.test(name, () => scenario(hall));
});

async function strangers(hall: Guildhall): Promise<void> {
  const ann = await hall.member("stranger@example.org");
  const operator = operatorKey(hall);
  for (const [method, path, whose] of ROUTES) {
    const wrong = [undefined, "", "nonsense", `${operator}x`, `${ann.key}x`];
    for (const key of [...wrong, whose === "member" ? operator : ann.key]) {
      const body = method === "POST" ? {} : undefined;
      const { status, body: said } = await send(hall, path, {
        method,
        ...(key !== undefined && { key }),
        ...(body && { body }),
      });
      assert.equal(status, 401, `${method} ${path}`);
      assert.equal(said.error?.code, "unauthenticated");
      assert.match(said.error?.request_id ?? "", /^req_/);
    }
  }
}

// biome-ignore format: read as a table
const MISTAKES: readonly (readonly [string, string, string | object, number, string])[] = [
  // what                            path                  body                                                    status code
  [ "no JSON",                       "/topups",            "{",                                                     400, "invalid_request" ],
  [ "no object",                     "/topups",            "[]",                                                    400, "invalid_request" ],
  [ "an unknown field",              "/topups",            { usd: "1", more: 1 },                                   400, "invalid_request" ],
  [ "a number for an amount",        "/topups",            { usd: 1 },                                              400, "invalid_request" ],
  [ "an amount of nothing",          "/topups",            { usd: "0" },                                            400, "invalid_request" ],
  [ "less than nothing",             "/topups",            { usd: "-5" },                                           400, "invalid_request" ],
  [ "a fortune",                     "/topups",            { usd: "1000000.000001" },                               400, "invalid_request" ],
  [ "less than a micro",             "/topups",            { usd: "0.0000001" },                                    400, "invalid_request" ],
  [ "a payment's id with a NUL",     "/topups",            { usd: "1", payment_id: "a\0b" },                        400, "invalid_request" ],
  [ "nesting without an end",        "/topups",            "[".repeat(5_000) + "]".repeat(5_000),                   400, "invalid_request" ],
  [ "a body that is too large",      "/topups",            `"${"x".repeat(1_048_577)}"`,                            413, "payload_too_large" ],
  [ "an empty code",                 "/vouchers/redeem",   { code: "" },                                            400, "invalid_request" ],
  [ "a code with a NUL",             "/vouchers/redeem",   { code: "ABC\0DEF" },                                    400, "invalid_request" ],
  [ "a code that does not exist",    "/vouchers/redeem",   { code: "ABCDEFGH" },                                    404, "not_found" ],
  [ "more than may be paid out",     "/payouts",           { usd: "1" },                                            402, "insufficient_funds" ],
];

async function membersMistakes(hall: Guildhall): Promise<void> {
  const { key } = await hall.member("mistaken@example.org");
  for (const [what, path, body, status, code] of MISTAKES) {
    const answer = await send(hall, path, { key, body });
    assert.deepEqual([answer.status, answer.body.error?.code], [status, code], what);
  }
  const text = { "content-type": "text/plain" };
  const plain = await send(hall, "/topups", { key, body: '{"usd":"1"}', headers: text });
  assert.equal(plain.status, 415);
  for (const query of ["limit=ten", "limit=-1", "cursor=nonsense", "cursor='"]) {
    const { status } = await send(hall, `/topups?${query}`, { key });
    assert.equal(status, 400, query);
  }
  assert.equal((await send(hall, "/nowhere", { key })).status, 404);
  const { body } = await send(hall, "/wallet", { key });
  assert.deepEqual([body.posted_usd, body.available_usd], ["100", "100"]);
}

// biome-ignore format: read as a table
const OPERATORS_MISTAKES: readonly (readonly [string, string, object, number, string])[] = [
  [ "no address",                    "/admin/members",                        { email: "nonsense" },                                                  400, "invalid_request" ],
  [ "a handle of the house's",       "/admin/members",                        { email: "a@b.example", handle: "admin" },                              400, "invalid_request" ],
  [ "an unknown field",              "/admin/members",                        { email: "a@b.example", role: "operator" },                             400, "invalid_request" ],
  [ "an unknown kind of key",        "/admin/keys",                           { email: "ann@example.org", kind: "xx" },                               400, "invalid_request" ],
  [ "an agent's id that is none",    "/admin/keys",                           { email: "ann@example.org", kind: "lc", agent_id: "x" },                400, "invalid_request" ],
  [ "a credit to nobody",            "/admin/credits",                        { email: "nobody@example.org", usd: "1" },                              404, "not_found" ],
  [ "a credit by a name with a NUL", "/admin/credits",                        { email: "ann@example.org", usd: "1", reference: "a\0b" },              400, "invalid_request" ],
  [ "a voucher of the past",         "/admin/vouchers",                       { usd: "1", expires_at: "2001-01-01T00:00:00Z" },                       400, "invalid_request" ],
  [ "a voucher's code of two letters", "/admin/vouchers",                     { usd: "1", code: "AB" },                                               400, "invalid_request" ],
  [ "no such transfer",              "/admin/transfers/credit:nothing/reverse", { reason: "why" },                                                    404, "not_found" ],
  [ "no reason",                     "/admin/transfers/credit:nothing/reverse", { reason: " " },                                                      400, "invalid_request" ],
  [ "no such top-up",                `/admin/topups/${NOBODY}/pay`,           {},                                                                     404, "not_found" ],
  [ "no such payout",                "/admin/payouts/nonsense/mark-paid",     {},                                                                     404, "not_found" ],
  [ "no such agent",                 `/admin/agents/agt_${NOBODY}/suspend`,   {},                                                                     404, "not_found" ],
  [ "no such sign-in",               "/admin/handoffs/approve",               { code: "BLUE-FROG-12", email: "ann@example.org" },                     404, "not_found" ],
];

async function operatorsMistakes(hall: Guildhall): Promise<void> {
  const { key: memberKey } = await hall.member("ann@example.org");
  const key = operatorKey(hall);
  for (const [what, path, body, status, code] of OPERATORS_MISTAKES) {
    const answer = await send(hall, path, { key, body });
    assert.deepEqual([answer.status, answer.body.error?.code], [status, code], what);
  }
  const { body } = await send(hall, "/wallet", { key: memberKey });
  assert.equal(body.posted_usd, "100");
}

const SCENARIOS = {
  "a stranger is let in nowhere, and neither is one's key for the other's": strangers,
  "a member's mistakes are refused, each by its code, and cost nothing": membersMistakes,
  "an operator's mistakes are refused, each by its code": operatorsMistakes,
};

test("a server that is no development server takes no play payments", async (t) => {
  const hall = await startGuildhall(t, "any", {
    GUILDHALL_MODE: "production",
    GUILDHALL_SECRET_KEY: "a-secret-key-of-thirty-two-characters-or-more",
    PUBLIC_URL: "https://hall.example.org",
  });
  const note = JSON.parse(readFileSync(join(hall.dataDirectory, "server.json"), "utf8"));
  const local = { url: String(note.local_url) };
  const key = operatorKey(hall);
  const email = "ann@example.org";
  assert.equal((await send(local, "/admin/members", { key, body: { email } })).status, 201);
  const made = await send(local, "/admin/keys", { key, body: { email, kind: "gld" } });
  const member = { key: String(made.body.key) };
  const topup = await send(local, "/topups", { ...member, body: { usd: "5" } });
  assert.deepEqual([topup.status, topup.body.error?.code], [403, "forbidden"]);
  const { body } = await send(local, "/wallet", member);
  assert.equal(body.posted_usd, "0", "nor is there play money to begin with");
});
