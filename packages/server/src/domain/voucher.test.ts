import assert from "node:assert/strict";
import { test } from "node:test";
import { foldVoucherCode, VOUCHER_RANDOM_BYTES, voucherCodeOf } from "./voucher.ts";

test("a code is sixteen letters in groups of four", () => {
  const bytes = Uint8Array.from({ length: VOUCHER_RANDOM_BYTES }, (_, index) => index * 16);
  assert.equal(voucherCodeOf(bytes), "2J2J-2J2J-2J2J-2J2J");
});

test("case, dashes and spaces do not count", () => {
  assert.equal(foldVoucherCode(" abcd-2345 "), "ABCD2345");
});

for (const text of ["", "ABC", "ÄÖÜ12345", "a".repeat(65), "a\0bcdefg"]) {
  test(`${JSON.stringify(text)} is no code`, () => assert.throws(() => foldVoucherCode(text)));
}
