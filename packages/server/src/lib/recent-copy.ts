/**
 * What others may change, as it was a moment ago: read again once it is old, one reading at a time.
 *
 * A reading that was under way when a change was heard of may have missed it. Whoever asks after the
 * change waits for the next one; were it only thrown away, changes that come fast would leave nothing.
 */
import type { Clock } from "./clock.ts";

export interface RecentCopy<Value> {
  get(): Promise<Value>;
  /** It has changed: whoever asks from now on gets what is read from now on. */
  forget(): void;
}

export interface RecentCopyOptions<Value> {
  readonly clock: Clock;
  read(): Promise<Value>;
  /** Older than this it is read again, and handed out meanwhile … */
  readonly freshMs: number;
  /** … and older than this it is handed out no more. */
  readonly staleMs: number;
  /** A reading failed that nobody waited for. */
  onFailure?(error: unknown): void;
}

export function createRecentCopy<Value>(options: RecentCopyOptions<Value>): RecentCopy<Value> {
  const { clock, freshMs, staleMs } = options;
  let copy: { readonly value: Value; readonly atMs: number; readonly changes: number } | undefined;
  let changes = 0;
  let reading: Promise<void> | undefined;

  async function read(): Promise<void> {
    const begun = { atMs: clock.now().getTime(), changes };
    copy = { value: await options.read(), ...begun };
  }

  function refresh(): Promise<void> {
    reading ??= read().finally(() => {
      reading = undefined;
    });
    return reading;
  }

  return {
    async get() {
      const asked = changes;
      const ageMs = copy ? clock.now().getTime() - copy.atMs : Number.POSITIVE_INFINITY;
      if (copy?.changes === asked && ageMs <= staleMs) {
        if (ageMs > freshMs) void refresh().catch((error: unknown) => options.onFailure?.(error));
        return copy.value;
      }
      await refresh();
      // What was under way already may have begun before the change.
      while (!copy || copy.changes < asked) await refresh();
      return copy.value;
    },
    forget() {
      changes += 1;
    },
  };
}
