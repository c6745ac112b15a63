import assert from "node:assert/strict";
import { test } from "node:test";
import { Fault, faultCodeOf } from "./fault.ts";
import { fileReferencesIn, withFilesDescribed } from "./file-reference.ts";

const A = "0190aaaaaaaaaaaaaaaaaaaa";
const B = "0190bbbbbbbbbbbbbbbbbbbb";
const DELIVERY = { url: "https://hall.example/f", mime: "text/plain", size: 5, filename: "a.txt" };

test("finds files wherever in the input they stand, each stored one once", () => {
  const input = {
    file: { file_id: `fil_${A}` },
    pages: [{ url: "https://a.example/1" }, { file_id: `fil_${B}` }, { file_id: `fil_${A}` }],
    options: { cover: { file_id: `fil_${B}`, url: null } },
  };
  assert.deepEqual(fileReferencesIn(input), {
    assetIds: [A, B],
    urls: [{ url: "https://a.example/1", path: "input.pages.0" }],
  });
});

test("what only resembles a file is left alone", () => {
  const inputs = [
    { url: "http://page.example" },
    { link: { url: "https://a.example", title: "A" } },
    { file: { file_id: "fil_x", page: 3 } },
    { file: { url: { href: "x" } }, files: { file_id: ["fil_x"] } },
    { url: 5, file_id: 6 },
    { empty: {} },
    [],
    "fil_x",
    null,
    7,
  ];
  for (const input of inputs) {
    assert.deepEqual(fileReferencesIn(input), { assetIds: [], urls: [] });
    assert.equal(
      withFilesDescribed(input, () => DELIVERY),
      input,
    );
  }
});

test("an input that is itself a stored file is one", () => {
  assert.deepEqual(fileReferencesIn({ file_id: `fil_${A}` }).assetIds, [A]);
});

test("a file with both, neither, or no id of ours is refused", () => {
  const files = [
    { url: "https://a.example", file_id: `fil_${A}` },
    { url: "", file_id: "" },
    { url: null },
    { url: null, file_id: null },
    { file_id: "" },
    { file_id: A },
    { file_id: "fil_" },
    { file_id: `agt_${A}` },
    { file_id: `fil_${A}/../x` },
    { file_id: `fil_${A.toUpperCase()}` },
  ];
  for (const file of files) {
    assert.throws(
      () => fileReferencesIn({ file }),
      (error) => faultCodeOf(error) === "invalid_file",
      JSON.stringify(file),
    );
  }
  assert.throws(
    () => fileReferencesIn({ url: "https://a.example", file_id: `fil_${A}` }),
    (error) => faultCodeOf(error) === "invalid_file",
  );
});

test("says where the wrong file stands", () => {
  assert.throws(
    () => fileReferencesIn({ pages: [{ file_id: `fil_${A}` }, { url: "" }] }),
    (error) => error instanceof Fault && error.message.startsWith("input.pages.1:"),
  );
});

test("describes stored files, keeps the rest, and changes nothing in place", () => {
  const input = {
    file: { file_id: `fil_${A}` },
    other: { file_id: `fil_${B}` },
    link: { url: "https://a.example/1" },
    deep: [{ x: [{ file_id: `fil_${A}` }] }],
    same: { y: 1 },
  };
  const before = structuredClone(input);
  const described = withFilesDescribed(input, (id) => (id === A ? DELIVERY : undefined));
  const file = { file_id: `fil_${A}`, ...DELIVERY };
  assert.deepEqual(described, { ...input, file, deep: [{ x: [file] }] });
  assert.deepEqual(input, before);
  assert.equal((described as typeof input).same, input.same);
});

test("a key that is special to the language is a key like any other", () => {
  const input = JSON.parse(`{"__proto__": {"file_id": "fil_${A}"}, "constructor": {}}`);
  const described = withFilesDescribed(input, () => DELIVERY);
  assert.match(JSON.stringify(described), /"__proto__":\{"file_id":"fil_/);
});

test("refuses what is nested without end, and a crowd of files", () => {
  let nested: unknown = { file_id: `fil_${A}` };
  for (let depth = 0; depth < 200_000; depth++) nested = [nested];
  assert.throws(
    () => fileReferencesIn({ nested }),
    (error) => faultCodeOf(error) === "invalid_request",
  );
  const many = Array.from({ length: 101 }, (_, index) => ({ url: `https://a.example/${index}` }));
  assert.throws(
    () => fileReferencesIn({ many }),
    (error) => faultCodeOf(error) === "invalid_file",
  );
  assert.equal(fileReferencesIn({ many: many.slice(1) }).urls.length, 100);
});
