import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { composeKey, KEY_KINDS, KEY_SHAPES, type KeyKind, keyHintOf, parseKey } from "./key.ts";

function chance(kind: KeyKind, seed: string): Uint8Array {
  return createHash("sha256").update(seed).digest().subarray(0, KEY_SHAPES[kind].randomBytes);
}

test("every kind is written as its wire spells it, and is recognised again", () => {
  // biome-ignore format: read as a table
  const WRITTEN: Record<KeyKind, RegExp> = {
    lc:        /^lc_[0-9A-Za-z]{32}$/,
    claw_wsk:  /^claw_wsk_[0-9A-Za-z]{49}$/,
    mrg:       /^mrg_[0-9a-f]{64}$/,
    cllk_live: /^cllk_live_[0-9A-Za-z]{32}$/,
    shk:       /^shk_[0-9a-f]{40}$/,
    gld:       /^gld_[0-9A-Za-z]{32}$/,
  };
  for (const kind of KEY_KINDS) {
    for (let round = 0; round < 200; round++) {
      const secret = composeKey(kind, chance(kind, `${kind} ${round}`));
      assert.match(secret, WRITTEN[kind]);
      assert.equal(parseKey(secret), kind);
      assert.equal(keyHintOf(secret), secret.slice(-4));
    }
  }
});

test("at least 128 bits of a key are chance, and none of them is lost in writing", () => {
  for (const kind of KEY_KINDS) {
    const { alphabet, randomBytes, bodyLength } = KEY_SHAPES[kind];
    assert.ok(randomBytes >= 16, kind);
    const bitsPerDigit = Math.log2(alphabet === "hex" ? 16 : 62);
    assert.ok(bodyLength * bitsPerDigit >= randomBytes * 8, `${kind} is too short for its chance`);
    const highest = composeKey(kind, new Uint8Array(randomBytes).fill(255));
    assert.equal(parseKey(highest), kind);
  }
});

test("the checksum is the CRC-32 that every zlib computes", () => {
  const secret = composeKey("shk", chance("shk", "known"));
  assert.equal(secret.slice(-8), crc32(secret.slice(0, -8)).toString(16).padStart(8, "0"));
});

test("one wrong character anywhere is noticed", () => {
  for (const kind of KEY_KINDS) {
    const secret = composeKey(kind, chance(kind, "typo"));
    for (let index = 0; index < secret.length; index++) {
      const wrong = secret[index] === "a" ? "b" : "a";
      assert.equal(parseKey(secret.slice(0, index) + wrong + secret.slice(index + 1)), undefined);
    }
  }
});

test("what is not a key is refused by its shape", () => {
  const secret = composeKey("lc", chance("lc", "shape"));
  // biome-ignore format: read as a table
  const WRONG = [
    "", "lc_", secret.slice(0, -1), `${secret}0`, ` ${secret}`, `${secret}\n`,
    secret.toUpperCase(), secret.replace("lc_", "gld_"), secret.replace("lc_", ""),
    `lc_${"0".repeat(32)}`, `lc_${"é".repeat(32)}`, `lc_${"0".repeat(1_000_000)}`,
  ];
  for (const text of WRONG) assert.equal(parseKey(text), undefined, text.slice(0, 60));
});
