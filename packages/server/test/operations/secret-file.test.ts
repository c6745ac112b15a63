/** Secrets that are made at the first start, which may be several processes'. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { localSecretKey } from "../../src/data-directory.ts";
import { systemRandom } from "../../src/lib/random.ts";

const PROCESSES = 8;
const moduleAt = (path: string) =>
  JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);
/** Begins when all the others do. */
const STARTING = `
  import { readOrMakeSecret } from ${moduleAt("secret-file.ts")};
  import { systemRandom } from ${moduleAt("lib/random.ts")};
  const [path, at] = process.argv.slice(-2);
  while (Date.now() < Number(at));
  process.stdout.write(readOrMakeSecret(path, systemRandom));
`;

function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "guildhall-secret-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test("of processes that start at once one makes the secret, and all have the same", async (t) => {
  const data = directory(t);
  const path = join(data, "secret.key");
  const at = String(Date.now() + 2_000);
  const started = Array.from({ length: PROCESSES }, () =>
    promisify(execFile)(process.execPath, [
      ...["--input-type=module", "--eval", STARTING, "--", path, at],
    ]),
  );
  const secrets = new Set((await Promise.all(started)).map(({ stdout }) => stdout));
  assert.equal(secrets.size, 1);
  assert.deepEqual([...secrets], [readFileSync(path, "utf8").trim()]);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(data), ["secret.key"], "nothing unfinished is left");
});

test("a secret that is lost is not made anew over what is left of it", (t) => {
  const data = directory(t);
  const secret = localSecretKey(data, systemRandom);
  assert.equal(localSecretKey(data, systemRandom), secret);
  writeFileSync(join(data, "secret.key"), "");
  assert.throws(() => localSecretKey(data, systemRandom), /holds no key; put the old one back/);
});
