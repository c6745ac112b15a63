/** Rows 9 to 12 and 26: files in, one call, and what is refused on the way. */
import assert from "node:assert/strict";
import { copyFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { errorOf } from "../support.ts";
import { shows } from "./checklist.ts";
import { FUNDS, price, scenarios } from "./stage.ts";

const FIXTURES = fileURLToPath(new URL("../../../server/test/assets/fixtures/", import.meta.url));
// biome-ignore format: read as a table
const ALLOWED = [
  "red.jpg", "red.png", "red.gif", "red.webp", "hello.pdf", "hello.docx", "hello.xlsx", "hello.pptx",
  "tone.mp3", "tone.wav", "red.mp4", "red.webm", "hello.txt", "hello.csv", "hello.json", "hello.md",
];
const BODY_BYTES_MAX = 1_048_576;
const FILE_BYTES_MAX = 50 * 1024 * 1024;
/** Processes at once: each is a Node of its own. */
const AT_ONCE = 4;

scenarios("work", {
  async "9: each allowed type is taken by its content, and nothing else is"(stage) {
    shows(9);
    const ann = await stage.person();
    for (let first = 0; first < ALLOWED.length; first += AT_ONCE) {
      const some = ALLOWED.slice(first, first + AT_ONCE);
      const answers = await Promise.all(
        some.map((name) => ann.told("upload", join(FIXTURES, name))),
      );
      for (const answer of answers) {
        assert.deepEqual(Object.keys(answer), ["file_id"]);
        assert.match(answer.file_id, /^fil_/);
      }
    }
    const program = join(ann.home, "notes.txt");
    copyFileSync(process.execPath, program);
    truncateSync(program, 100_000);
    assert.equal((await ann.refused(["upload", program])).code, "unsupported_type");
    assert.equal(
      (await ann.refused(["upload", join(FIXTURES, "plain.zip")])).code,
      "unsupported_type",
    );
    const large = join(ann.home, "large.txt");
    writeFileSync(large, "");
    truncateSync(large, FILE_BYTES_MAX + 1);
    assert.equal((await ann.refused(["upload", large])).code, "payload_too_large");
  },

  async "10: a body over 1 MB is refused, with the request's id, and costs nothing"(stage) {
    shows(10);
    const { agentId, capability } = await stage.offer({
      ...{ meta: price("per_call", 5), handlers: { run: () => ({ output: {} }) } },
    });
    const ann = await stage.person();
    const empty = JSON.stringify({ text: "" });
    const input = JSON.stringify({ text: "x".repeat(BODY_BYTES_MAX - empty.length) });
    const invoke = ["invoke", agentId, "--capability", capability, "--input", "-", "--verbose"];
    const refused = await ann.run(invoke, { input });
    const error = errorOf(refused);
    assert.deepEqual([error.code, error.http_status], ["payload_too_large", 413]);
    assert.match(String(error.request_id), /^req_/);
    assert.ok(refused.stderr.includes(String(error.request_id)));
    assert.deepEqual(await ann.credits(), [FUNDS, 0]);
  },

  async "11: a call has one manifest, a time within bounds, and a budget that holds"(stage) {
    shows(11);
    const manifests: unknown[] = [];
    const { agentId, capability } = await stage.offer({
      meta: price("per_call", 45),
      handlers: {
        run(_input, { manifest }) {
          manifests.push(manifest);
          return { output: { done: true } };
        },
      },
    });
    const ann = await stage.person();
    const invoke = ["invoke", agentId, "--capability", capability, "--input", "{}"];
    const done = await ann.told(...invoke);
    // biome-ignore format: read as a list
    assert.deepEqual(Object.keys(done).sort(), ["credits_charged", "evidence", "invoke_id", "receipt_id", "result"]);
    assert.deepEqual(
      [done.credits_charged, done.result, done.evidence],
      [45, { done: true }, null],
    );
    await ann.told(...invoke, "--manifest", '{"intention":"my own"}', "--intention", "not this");
    assert.deepEqual(manifests, [{ intention: `invoke: ${capability}` }, { intention: "my own" }]);
    const spent: [number, number] = [FUNDS - 90, 0];
    for (const more of [
      ["--manifest", "{}", "--manifest-id", "mft_1"],
      ["--timeout", "4"],
      ["--timeout", "301"],
      ["--max-credits", "-1"],
    ]) {
      await ann.refused([...invoke, ...more], 2);
    }
    const over = await ann.refused([...invoke, "--max-credits", "44"]);
    assert.deepEqual([over.code, over.http_status], ["budget_exceeded", 402]);
    assert.deepEqual(await ann.credits(), spent);
  },

  async "12: what is sold by the session is not called"(stage) {
    shows(12);
    const { agentId, capability } = await stage.offer({
      ...{ meta: price("per_session", 45), handlers: { run: () => ({ output: {} }) } },
    });
    const ann = await stage.person();
    const refused = await ann.refused([
      "invoke",
      agentId,
      "--capability",
      capability,
      "--input",
      "{}",
    ]);
    assert.deepEqual([refused.code, refused.http_status], ["interaction_mode_not_supported", 409]);
    const found = await ann.told("search", capability, "--interaction-mode", "invoke");
    assert.deepEqual(found, []);
    assert.deepEqual(await ann.credits(), [FUNDS, 0]);
  },
});

scenarios(
  "limits",
  {
    async "26: who asks too often is told when to come back, and others are not touched"(stage) {
      shows(26);
      const [ann, bob] = [await stage.person(), await stage.person()];
      await ann.told("search", "x.v1");
      await ann.told("search", "x.v1");
      const refused = await ann.refused(["search", "x.v1"]);
      assert.deepEqual([refused.code, refused.http_status], ["rate_limited", 429]);
      assert.ok(Number(refused.retry_after) >= 1, JSON.stringify(refused));
      await bob.told("search", "x.v1");
      await ann.told("credits");
    },
  },
  { GUILDHALL_RATE_LIMITS: "search=2" },
);
