/** `schema` proves what it prints: LinkedClaw contract §13. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { type Answer, errorOf, shell, startCloud } from "./support.ts";

const KEY = "lc_aVeryLongKeyThatNobodyMaySee0123456789";
const SCHEMA = '{ "type":"object",\n"required":["text"] }';
const sha256 = (bytes: string | Buffer) => createHash("sha256").update(bytes).digest("hex");

/** Runs `schema` against an agent that points to `/schema`, which answers as given. */
async function runSchema(
  t: TestContext,
  meta: (origin: string) => object,
  schema: Answer | ((path: string) => Answer),
) {
  const host = await startCloud(t, ({ url }) =>
    typeof schema === "function" ? schema(url.pathname) : schema,
  );
  const cloud = await startCloud(t, () => ({
    body: { agent_id: "agt_1", capabilities: ["c"], capabilities_meta: { c: meta(host.url) } },
  }));
  const one = shell(t, { LINKEDCLAW_CLOUD_URL: cloud.url, LINKEDCLAW_API_KEY: KEY });
  return { host, finished: await one.linkedclaw(["schema", "agt_1", "--capability", "c"]) };
}

const at =
  (schema_digest: string, path = "/schema") =>
  (origin: string) => ({
    schema_url: origin + path,
    schema_digest,
  });

for (const [how, digest] of [
  ["with its algorithm", `sha256:${sha256(SCHEMA)}`],
  ["bare", sha256(SCHEMA)],
  ["in capitals", sha256(SCHEMA).toUpperCase()],
] as const) {
  test(`a schema whose digest is right is printed, the digest ${how}`, async (t) => {
    const { finished, host } = await runSchema(t, at(digest), { body: SCHEMA });
    assert.equal(finished.code, 0, finished.stderr);
    assert.equal(finished.stdout, `${JSON.stringify(JSON.parse(SCHEMA), null, 2)}\n`);
    assert.equal(host.received[0]?.headers.authorization, undefined, "the key is not for others");
    assert.equal(host.received[0]?.headers["accept-encoding"], "identity");
  });
}

test("the digest is over the bytes, not over what they mean", async (t) => {
  const sameMeaning = JSON.stringify(JSON.parse(SCHEMA));
  const { finished } = await runSchema(t, at(sha256(SCHEMA)), { body: sameMeaning });
  const error = errorOf(finished);
  assert.deepEqual([error.code, error.step], ["input_schema_mismatch", "digest"]);
  assert.match(error.message, /digest mismatch/);
  assert.equal(error.actual, `sha256:${sha256(sameMeaning)}`);
});

test("no schema is an answer of its own", async (t) => {
  for (const meta of [{}, { schema_url: null }, { schema_url: "" }]) {
    const { finished, host } = await runSchema(t, () => meta, {});
    const error = errorOf(finished);
    assert.equal(error.code, "no_schema_url");
    assert.match(error.message, /^no schema_url for capability/);
    assert.deepEqual(host.received, []);
  }
});

test("a capability that is not there is said so", async (t) => {
  const cloud = await startCloud(t, () => ({ body: { agent_id: "agt_1", capabilities: ["c"] } }));
  const one = shell(t, { LINKEDCLAW_CLOUD_URL: cloud.url, LINKEDCLAW_API_KEY: KEY });
  const error = errorOf(await one.linkedclaw(["schema", "agt_1", "--capability", "d"]));
  assert.equal(error.code, "capability_not_supported");
  assert.match(error.hint ?? "", /c/);
});

const BIG = `"${"x".repeat(1_048_576)}"`;
const ZIPPED = gzipSync(SCHEMA);

// biome-ignore format: read as a table
const FAILURES: readonly (readonly [string, string, (origin: string) => object, Answer | ((path: string) => Answer), boolean])[] = [
  // what                             step        meta                                  answer                      asked
  [ "no digest",                      "digest",   (o) => ({ schema_url: o }),           { body: SCHEMA },           false ],
  [ "a digest of another kind",       "digest",   at("md5:abc"),                        { body: SCHEMA },           false ],
  [ "an address without encryption",  "url",      () => ({ schema_url: "http://192.0.2.1/s", schema_digest: sha256(SCHEMA) }), {}, false ],
  [ "an address that is a file",      "url",      () => ({ schema_url: "file:///etc/passwd", schema_digest: sha256(SCHEMA) }), {}, false ],
  [ "an address that is none",        "url",      () => ({ schema_url: "schema", schema_digest: sha256(SCHEMA) }), {}, false ],
  [ "nobody at the address",          "network",  () => ({ schema_url: "http://127.0.0.1:1/", schema_digest: sha256(SCHEMA) }), {}, false ],
  [ "an error at the address",        "status",   at(sha256(SCHEMA)),                   { status: 404, body: SCHEMA }, true ],
  [ "another host behind a redirect", "redirect", at(sha256(SCHEMA)),                   { status: 302, headers: { location: "http://192.0.2.1/s" } }, true ],
  [ "redirects without an end",       "redirect", at(sha256(SCHEMA)),                   { status: 302, headers: { location: "/again" } }, true ],
  [ "more than a megabyte",           "network",  at(sha256(BIG)),                      { body: BIG },              true ],
  [ "a compression nobody asked for", "status",   at(sha256(ZIPPED)),                   { body: ZIPPED, headers: { "content-encoding": "gzip" } }, true ],
  [ "no JSON",                        "parse",    at(sha256("nonsense")),               { body: "nonsense" },       true ],
];

for (const [what, step, meta, answer, isAsked] of FAILURES) {
  test(`refused: ${what}`, async (t) => {
    const { finished, host } = await runSchema(t, meta, answer);
    const error = errorOf(finished);
    assert.deepEqual([error.code, error.step], ["input_schema_mismatch", step]);
    assert.equal(host.received.length > 0, isAsked);
  });
}

test("a redirect on the same host is followed", async (t) => {
  const { finished } = await runSchema(t, at(sha256(SCHEMA)), (path) =>
    path === "/schema" ? { status: 307, headers: { location: "/moved" } } : { body: SCHEMA },
  );
  assert.equal(finished.code, 0, finished.stderr);
});
