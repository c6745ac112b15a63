import assert from "node:assert/strict";
import { test } from "node:test";
import { foldUserCode, USER_CODES, userCodeOf } from "./user-code.ts";

test("there are at least 20 bits of user codes", () => {
  assert.ok(Math.log2(USER_CODES) >= 20, `${Math.log2(USER_CODES)} bits`);
});

test("no two codes are alike once case and punctuation are gone", () => {
  const folded = new Set<string>();
  for (let number = 0; number < USER_CODES; number += 90) {
    const code = userCodeOf(number);
    assert.match(code, /^[A-Z]{3,7}-[A-Z]{3,7}-10$/);
    folded.add(foldUserCode(code) ?? "");
  }
  assert.equal(folded.size, USER_CODES / 90);
  assert.match(userCodeOf(USER_CODES - 1), /-99$/);
});

test("a code is recognised however a person types it", () => {
  for (const typed of ["BLUE-FROG-12", "blue frog 12", " Blue_Frog–12. ", "bluefrog12"]) {
    assert.equal(foldUserCode(typed), "BLUEFROG12");
  }
});

test("what cannot be a code is not looked for", () => {
  for (const typed of ["", "12", "BLUE-FROG", "BLUE-FROG-123", "' or 1=1 --", "A".repeat(10_000)]) {
    assert.equal(foldUserCode(typed), undefined);
  }
});
