/**
 * What a test leaves behind is put away in the reverse order of how it came: a process ends before the
 * directory that it writes to is removed. `t.after` alone does it in the order in which it was said.
 */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { TestContext } from "node:test";

type Cleanup = () => unknown;

const pending = new WeakMap<TestContext, Cleanup[]>();

/** Does `cleanup` after the test, before everything that was registered here earlier. */
export function afterTest(t: TestContext, cleanup: Cleanup): void {
  const known = pending.get(t);
  if (known) {
    known.push(cleanup);
    return;
  }
  const cleanups = [cleanup];
  pending.set(t, cleanups);
  t.after(() => inReverse(cleanups));
}

/** Ends a process after the test and waits for its end: what was killed may still be writing. */
export function killAfterTest(t: TestContext, child: ChildProcess): void {
  afterTest(t, async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  });
}

/** One that fails does not keep the others from being done. */
async function inReverse(cleanups: Cleanup[]): Promise<void> {
  const errors: unknown[] = [];
  for (let next = cleanups.pop(); next; next = cleanups.pop()) {
    try {
      await next();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, "cleaning up failed");
}
