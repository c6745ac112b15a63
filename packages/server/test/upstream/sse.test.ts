import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { dataOfEvent, SseFrames, SseParser, SseTooLarge } from "../../src/lib/sse.ts";
import { anyCuts, cut } from "./support.ts";

const TEXT = Buffer.from(
  "\uFEFF: hello\r\n\r\ndata: one\u2028still one\r\n\r\nevent: named\rdata:two\rdata: \u00e4\ud83e\udd8a\r\rdata\n\nid: 7\nretry: 9\ndata: last\n\n",
);
const EVENTS = [
  { event: "message", data: "one\u2028still one" },
  { event: "named", data: "two\n\u00e4\ud83e\udd8a" },
  { event: "message", data: "" },
  { event: "message", data: "last" },
];

test("events are the same wherever their bytes were cut", () => {
  fc.assert(
    fc.property(anyCuts, (places) => {
      const pieces = cut(TEXT, places);
      const parser = new SseParser();
      const events = [...pieces.flatMap((piece) => parser.push(piece)), ...parser.end()];
      assert.deepEqual(events, EVENTS);
    }),
  );
});

test("an event whose sender closed without an empty line is read as well", () => {
  for (const text of ["data: a\n\ndata: b", "data: a\n\ndata: b\n"]) {
    const parser = new SseParser();
    const events = [...parser.push(Buffer.from(text)), ...parser.end()];
    assert.deepEqual(
      events.map(({ data }) => data),
      ["a", "b"],
      text,
    );
  }
});

test("events that are passed on lose no byte, wherever they were cut, and go out whole", () => {
  fc.assert(
    fc.property(anyCuts, (places) => {
      const pieces = cut(TEXT, places);
      const frames = new SseFrames();
      const seen: string[] = [];
      const look = (event: Buffer) => {
        seen.push(dataOfEvent(event).toString());
        return true;
      };
      const passed = [...pieces.flatMap((piece) => frames.push(piece, look)), ...frames.end(look)];
      assert.equal(Buffer.concat(passed).toString(), TEXT.toString());
      assert.deepEqual(
        seen.filter((data) => data !== ""),
        EVENTS.map(({ data }) => data).filter((data) => data !== ""),
      );
    }),
  );
});

test("an event that is not passed on is missing, and its neighbours are whole", () => {
  const text = Buffer.from("data: 1\n\ndata: 2\n\ndata: 3\n\ndata: 4\n\n");
  fc.assert(
    fc.property(anyCuts, (places) => {
      const pieces = cut(text, places);
      const frames = new SseFrames();
      const look = (event: Buffer) => !/[23]/.test(dataOfEvent(event).toString());
      const passed = pieces.flatMap((piece) => frames.push(piece, look));
      assert.equal(Buffer.concat(passed).toString(), "data: 1\n\ndata: 4\n\n");
    }),
  );
});

test("an event that never ends is given up before it fills the memory", () => {
  const endless = Buffer.alloc(1_000, 0x61);
  const parser = new SseParser(10_000);
  const frames = new SseFrames(10_000);
  assert.throws(() => {
    for (let piece = 0; piece < 11; piece++) parser.push(endless);
  }, SseTooLarge);
  assert.throws(() => {
    for (let piece = 0; piece < 11; piece++) frames.push(endless, () => true);
  }, SseTooLarge);
});
