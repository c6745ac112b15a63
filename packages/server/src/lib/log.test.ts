import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog, redact } from "./log.ts";

function linesOf(work: (log: ReturnType<typeof createLog>) => void): string {
  let text = "";
  const write = (line: string): void => {
    text += line;
  };
  work(createLog("info", { write }));
  return text;
}

test("a key is not written, whatever the field it stands in", () => {
  const key = "lc_abcdefghij0123456789";
  const text = linesOf((log) => {
    log.info({ note: `called with ${key}`, headers: { authorization: `Bearer ${key}` } }, key);
    log.error({ error: new Error(`bad key ${key}`, { cause: new Error(key) }) }, "failed");
  });
  assert.ok(!text.includes("abcdefghij"), text);
  assert.match(text, /lc_\[redacted\]/);
});

test("an error is written with its causes", () => {
  const text = linesOf((log) => {
    log.error({ error: new Error("outer", { cause: new Error("inner") }) }, "failed");
  });
  assert.match(text, /outer/);
  assert.match(text, /inner/);
});

test("text without secrets stays as it is", () => {
  assert.equal(
    redact("lc_short and agt_0123456789abcdef01234567"),
    "lc_short and agt_0123456789abcdef01234567",
  );
});
