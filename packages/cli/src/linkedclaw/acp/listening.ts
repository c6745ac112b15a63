/**
 * Waits for what a session's provider says, and hands it on as it comes. What was handed on is read
 * from then on, also by other commands and after this process.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Cli } from "../../cli.ts";
import { Failure } from "../../failure.ts";
import type { Api } from "../api.ts";
import { fetchEvents, type SessionEvent } from "../session/events.ts";
import { keepState } from "../session/state.ts";

/** A provider that answers at once is heard at once; from then on at the pace that servers expect. */
const POLL_MS: readonly number[] = [250, 500, 1_000];
const POLL_MS_LAST = 1_500;
/** Refusals that pass by themselves. */
const PASSING: ReadonlySet<string> = new Set(["rate_limited", "overloaded", "relay_unreachable"]);
/** A server that does not come back in this time is not waited for. */
const OUTAGE_MS_MAX = 120_000;

/**
 * Hands on each event until `heard` says that it was the last one. Rejects with the signal's reason
 * where it is aborted, and with a `Failure` where the server is gone for minutes.
 */
export async function listen(
  cli: Cli,
  api: Api,
  sessionId: string,
  heard: (event: SessionEvent) => Promise<boolean>,
  signal: AbortSignal,
): Promise<void> {
  let reachedAtMs = performance.now();
  for (let looks = 0; ; looks++) {
    signal.throwIfAborted();
    let pauseMs = POLL_MS[looks] ?? POLL_MS_LAST;
    try {
      if (await look(cli, api, sessionId, heard)) return;
      reachedAtMs = performance.now();
    } catch (error) {
      if (!isPassing(error) || performance.now() - reachedAtMs > OUTAGE_MS_MAX) throw error;
      pauseMs = Math.max(POLL_MS_LAST, Number(error.facts.retry_after ?? 0) * 1000);
    }
    await delay(pauseMs, undefined, { signal });
  }
}

/** One look at the log. Whether the last one was heard. */
function look(
  cli: Cli,
  api: Api,
  sessionId: string,
  heard: (event: SessionEvent) => Promise<boolean>,
): Promise<boolean> {
  return keepState(cli, sessionId, async (kept) => {
    const { events } = await fetchEvents(api, sessionId, kept.current.offset);
    for (const event of events) {
      const isLast = await heard(event);
      await kept.save({ ...kept.current, offset: event.offset + 1 });
      if (isLast) return true;
    }
    return false;
  });
}

function isPassing(error: unknown): error is Failure {
  return error instanceof Failure && PASSING.has(error.code);
}
