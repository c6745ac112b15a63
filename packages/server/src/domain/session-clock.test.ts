import assert from "node:assert/strict";
import { test } from "node:test";
import { logOf, type Scene, standingOf } from "../../test/support/session-standing.ts";
import { firstLook, idleUntil, type SessionDue, sessionDue } from "./session-clock.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function at(ms: number): Date {
  return new Date(ms);
}

type Row = readonly [
  why: string,
  scene: Scene,
  idleMs: number,
  nowMs: number,
  event: SessionDue["event"],
  /** From now; an hour unless it is due before. */
  lookMs: number,
];

const HELD = { state: "pending", heldMicros: 5n } as const;
const QUOTED = { state: "pending" } as const;
const ASKED = { ...HELD, log: { offeredUntil: at(15 * MINUTE + 20 * SECOND) } };
const LIVE = { state: "active", heldMicros: 5n } as const;
const WARNED = { ...LIVE, log: { warnedAt: at(DAY / 2) } };
const WARNED_LATE = { ...LIVE, log: { warnedAt: at(10 * DAY) } };
const CAPPED = { ...LIVE, log: { capHitAt: at(0) } };
const AWAY = { ...LIVE, state: "interrupted" } as const;
const UNBILLED = { state: "awaiting_invoice", heldMicros: 5n, closedAt: at(0) } as const;
const BILLED = { ...UNBILLED, invoice: { totalMicros: 3n, submittedAt: at(HOUR) } };

// biome-ignore format: read as a table
const ROWS: readonly Row[] = [
  // why                                               scene        idle  now                     event        look
  ["nobody has activated it yet",                      HELD,        DAY,  0,                      undefined,   15 * MINUTE],
  ["nobody will, in one millisecond",                  HELD,        DAY,  15 * MINUTE - 1,        undefined,   1],
  ["nobody did",                                       HELD,        DAY,  15 * MINUTE,            "expire",    HOUR],
  ["a setting for idle ones does not keep it",         HELD,        0,    15 * MINUTE,            "expire",    HOUR],
  ["its provider is just being asked",                 ASKED,       DAY,  15 * MINUTE,            undefined,   20 * SECOND],
  ["its provider was asked for too long",              ASKED,       DAY,  15 * MINUTE + 20 * SECOND, "expire", HOUR],
  ["an open quote, nothing held",                      QUOTED,      0,    DAY - 1,                undefined,   1],
  ["an open quote that nobody accepted",               QUOTED,      0,    DAY,                    "expire",    HOUR],
  ["an open quote where idle ones end sooner",         QUOTED,      HOUR, HOUR,                   "expire",    HOUR],
  ["an open quote, accepted late",      { ...HELD, agreedAt: at(HOUR) }, DAY, HOUR,               undefined,   15 * MINUTE],
  ["a brief was sent",        { ...QUOTED, log: { lastAt: at(HOUR) } }, 0, DAY,                   undefined,   HOUR],
  ["used just now",                                    LIVE,        DAY,  0,                      undefined,   HOUR],
  ["idle for not quite half the time",                 LIVE,        DAY,  DAY / 2 - 1,            undefined,   1],
  ["idle for half the time",                           LIVE,        DAY,  DAY / 2,                "warn",      HOUR],
  ["idle for ten days, and not warned yet",            LIVE,        DAY,  10 * DAY,               "warn",      HOUR],
  ["warned, and idle for not quite all the time",      WARNED,      DAY,  DAY - 1,                undefined,   1],
  ["warned, and idle for all the time",                WARNED,      DAY,  DAY,                    "abandon",   HOUR],
  ["warned late: half the time more",                  WARNED_LATE, DAY,  10.5 * DAY - 1,         undefined,   1],
  ["warned late, and that is over too",                WARNED_LATE, DAY,  10.5 * DAY,             "abandon",   HOUR],
  ["nobody's session is ended",                        LIVE,        0,    1_000 * DAY,            undefined,   HOUR],
  ["used up, and nobody closed it yet",                CAPPED,      DAY,  15 * MINUTE - 1,        undefined,   1],
  ["used up, and nobody closed it",                    CAPPED,      DAY,  15 * MINUTE,            "cap",       HOUR],
  ["used up comes before idle",                        CAPPED,      DAY,  DAY,                    "cap",       HOUR],
  ["used up, where nothing ends idle ones",            CAPPED,      0,    15 * MINUTE,            "cap",       HOUR],
  ["its provider is away, and it is idle",             AWAY,        DAY,  DAY / 2,                "warn",      HOUR],
  ["its provider is away, where nothing ends it",      AWAY,        0,    30 * DAY - 1,           undefined,   1],
  ["its provider was away for 30 days",                AWAY,        0,    30 * DAY,               "leave",     HOUR],
  ["its bill is awaited",                              UNBILLED,    DAY,  DAY - 1,                undefined,   1],
  ["its bill never came",                              UNBILLED,    DAY,  DAY,                    "lapse",     HOUR],
  ["its bill came, and nobody looked",                 BILLED,      DAY,  73 * HOUR - 1,          undefined,   1],
  ["its bill came, and nobody looked for 72 hours",    BILLED,      DAY,  73 * HOUR,              "settle",    HOUR],
  ["a bill is not lapsed",                             BILLED,      DAY,  2 * DAY,                undefined,   HOUR],
];

for (const [why, scene, idleMs, nowMs, event, lookMs] of ROWS) {
  test(`${scene.state}, ${why}: ${event ?? "nothing"} is due`, () => {
    const due = sessionDue(standingOf(scene), idleMs, at(nowMs));
    assert.equal(due.event, event);
    assert.equal(due.lookAt.getTime() - nowMs, lookMs);
  });
}

test("nothing is due of what is over", () => {
  for (const state of ["ended", "cancelled"] as const) {
    const due = sessionDue(standingOf({ state, closedAt: at(0) }), DAY, at(1_000 * DAY));
    assert.equal(due.event, undefined);
  }
});

// biome-ignore format: read as a table
const TOLD = [
  // last        warned        idle   until
  [0,            undefined,    0,     undefined],
  [HOUR,         undefined,    DAY,   HOUR + 1.5 * DAY - DAY / 2],
  [0,            DAY / 2,      DAY,   DAY],
  [0,            10 * DAY,     DAY,   10.5 * DAY],
] as const;

for (const [lastMs, warnedMs, idleMs, untilMs] of TOLD) {
  test(`used at ${lastMs} and warned at ${warnedMs} with ${idleMs}, it is kept until ${untilMs}`, () => {
    const warnedAt = warnedMs === undefined ? undefined : at(warnedMs);
    assert.equal(idleUntil(logOf({ lastAt: at(lastMs), warnedAt }), idleMs)?.getTime(), untilMs);
  });
}

test("the first look comes before a session could have been idle for too long", () => {
  assert.equal(firstLook(0, at(0)).getTime(), HOUR);
  assert.equal(firstLook(DAY, at(0)).getTime(), HOUR);
  assert.equal(firstLook(MINUTE, at(0)).getTime(), MINUTE / 2);
});
