import assert from "node:assert/strict";
import { test } from "node:test";
import { systemRandom } from "./random.ts";
import { createSealer, deriveSecret, SealError, type SealReason } from "./seal.ts";

const MASTER = "a server's secret key, long enough";
const RECORD = "connection/0190aa/token";

function refusedFor(reason: SealReason) {
  return (error: unknown) => error instanceof SealError && error.reason === reason;
}

test("what was sealed opens again, for the same record", () => {
  const sealer = createSealer(systemRandom, MASTER);
  for (const plain of ["", "hunter2", "schlüssel", "x".repeat(10_000)]) {
    assert.equal(sealer.open(sealer.seal(plain, RECORD), RECORD).toString(), plain);
  }
});

test("the same secret never looks the same twice", () => {
  const sealer = createSealer(systemRandom, MASTER);
  const sealed = Array.from({ length: 100 }, () => sealer.seal("hunter2", RECORD));
  assert.equal(new Set(sealed.map((text) => text.split(".")[2])).size, 100);
  assert.ok(sealed.every((text) => !text.includes(Buffer.from("hunter2").toString("base64url"))));
});

test("a sealed secret that was moved to another record does not open", () => {
  const sealer = createSealer(systemRandom, MASTER);
  const sealed = sealer.seal("hunter2", RECORD);
  assert.throws(() => sealer.open(sealed, "connection/0190bb/token"), refusedFor("not_authentic"));
});

test("a sealed secret with any one byte changed does not open", () => {
  const sealer = createSealer(systemRandom, MASTER);
  const [version, keyId, nonce, text] = sealer.seal("hunter2", RECORD).split(".");
  for (const [index, part] of [nonce, text].entries()) {
    const bytes = Buffer.from(part ?? "", "base64url");
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      const parts = [nonce, text];
      parts[index] = changed.toString("base64url");
      assert.throws(
        () => sealer.open([version, keyId, ...parts].join("."), RECORD),
        refusedFor("not_authentic"),
      );
    }
  }
});

test("after a change of keys, what an earlier key sealed still opens", () => {
  const sealed = createSealer(systemRandom, MASTER).seal("hunter2", RECORD);
  const after = createSealer(systemRandom, "another key", [MASTER]);
  assert.equal(after.open(sealed, RECORD).toString(), "hunter2");
  assert.notEqual(after.seal("hunter2", RECORD).split(".")[1], sealed.split(".")[1]);
  assert.throws(
    () => createSealer(systemRandom, "another key").open(sealed, RECORD),
    refusedFor("unknown_key"),
  );
});

test("anything else is told apart from a sealed secret", () => {
  const sealer = createSealer(systemRandom, MASTER);
  for (const text of ["", "hunter2", "v1.abc.def.ghi", "v2.000000000000.AAAAAAAAAAAAAAAA."]) {
    assert.throws(() => sealer.open(text, RECORD), refusedFor("malformed"));
  }
});

test("secrets of different labels and keys differ, and the same are the same", () => {
  assert.deepEqual(deriveSecret(MASTER, "links"), deriveSecret(Buffer.from(MASTER), "links"));
  const secrets = [
    deriveSecret(MASTER, "links"),
    deriveSecret(MASTER, "cookies"),
    deriveSecret("another key", "links"),
  ];
  assert.equal(new Set(secrets.map((secret) => secret.toString("hex"))).size, 3);
  assert.ok(secrets.every((secret) => secret.length === 32));
});
