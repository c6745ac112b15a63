import assert from "node:assert/strict";
import { test } from "node:test";
import { toReturnPath } from "./return-path.ts";

test("a person comes back to this server or goes home", () => {
  // biome-ignore format: read as a table
  const CASES = [
    ["/device?user_code=BLUE-FROG-12",  "/device?user_code=BLUE-FROG-12"],
    ["/app/../settings/api-keys#x",     "/settings/api-keys"],
    ["/oauth/authorize?redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2Fcallback", "/oauth/authorize?redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2Fcallback"],
    [undefined,                         "/app"],
    ["",                                "/app"],
    ["device",                          "/app"],
    ["https://evil.example/",           "/app"],
    ["//evil.example",                  "/app"],
    ["///evil.example",                 "/app"],
    ["/\\evil.example",                 "/app"],
    ["/\t/evil.example",                "/app"],
    ["\n//evil.example",                "/app"],
    ["javascript:alert(1)",             "/app"],
    ["//[",                             "/app"],
    [`/${"a".repeat(3_000)}`,           "/app"],
  ] as const;
  for (const [text, expected] of CASES) assert.equal(toReturnPath(text), expected, text);
});

test("what comes out of it stays where it is when it goes in again", () => {
  for (const text of ["/./\\evil.example", "/.//evil.example", "/a/..//evil.example"]) {
    const path = toReturnPath(text);
    assert.equal(new URL(path, "http://here.example").origin, "http://here.example", text);
    assert.equal(toReturnPath(path), path);
  }
});
