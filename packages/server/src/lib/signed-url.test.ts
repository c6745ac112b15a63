import assert from "node:assert/strict";
import { test } from "node:test";
import { isSignatureValid, type LinkSignature, signPath } from "./signed-url.ts";

const SECRET = Buffer.alloc(32, 7);
const PATH = "/files/0190aa";
const EXPIRES_AT = new Date("2026-01-01T00:10:00.250Z");
const BEFORE = new Date("2026-01-01T00:10:00Z");

function linkOf(path: string): LinkSignature {
  const { searchParams } = new URL(path, "https://hall.example");
  return {
    expires: searchParams.get("expires") ?? "",
    signature: searchParams.get("signature") ?? "",
  };
}

test("a signed link works until it expires, and not after", () => {
  const link = linkOf(signPath(SECRET, PATH, EXPIRES_AT));
  assert.equal(isSignatureValid(SECRET, PATH, link, BEFORE), true);
  assert.equal(isSignatureValid(SECRET, PATH, link, EXPIRES_AT), true);
  assert.equal(isSignatureValid(SECRET, PATH, link, new Date("2026-01-01T00:10:01Z")), false);
});

test("a signed link works for no other path, time or secret", () => {
  const link = linkOf(signPath(SECRET, PATH, EXPIRES_AT));
  const later = { ...link, expires: String(Number(link.expires) + 1) };
  assert.equal(isSignatureValid(SECRET, "/files/0190bb", link, BEFORE), false);
  assert.equal(isSignatureValid(SECRET, PATH, later, BEFORE), false);
  assert.equal(isSignatureValid(Buffer.alloc(32, 8), PATH, link, BEFORE), false);
});

test("a signature has one text: of the 64 characters it could end with, one is right", () => {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const link = linkOf(signPath(SECRET, PATH, EXPIRES_AT));
  const right = [...alphabet].filter((last) => {
    const signature = link.signature.slice(0, -1) + last;
    return isSignatureValid(SECRET, PATH, { ...link, signature }, BEFORE);
  });
  assert.deepEqual(right, [link.signature.at(-1)]);
});

test("what is no signature is refused without a fuss", () => {
  const link = linkOf(signPath(SECRET, PATH, EXPIRES_AT));
  for (const signature of ["", "x", link.signature.slice(1), "🦊".repeat(20)]) {
    assert.equal(isSignatureValid(SECRET, PATH, { ...link, signature }, BEFORE), false);
  }
  for (const expires of ["", "-1", "1e99", "Infinity", "9".repeat(400)]) {
    assert.equal(isSignatureValid(SECRET, PATH, { ...link, expires }, BEFORE), false);
  }
});
