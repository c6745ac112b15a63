import assert from "node:assert/strict";
import { test } from "node:test";
import { findZipDirectory, ZIP_DIRECTORY_BYTES_MAX, zipEntryNames } from "./zip-directory.ts";

function entry(name: string, extra = ""): Buffer {
  const fixed = Buffer.alloc(46);
  fixed.writeUInt32LE(0x02014b50, 0);
  fixed.writeUInt16LE(Buffer.byteLength(name), 28);
  fixed.writeUInt16LE(extra.length, 30);
  return Buffer.concat([fixed, Buffer.from(name), Buffer.from(extra)]);
}

function end(directoryBytes: number, directoryOffset: number, comment = ""): Buffer {
  const fixed = Buffer.alloc(22);
  fixed.writeUInt32LE(0x06054b50, 0);
  fixed.writeUInt32LE(directoryBytes, 12);
  fixed.writeUInt32LE(directoryOffset, 16);
  fixed.writeUInt16LE(comment.length, 20);
  return Buffer.concat([fixed, Buffer.from(comment)]);
}

const DIRECTORY = Buffer.concat([entry("word/document.xml", "extra"), entry("bücher.txt")]);

function namesIn(file: Buffer, tailBytes = file.length): string[] | undefined {
  const place = findZipDirectory(file.subarray(-tailBytes), file.length);
  return place && zipEntryNames(file.subarray(place.offset, place.offset + place.bytes));
}

test("finds the directory and reads its names", () => {
  const body = Buffer.alloc(1000);
  const names = ["word/document.xml", "bücher.txt"];
  const plain = Buffer.concat([body, DIRECTORY, end(DIRECTORY.length, body.length)]);
  assert.deepEqual(namesIn(plain), names);
  assert.deepEqual(namesIn(plain, 22), names);
  const commented = Buffer.concat([body, DIRECTORY, end(DIRECTORY.length, body.length, "hello")]);
  assert.deepEqual(namesIn(commented), names);
});

test("is not misled by a comment that looks like the end of another file", () => {
  const fake = end(0, 0).toString("latin1");
  const file = Buffer.concat([DIRECTORY, end(DIRECTORY.length, 0, `${fake}!`)]);
  assert.deepEqual(namesIn(file), ["word/document.xml", "bücher.txt"]);
});

test("a directory that is missing, out of bounds or enormous is none", () => {
  assert.equal(namesIn(Buffer.alloc(0)), undefined);
  assert.equal(namesIn(Buffer.alloc(100)), undefined);
  assert.equal(namesIn(Buffer.concat([DIRECTORY, end(DIRECTORY.length, 1)])), undefined);
  assert.equal(namesIn(end(0xffffffff, 0xffffffff)), undefined);
  const huge = end(ZIP_DIRECTORY_BYTES_MAX + 1, 0);
  assert.equal(findZipDirectory(huge, 10 * ZIP_DIRECTORY_BYTES_MAX), undefined);
});

test("a directory that breaks off gives the names before the break", () => {
  assert.deepEqual(zipEntryNames(DIRECTORY.subarray(0, DIRECTORY.length - 12)), [
    "word/document.xml",
  ]);
  assert.deepEqual(zipEntryNames(Buffer.alloc(200)), []);
});
