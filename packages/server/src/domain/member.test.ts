import assert from "node:assert/strict";
import { test } from "node:test";
import { admits, freeHandle, handleBaseOf, isHandle, normaliseEmail } from "./member.ts";

test("an address is compared without regard to case, and refused when it is none", () => {
  // biome-ignore format: read as a table
  const CASES = [
    ["Ada@Example.ORG ",          "ada@example.org"],
    ["ada.l+news@mail.example",   "ada.l+news@mail.example"],
    ["müller@example.org",        "müller@example.org"],
    ["o'hara@example.org",        "o'hara@example.org"],
    ["me@localhost",              "me@localhost"],
    ["",                          undefined],
    ["ada",                       undefined],
    ["@example.org",              undefined],
    ["ada@",                      undefined],
    ["a@b@c.org",                 undefined],
    ["ada@exa mple.org",          undefined],
    ["ada@example..org",          undefined],
    ["ada\r\nBcc: x@example.org", undefined],
    ["<ada@example.org>",         undefined],
    [`${"a".repeat(65)}@x.org`,   undefined],
    [`a@${"x".repeat(260)}.org`,  undefined],
  ] as const;
  for (const [typed, expected] of CASES) assert.equal(normaliseEmail(typed), expected, typed);
});

test("a handle comes from the address and is free", () => {
  assert.equal(handleBaseOf("ada.lovelace+news@example.org"), "ada-lovelace");
  assert.equal(handleBaseOf("müller@example.org"), "mu-ller");
  assert.equal(handleBaseOf("张@example.org"), "member");
  assert.equal(handleBaseOf(`${"a".repeat(64)}@example.org`).length, 24);
  assert.equal(freeHandle("ada", new Set()), "ada");
  assert.equal(freeHandle("ada", new Set(["ada", "ada-2"])), "ada-3");
  assert.equal(freeHandle("admin", new Set()), "admin-2", "nobody looks like the house");
  for (const base of ["ada", "admin", "a", handleBaseOf(`${"b".repeat(64)}@x.org`)]) {
    assert.ok(isHandle(freeHandle(base, new Set([base]))));
  }
});

test("what may be a handle", () => {
  for (const good of ["a", "ada", "ada-2", "a1"]) assert.ok(isHandle(good), good);
  for (const bad of ["", "-a", "a-", "a--b", "Ada", "a_b", "root", "x".repeat(33)]) {
    assert.ok(!isHandle(bad), bad);
  }
});

test("who may come in", () => {
  // biome-ignore format: read as a table
  const CASES = [
    // policy   member invited  in
    ["open",   false, false,   true],
    ["open",   false, true,    true],
    ["open",   true,  false,   true],
    ["invite", false, false,   false],
    ["invite", false, true,    true],
    ["invite", true,  false,   true],
    ["closed", false, false,   false],
    ["closed", false, true,    false],
    ["closed", true,  false,   true],
  ] as const;
  for (const [policy, isMember, isInvited, isIn] of CASES) {
    assert.equal(
      admits(policy, { isMember, isInvited }),
      isIn,
      `${policy} ${isMember} ${isInvited}`,
    );
  }
});
