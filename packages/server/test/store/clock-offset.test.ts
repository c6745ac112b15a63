import assert from "node:assert/strict";
import { startDatabaseClock } from "../../src/core/database-clock.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { createLog } from "../../src/lib/log.ts";
import { CLOCK_OFFSET_MS_MAX, measureClockOffset } from "../../src/store/clock-offset.ts";
import { onEachHost } from "../support/database.ts";

const HOUR_MS = 3_600_000;
const hourAhead = { now: () => new Date(systemClock.now().getTime() + HOUR_MS) };
const log = createLog("silent");

onEachHost("a clock's offset to the database is measured", async (_t, database) => {
  const own = await measureClockOffset(database, systemClock);
  const ahead = await measureClockOffset(database, hourAhead);
  // The database is on this machine; what is left is how long a question takes on a busy one.
  assert.ok(Math.abs(own.offsetMs) < CLOCK_OFFSET_MS_MAX, `${own.offsetMs} ms`);
  assert.ok(Math.abs(ahead.offsetMs - HOUR_MS) < CLOCK_OFFSET_MS_MAX, `${ahead.offsetMs} ms`);
});

onEachHost("what a clock is off is taken off it, and said", async (_t, database) => {
  const own = await startDatabaseClock({ database, clock: systemClock, log });
  const corrected = await startDatabaseClock({ database, clock: hourAhead, log });
  try {
    const offMs = corrected.now().getTime() - systemClock.now().getTime();
    assert.ok(Math.abs(offMs) < CLOCK_OFFSET_MS_MAX, `${offMs} ms`);
    assert.match(corrected.problem() ?? "", /^this clock is 3[56]\d{5} ms off/);
    assert.equal(own.problem(), undefined);
  } finally {
    own.stop();
    corrected.stop();
  }
});
