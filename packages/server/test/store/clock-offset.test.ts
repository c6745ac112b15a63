import assert from "node:assert/strict";
import { systemClock } from "../../src/lib/clock.ts";
import { CLOCK_OFFSET_MS_MAX, measureClockOffsetMs } from "../../src/store/clock-offset.ts";
import { onEachHost } from "../support/database.ts";

onEachHost("a clock's offset to the database is measured", async (_t, database) => {
  const hourAhead = { now: () => new Date(systemClock.now().getTime() + 3_600_000) };
  const own = await measureClockOffsetMs(database, systemClock);
  const ahead = await measureClockOffsetMs(database, hourAhead);
  // The database is on this machine; what is left is how long a question takes on a busy one.
  assert.ok(Math.abs(own) < CLOCK_OFFSET_MS_MAX, `${own} ms`);
  assert.ok(Math.abs(ahead - 3_600_000) < CLOCK_OFFSET_MS_MAX, `${ahead} ms`);
});
