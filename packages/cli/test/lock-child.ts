/** Takes a session's lock again and again, and says so when it is not alone with it. */
import { openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { withSessionLock } from "../src/linkedclaw/session/lock.ts";

const [directory = "", rounds = "0"] = process.argv.slice(2);
const inside = join(directory, "inside");

for (let round = 0; round < Number(rounds); round++) {
  await withSessionLock(directory, "ses_1", async () => {
    enter();
    await delay(Math.random() * 4);
    rmSync(inside);
  });
}
process.stdout.write("done\n");

/** Leaves its name. One that is there already is of somebody who was killed, or who should not be here. */
function enter(): void {
  try {
    writeSync(openSync(inside, "wx"), String(process.pid));
  } catch {
    const other = Number(readFileSync(inside, "utf8"));
    if (other > 0 && isAlive(other)) {
      process.stdout.write("not alone\n");
      process.exit(1);
    }
    rmSync(inside);
    writeSync(openSync(inside, "wx"), String(process.pid));
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
