import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decodeProviderFrame,
  decodeServerFrame,
  type ProviderFrame,
  type ServerFrame,
} from "./frames.ts";
import { LIMITS } from "./limits.ts";

const RUN = "0190a1b2c3d4e5f600000001";
const AGENT = "0190a1b2c3d4e5f600000002";
const of = { run: RUN, attempt: 1 };

const facts = {
  capability: "translate",
  requester: "0190a1b2c3d4e5f600000003",
  chain: "0190a1b2c3d4e5f600000004",
  messagesMax: 5,
  price: { shape: "per_message", amountMicros: "500", ceilingMicros: "2500", tier: "standard" },
  previous: "0190a1b2c3d4e5f600000005",
} as const;

const PROVIDER_SAMPLES = {
  identify: {
    type: "identify",
    protocol: 1,
    key: "gld_x",
    agent: AGENT,
    client: "me/1",
    concurrency: 4,
  },
  accept: { type: "accept", ...of },
  refuse: { type: "refuse", ...of, code: "provider_busy", message: "full" },
  chunk: { type: "chunk", ...of, seq: 0, data: { text: "a" } },
  result: { type: "result", ...of, output: { a: [1, null] }, evidence: "e", usage: { tokens: 3 } },
  error: { type: "error", ...of, code: "provider_failed", message: "no" },
  take: { type: "take", session: RUN, attempt: 1 },
  decline: { type: "decline", session: RUN, attempt: 1, code: "provider_manual", message: "no" },
  message: {
    ...{ type: "message", session: RUN, number: 1, turn: 1 },
    ...{ final: true, payload: { text: "hi" } },
  },
  fail: {
    ...{ type: "fail", session: RUN, number: 2, turn: 2 },
    ...{ code: "provider_timeout", message: "slow" },
  },
  quote: {
    ...{ type: "quote", session: RUN, amountMicros: "100", ceilingMicros: "200" },
    ...{ lines: [{ what: "work" }], note: "about" },
  },
  bill: { type: "bill", session: RUN, totalMicros: "150", note: "done" },
  claim: { type: "claim", broadcast: RUN, key: "north" },
  pass: { type: "pass", broadcast: RUN, code: "provider_manual", message: "not today" },
  fill: { type: "fill", slot: RUN, result: { text: "done" } },
  "give-up": { type: "give-up", slot: RUN, code: "provider_failed", message: "no" },
  resume: { type: "resume", runs: [of], sessions: [RUN] },
  heartbeat: { type: "heartbeat" },
  goodbye: { type: "goodbye", reason: "done" },
} satisfies { [T in ProviderFrame["type"]]: Extract<ProviderFrame, { type: T }> };

const BROADCAST_FACTS = {
  broadcast: RUN,
  capability: "translate",
  instruction: "Translate it.",
  params: { text: "x" },
  schema: { type: "object" },
  payment: "fixed",
  slotMicros: "123456789012345678901",
  stakeMicros: "0",
  requester: "0190a1b2c3d4e5f600000003",
};

const SERVER_SAMPLES = {
  welcome: {
    type: "welcome",
    protocol: 1,
    agent: AGENT,
    epoch: 3,
    heartbeatMs: 10_000,
    missMs: 30_000,
    frameBytesMax: 1_114_112,
  },
  rejected: { type: "rejected", code: "unauthenticated", message: "no such key" },
  offer: {
    type: "offer",
    ...of,
    capability: "translate",
    input: { text: "x" },
    manifest: null,
    requester: "0190a1b2c3d4e5f600000003",
    chain: "0190a1b2c3d4e5f600000004",
    maxMicros: "123456789012345678901",
    deadline: "2026-01-01T00:00:00.000Z",
    remainingMs: 1000,
    timeoutSeconds: 60,
    chunks: { next: 0, until: 32 },
  },
  cancel: { type: "cancel", ...of, reason: "nobody waits" },
  credit: { type: "credit", ...of, until: 64 },
  settled: { type: "settled", ...of, outcome: "late" },
  ask: { type: "ask", session: RUN, attempt: 1, remainingMs: 30_000, ...facts },
  open: { type: "open", session: RUN, number: 0, ...facts },
  turn: { type: "turn", session: RUN, seq: 1, payload: [] },
  brief: { type: "brief", session: RUN, seq: 1, payload: {}, ...facts },
  taken: { type: "taken", session: RUN, number: 1, outcome: "ok" },
  close: {
    ...{ type: "close", session: RUN, how: "ended", reason: "ended" },
    ...{ turns: 2, output: "done", bill: true, ...facts },
  },
  announce: {
    type: "announce",
    ...BROADCAST_FACTS,
    deadline: "2026-01-01T00:00:00.000Z",
    offerMs: 30_000,
    keys: ["north", "south"],
  },
  withdrawn: { type: "withdrawn", broadcast: RUN, code: "broadcast_full", message: "taken" },
  slot: {
    type: "slot",
    ...BROADCAST_FACTS,
    slot: RUN,
    key: "north",
    chain: "0190a1b2c3d4e5f600000004",
    deadline: "2026-01-01T00:00:00.000Z",
    remainingMs: 1000,
  },
  filled: { type: "filled", slot: RUN, outcome: "refused", message: "no text in it" },
  revoked: { type: "revoked", slot: RUN, reason: "cancelled" },
  heartbeat: { type: "heartbeat" },
  notice: { type: "notice", code: "bad_frame", message: "x" },
} satisfies { [T in ServerFrame["type"]]: Extract<ServerFrame, { type: T }> };

test("every frame is read as it was written, and what a newer peer adds is ignored", () => {
  for (const frame of Object.values(PROVIDER_SAMPLES)) {
    const decoded = decodeProviderFrame(JSON.stringify({ ...frame, later: true }));
    assert.deepEqual(decoded, { ok: true, frame });
  }
  for (const frame of Object.values(SERVER_SAMPLES)) {
    const decoded = decodeServerFrame(JSON.stringify({ ...frame, later: true }));
    assert.deepEqual(decoded, { ok: true, frame });
  }
});

const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
const result = (output: string) =>
  `{"type":"result","run":"${RUN}","attempt":1,"output":${output}}`;

// biome-ignore format: read as a table
const BAD = [
  // message                                                      code            of which run
  [ "",                                                           "bad_json",     false ],
  [ "{",                                                          "bad_json",     false ],
  [ "[]",                                                         "bad_frame",    false ],
  [ "null",                                                       "bad_frame",    false ],
  [ "7",                                                          "bad_frame",    false ],
  [ `{"type":7}`,                                                 "bad_frame",    false ],
  [ `{"type":"offer"}`,                                           "unknown_type", false ],
  [ `{"type":"constructor"}`,                                     "unknown_type", false ],
  [ `{"type":"__proto__"}`,                                       "unknown_type", false ],
  [ `{"type":"accept"}`,                                          "bad_frame",    false ],
  [ `{"type":"accept","run":"${RUN}","attempt":0}`,               "bad_frame",    false ],
  [ `{"type":"accept","run":"${RUN}","attempt":1.5}`,             "bad_frame",    false ],
  [ `{"type":"accept","run":"${RUN}","attempt":"1"}`,             "bad_frame",    false ],
  [ `{"type":"accept","run":"run_${RUN}","attempt":1}`,           "bad_frame",    false ],
  [ `{"type":"accept","run":"${RUN.toUpperCase()}","attempt":1}`, "bad_frame",    false ],
  [ `{"type":"chunk","run":"${RUN}","attempt":1,"seq":-1,"data":1}`, "bad_frame", true ],
  [ `{"type":"result","run":"${RUN}","attempt":1}`,               "bad_frame",    true ],
  [ `{"type":"error","run":"${RUN}","attempt":1,"code":"x","message":"y"}`, "bad_frame", true ],
  [ result(`"a\\u0000b"`),                                        "bad_json",     true ],
  [ result(`{"\\u0000":1}`),                                      "bad_json",     true ],
  [ result(`"\\ud800"`),                                          "bad_json",     true ],
  [ result(deep),                                                 "bad_json",     true ],
  [ `{"type":"resume","runs":{}}`,                                "bad_frame",    false ],
  [ `{"type":"identify","protocol":1,"key":"","agent":"${AGENT}"}`, "bad_frame",  false ],
] as const;

for (const [message, code, isAboutRun] of BAD) {
  test(`${message.slice(0, 90)} is ${code}`, () => {
    const decoded = decodeProviderFrame(message);
    assert.ok(!decoded.ok);
    assert.equal(decoded.code, code);
    assert.deepEqual(decoded.about, isAboutRun ? of : undefined);
  });
}

test("what only looks dangerous is let through: escaped text, pairs of surrogates, honest nesting", () => {
  const nested = `${"[".repeat(LIMITS.jsonDepthMax - 1)}${"]".repeat(LIMITS.jsonDepthMax - 1)}`;
  for (const output of [`"\\\\u0000"`, `"\\ud83d\\ude00"`, nested]) {
    assert.ok(decodeProviderFrame(result(output)).ok, output.slice(0, 40));
  }
});

test("a provider that resumes names at most as many runs as it can hold", () => {
  const runs = Array.from({ length: LIMITS.resumeRunsMax + 1 }, () => of);
  assert.ok(!decodeProviderFrame(JSON.stringify({ type: "resume", runs })).ok);
});
