import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog } from "./log.ts";
import { readableLine } from "./log-page.ts";

function page(work: (log: ReturnType<typeof createLog>) => void): string {
  let text = "";
  const write = (line: string): void => {
    text += readableLine(line);
  };
  work(createLog("info", { write }));
  return text;
}

test("an event is its time, its words and its facts", () => {
  const text = page((log) => log.info({ url: "http://127.0.0.1:8787", count: 2 }, "listening"));
  assert.match(text, /^\d\d:\d\d:\d\d listening url=http:\/\/127\.0\.0\.1:8787 count=2\n$/);
});

test("what is bad says so, and what was thrown stands below it", () => {
  const cause = new Error("inner");
  const text = page((log) => log.warn({ error: new Error("outer", { cause }) }, "it failed"));
  assert.match(text, /^\d\d:\d\d:\d\d warn it failed\n {4}Error: outer\n/);
  assert.match(text, /\n {4}because of Error: inner\n/);
});

test("no stranger's words reach the terminal as orders", () => {
  const evil = "a\u001b[2Jb\u009b31mc\rd\ne";
  const text = page((log) => log.error({ said: evil, error: new Error(evil) }, evil));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
});

test("what is no event is passed on", () => {
  assert.equal(readableLine("not json\n"), "not json\n");
});
