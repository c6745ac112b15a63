/** `operator.key`: made once, for its owner's eyes only. */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { systemRandom } from "../../src/lib/random.ts";
import { readOperatorKey } from "../../src/operator-key.ts";

function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "guildhall-key-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test("the key is made at the first start and stays", (t) => {
  const data = directory(t);
  const key = readOperatorKey(data, systemRandom);
  assert.equal(Buffer.from(key, "base64url").length, 32);
  assert.equal(readOperatorKey(data, systemRandom), key);
  assert.equal(statSync(join(data, "operator.key")).mode & 0o777, 0o600);
});

for (const mode of [0o644, 0o640, 0o604]) {
  test(`a key that others may read (${mode.toString(8)}) is not used`, (t) => {
    const data = directory(t);
    readOperatorKey(data, systemRandom);
    chmodSync(join(data, "operator.key"), mode);
    assert.throws(() => readOperatorKey(data, systemRandom), /others may read it.*chmod 600/);
  });
}

test("a file that holds no key is not taken for one", (t) => {
  const data = directory(t);
  const path = join(data, "operator.key");
  writeFileSync(path, "short\n", { mode: 0o600 });
  assert.throws(() => readOperatorKey(data, systemRandom), /holds no key/);
  assert.equal(readFileSync(path, "utf8"), "short\n", "and nothing is written over it");
});
