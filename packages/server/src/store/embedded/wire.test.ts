import assert from "node:assert/strict";
import { test } from "node:test";
import {
  asksForEncryption,
  closeStatementMessage,
  endsBatch,
  MessageReader,
  queryMessage,
  readyStatusOf,
  renameStatement,
  sqlOf,
  startupMessage,
  statementNameOf,
  syncMessage,
  withoutMessages,
} from "./wire.ts";

const SSL_REQUEST = Buffer.from("0000000804d2162f", "hex");
const READY = Buffer.from("5a0000000549", "hex");

test("messages are the same however their bytes are cut", () => {
  const whole = Buffer.concat([
    SSL_REQUEST,
    startupMessage(),
    queryMessage("select 'é漢🙂'"),
    closeStatementMessage("s1"),
    syncMessage(),
  ]);
  const expected = new MessageReader().read(whole);
  assert.deepEqual(
    expected.map(({ type }) => type),
    ["", "", "Q", "C", "S"],
  );
  for (let size = 1; size < whole.length; size++) {
    const reader = new MessageReader();
    const messages = [];
    for (let start = 0; start < whole.length; start += size) {
      messages.push(...reader.read(whole.subarray(start, start + size)));
    }
    assert.deepEqual(messages, expected, `cut into ${size}`);
  }
});

test("a length that no message has is refused at once", () => {
  for (const length of [0, 3, 64 * 1024 * 1024 + 1, 0xffffffff]) {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(length);
    assert.throws(() => new MessageReader().read(head), /not a message/);
  }
});

test("what is asked before a session starts is told apart from its start", () => {
  const [ssl, start] = new MessageReader().read(Buffer.concat([SSL_REQUEST, startupMessage()]));
  assert.ok(ssl && start);
  assert.deepEqual([asksForEncryption(ssl), asksForEncryption(start)], [true, false]);
});

// biome-ignore format: read as a table
const NAMED: readonly [type: string, body: string, name: string | undefined, renamed: string][] = [
  ["P", "s1\0select 1\0\0\0",       "s1",      "7.s1\0select 1\0\0\0"],
  ["P", "\0select 1\0\0\0",         "",        "7.\0select 1\0\0\0"],
  ["B", "portal\0s1\0\0\0\0\0\0\0", "s1",      "portal\x007.s1\0\0\0\0\0\0\0"],
  ["B", "\0\0\0\0\0\0\0\0",         "",        "\x007.\0\0\0\0\0\0\0"],
  ["D", "Ss1\0",                    "s1",      "S7.s1\0"],
  ["D", "Pportal\0",                undefined, ""],
  ["C", "Ss1\0",                    "s1",      "S7.s1\0"],
  ["C", "Pportal\0",                undefined, ""],
  ["E", "s1\0\0\0\0\0",             undefined, ""],
  ["Q", "s1\0",                     undefined, ""],
];

for (const [type, body, name, renamed] of NAMED) {
  test(`the statement in ${type} ${JSON.stringify(body)} is ${name ?? "none"}`, () => {
    const message = { type, bytes: bytesOf(type, body) };
    assert.equal(statementNameOf(message), name);
    if (name === undefined) return;
    assert.deepEqual(renameStatement(message, `7.${name}`), bytesOf(type, renamed));
  });
}

test("the SQL of a message, what ends a batch, and what ends an answer", () => {
  const query = { type: "Q", bytes: queryMessage("select 1") };
  const parse = { type: "P", bytes: bytesOf("P", "s1\0select 2\0\0\0") };
  assert.deepEqual([sqlOf(query), sqlOf(parse)], ["select 1", "select 2"]);
  assert.deepEqual([endsBatch(query), endsBatch(parse)], [true, false]);
  assert.equal(readyStatusOf(Buffer.concat([bytesOf("C", "SELECT 1\0"), READY])), "I");
  assert.equal(readyStatusOf(bytesOf("C", "SELECT 1\0")), undefined);
  assert.equal(readyStatusOf(Buffer.alloc(0)), undefined);
});

test("messages of a type are taken out of an answer, and no others", () => {
  const [copy, error] = [bytesOf("G", "\0\0\0"), bytesOf("E", "CG57014\0\0")];
  const answer = Buffer.concat([copy, error, copy, READY]);
  assert.deepEqual(withoutMessages(answer, "G"), Buffer.concat([error, READY]));
});

function bytesOf(type: string, body: string): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, "latin1");
  head.writeUInt32BE(4 + Buffer.byteLength(body), 1);
  return Buffer.concat([head, Buffer.from(body)]);
}
