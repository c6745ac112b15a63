/** Uploads, files in inputs and schemas elsewhere that are not what they should be: refused, at no cost. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { DATABASE_HOSTS, isSkipped } from "../../support/database.ts";
import { type Guildhall, type Member, startGuildhall } from "../../support/guildhall.ts";
import { balanceOf, invoke, register, type Seller, sell } from "../../support/hire.ts";
import { verifies } from "./requirements.ts";
import { assertRefused, type Body, send, streamOf } from "./support.ts";

interface World {
  readonly hall: Guildhall;
  readonly seller: Seller;
  readonly alice: Member;
}

for (const host of DATABASE_HOSTS) {
  test(`bad files and schemas (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const hall = await startGuildhall(t, host);
    const seller = await sell(t, hall);
    const alice = await hall.member("alice@example.com");
    for (const [says, scenario] of Object.entries(SCENARIOS)) {
      await t.test(says, (inner) => scenario(inner, { hall, seller, alice }));
    }
    assert.doesNotMatch(
      hall.output(),
      /"level":(?:50|60)/,
      "nothing here is a bug of the server's",
    );
  });
}

const MEGABYTE = 1024 * 1024;
const INVALID = { status: 422, code: "invalid_request" } as const;
const TOO_LARGE = { status: 413, code: "payload_too_large" } as const;
const WRONG_TYPE = { status: 415, code: "unsupported_type" } as const;
const BAD_FILE = { status: 422, code: "invalid_file_ref" } as const;
const BAD_SCHEMA = { status: 422, code: "input_schema_mismatch" } as const;
const DIGEST = `sha256:${"0".repeat(64)}`;

type Scenario = (t: TestContext, world: World) => Promise<void>;

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  async "a file over 50 MB is refused by its length, and while it streams"(_t, { hall, alice }) {
    verifies("upload-cap");
    const form = formOf(new Uint8Array(51 * MEGABYTE), "big.txt");
    await assertRefused(alice, TOO_LARGE, () => send(hall, alice, { path: "/files", body: form }));
    const headers = { "content-type": "multipart/form-data; boundary=b" };
    const body = inForm(streamOf(51 * MEGABYTE), "big.txt");
    await assertRefused(alice, TOO_LARGE, () =>
      send(hall, alice, { path: "/files", headers, body }),
    );
  },

  async "what is no form with one file is refused"(_t, { hall, alice }) {
    const bare = new FormData();
    bare.set("mime", "text/plain");
    const two = formOf("a", "a.txt");
    two.append("file", new Blob(["b"]), "b.txt");
    const form = { "content-type": "multipart/form-data" };
    const cut = { "content-type": "multipart/form-data; boundary=b" };
    // biome-ignore format: read as a table
    const cases: [Body, Record<string, string>, { status: number; code: string }][] = [
      [bare,                     {},                                      INVALID],
      [two,                      {},                                      INVALID],
      ["{}",                     { "content-type": "application/json" },  WRONG_TYPE],
      ["bytes",                  { "content-type": "text/plain" },        WRONG_TYPE],
      ["no boundary",            form,                                    WRONG_TYPE],
      ["--b\r\nContent-Dispo",   cut,                                     INVALID],
    ];
    for (const [body, headers, expected] of cases) {
      await assertRefused(alice, expected, () =>
        send(hall, alice, { path: "/files", headers, body }),
      );
    }
  },

  async "content decides what a file is, whatever it is called"(_t, { hall, alice }) {
    verifies("file-types");
    const program = new Uint8Array([0x4d, 0x5a, 0x90, 0, 3, 0, 0, 0]);
    const archive = readFileSync(new URL("../../assets/fixtures/plain.zip", import.meta.url));
    // biome-ignore format: read as a table
    const cases: [Uint8Array<ArrayBuffer> | string, string][] = [
      [program,                  "harmless.txt"],
      [program,                  "picture.png"],
      [new Uint8Array(archive),  "letter.docx"],
      ["plain text",             "page.svg"],
      ["{not json",              "data.json"],
      ["text\0with NUL",         "notes.txt"],
      [new Uint8Array([0xff]),   "notes.md"],
    ];
    for (const [content, name] of cases) {
      const form = formOf(content, name);
      await assertRefused(alice, WRONG_TYPE, () =>
        send(hall, alice, { path: "/files", body: form }),
      );
    }
  },

  async "a path in a file's name leads nowhere"(_t, { hall, alice }) {
    verifies("upload-answer");
    for (const name of ["../../../../etc/passwd.txt", "C:\\Windows\\evil.txt", "a\r\nx: y.txt"]) {
      const { status, body } = await send(hall, alice, {
        path: "/files",
        body: formOf("hi", name),
      });
      assert.equal(status, 201, JSON.stringify(body));
      assert.deepEqual(Object.keys(body), ["file_id"]);
      const path = `/files/${body.file_id}/content`;
      const kept = await send(hall, alice, { method: "GET", path });
      assert.equal(kept.body, "hi");
      const disposition = kept.headers.get("content-disposition") ?? "";
      assert.match(disposition, /^attachment; /);
      assert.doesNotMatch(disposition, /\/|\\|%2F|%5C|\r|\n/i, "only its last part is its name");
      assert.equal(kept.headers.get("x-content-type-options"), "nosniff");
    }
  },

  async "a file field says one thing, and nothing that only this machine could reach"(_t, world) {
    verifies("file-reference");
    const { hall, alice, seller } = world;
    const uploaded = await send(hall, alice, { path: "/files", body: formOf("hi", "a.txt") });
    const own: string = uploaded.body.file_id;
    const url = "https://example.com/a.txt";
    // biome-ignore format: read as a table
    const cases = [
      { url, file_id: own },                       { url: null, file_id: null },
      { url: "" },                                 { file_id: "" },
      { file_id: `fil_${"0".repeat(24)}` },        { file_id: "fil_../../etc/passwd" },
      { file_id: own.replace("fil_", "agt_") },    { url: "http://example.com/a.txt" },
      { url: "file:///etc/passwd" },               { url: "https://169.254.169.254/latest/meta-data" },
      { url: "https://127.0.0.1/a" },              { url: "https://[::1]/a" },
      { url: "https://0x7f000001/a" },             { url: "https://user:password@example.com/a" },
      { url: "data:text/plain;base64,aGk=" },      { url: "not an address" },
    ];
    for (const file of cases) {
      await assertRefused(alice, BAD_FILE, () =>
        invoke(alice, seller.agentId, { input: { file } }),
      );
    }
    // Somebody else's file sounds like none at all.
    const stolen = { input: { nested: [{ deep: { file_id: own } }] } };
    await assertRefused(seller.member, BAD_FILE, () =>
      invoke(seller.member, seller.agentId, stolen),
    );
  },

  async "a schema inside somebody's network is not fetched"(_t, { hall, alice }) {
    // biome-ignore format: read as a table
    const cases: [string, typeof BAD_SCHEMA | typeof INVALID][] = [
      ["https://169.254.169.254/latest/meta-data", BAD_SCHEMA],
      ["https://127.0.0.1/schema.json",            BAD_SCHEMA],
      ["https://[::ffff:127.0.0.1]/schema.json",   BAD_SCHEMA],
      ["https://2130706433/schema.json",           BAD_SCHEMA],
      ["https://localhost/schema.json",            BAD_SCHEMA],
      [`${hall.url}/healthz`,                      BAD_SCHEMA],
      ["http://example.com/schema.json",           INVALID],
      ["file:///etc/passwd",                       INVALID],
      ["https://u:p@example.com/schema.json",      INVALID],
      ["nowhere",                                  INVALID],
    ];
    for (const [schema_url, expected] of cases) {
      await assertRefused(alice, expected, () =>
        list(hall, alice, { schema_url, schema_digest: DIGEST }),
      );
    }
    assert.deepEqual((await alice.ask("GET", "/agents?owner=me")).body, [], "nothing was listed");
  },

  async "a schema needs its digest, and is a schema"(_t, { hall, alice }) {
    verifies("listing-schema");
    const schema_url = "https://example.com/schema.json";
    // biome-ignore format: read as a table
    const cases: object[] = [
      { schema_url },
      { schema_url, schema_digest: null },
      { schema_url, schema_digest: "sha256:abc" },
      { schema_url, schema_digest: `md5:${"0".repeat(64)}` },
      { input_schema: { type: "no such type" } },
      { input_schema: { $ref: "https://example.com/other.json" } },
      { input_schema: [] },
      { output_schema: { pattern: "(" , type: "string" } },
    ];
    for (const meta of cases) await assertRefused(alice, INVALID, () => list(hall, alice, meta));
    // Nothing was used up: the slug is still free.
    await register(alice, "with-schema", 5, { schema_url: null, schema_digest: null });
  },
};

test("a schema whose bytes are others is refused, and so is input that does not fit", async (t) => {
  verifies("schema-digest", "schema-input");
  const hall = await startGuildhall(t, "any", { GUILDHALL_FETCH_LOOPBACK: "on" });
  const alice = await hall.member("alice@example.com");
  const schema_url = await serveText(t, '{"type":"object","required":["text"]}');
  const refused = await assertRefused(alice, BAD_SCHEMA, () =>
    list(hall, alice, { schema_url, schema_digest: DIGEST }),
  );
  const [, digest] = /its digest is (sha256:[0-9a-f]{64})/.exec(refused.body.detail) ?? [];
  const seller = await sell(t, hall, { meta: { schema_url, schema_digest: digest } });
  await assertRefused(alice, BAD_SCHEMA, () => invoke(alice, seller.agentId, { input: {} }));
  assert.equal((await invoke(alice, seller.agentId)).status, 200);
  assert.equal((await balanceOf(alice)).available, 999_955);
});

/** A listing whose one capability has this said of it. */
function list(hall: Guildhall, member: Member, meta: object) {
  const body = JSON.stringify({
    slug: "with-schema",
    agent_name: "With a schema",
    description: "Has a schema.",
    capabilities: ["echo"],
    capabilities_meta: { echo: { description: "Echoes.", ...meta } },
  });
  const headers = { "content-type": "application/json" };
  return send(hall, member, { path: "/agents", headers, body });
}

function formOf(content: Uint8Array<ArrayBuffer> | string, name: string): FormData {
  const form = new FormData();
  form.set("file", new Blob([content]), name);
  return form;
}

/** A form that says nothing of its length, with boundary `b`. */
function inForm(content: ReadableStream<Uint8Array>, name: string): ReadableStream<Uint8Array> {
  const head = `--b\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\n\r\n`;
  const parts = [new Blob([head]).stream(), content, new Blob(["\r\n--b--\r\n"]).stream()];
  return ReadableStream.from(
    (async function* () {
      for (const part of parts) yield* part as AsyncIterable<Uint8Array>;
    })(),
  );
}

async function serveText(t: TestContext, text: string): Promise<string> {
  const server = createServer((_request, response) => response.end(text));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/schema.json`;
}
