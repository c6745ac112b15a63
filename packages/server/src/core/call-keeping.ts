/**
 * Calls of interfaces that this process has open. Each is ended once, and for certain.
 *
 *   1. A call is kept from before its hold until it is settled.
 *   2. Where it cannot be settled because the database is away, it is tried again, until the call's
 *      deadline has passed and settles it.
 *   3. A process that stops opens no more. What is being answered has a few seconds to come to its
 *      end, and is then cut and paid as far as it came, while there is a ledger to say so.
 */
import { setTimeout as delay } from "node:timers/promises";
import { Fault } from "../domain/fault.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { CallOutcome, OpenCall } from "./model-call.ts";

export interface KeptCall {
  readonly call: OpenCall;
  /** Ends it. Resolves after the first attempt to, whatever came of that; never rejects. */
  end(outcome: CallOutcome): Promise<void>;
  /** Resolves once it is settled, or is its deadline's to settle. */
  readonly settled: Promise<void>;
}

export interface CallKeeper {
  /** Opens a call and keeps it. Throws what `open` throws, and `overloaded` where the process stops. */
  open(open: () => Promise<OpenCall>): Promise<KeptCall>;
  /** Fires when the process stops and has waited long enough for what is being answered. */
  readonly cutting: AbortSignal;
  close(): Promise<void>;
}

/**
 * Answers under way when the process stops have this long to come to their end, beyond the seconds in which
 * requests are still answered …
 */
const FINISH_MS = 1_000;
/** … and those that were cut then, to be settled. */
const SETTLE_MS = 2_000;
const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 30_000;

export function createCallKeeper(deps: { readonly clock: Clock; readonly log: Log }): CallKeeper {
  const kept = new Set<Promise<void>>();
  const cutting = new AbortController();
  let isClosing = false;

  /** Whether it is settled now. */
  async function tryToEnd(call: OpenCall, outcome: CallOutcome): Promise<boolean> {
    try {
      await call.end(outcome);
      return true;
    } catch (error) {
      deps.log.error({ error, runId: call.opened.run.id }, "a call could not be settled");
      return false;
    }
  }

  async function keepTrying(call: OpenCall, outcome: CallOutcome): Promise<void> {
    const deadlineMs = call.opened.run.deadlineAt?.getTime() ?? 0;
    for (let ms = RETRY_MS_MIN; ; ms = Math.min(ms * 2, RETRY_MS_MAX)) {
      if (cutting.signal.aborted || deps.clock.now().getTime() > deadlineMs) return;
      await delay(ms, undefined, { ref: false });
      if (await tryToEnd(call, outcome)) return;
    }
  }

  return {
    cutting: cutting.signal,
    async open(open) {
      if (isClosing) throw stopping();
      const { promise: settled, resolve } = Promise.withResolvers<void>();
      kept.add(settled);
      const leave = () => {
        kept.delete(settled);
        resolve();
      };
      const call = await open().catch((error: unknown) => {
        leave();
        throw error;
      });
      return {
        call,
        settled,
        async end(outcome) {
          if (await tryToEnd(call, outcome)) leave();
          else void keepTrying(call, outcome).finally(leave);
        },
      };
    },
    async close() {
      isClosing = true;
      await soon(kept, FINISH_MS);
      cutting.abort();
      await soon(kept, SETTLE_MS);
    },
  };
}

export function stopping(cause?: unknown): Fault {
  const facts = { retryAfterSeconds: 1 };
  return new Fault("overloaded", "This server is stopping. Ask again.", facts, { cause });
}

/** Once all of them are over, and at the latest when so many milliseconds have passed. */
async function soon(promises: Iterable<Promise<void>>, ms: number): Promise<void> {
  const giveUp = new AbortController();
  const late = delay(ms, undefined, { signal: giveUp.signal }).catch(() => undefined);
  await Promise.race([Promise.all(promises), late]);
  giveUp.abort();
}
