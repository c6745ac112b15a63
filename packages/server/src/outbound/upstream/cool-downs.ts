import type { Clock } from "../../lib/clock.ts";
import { LruMap } from "../../lib/lru-map.ts";

/** Which endpoints failed lately, and until when they are left alone. Each process learns it for itself. */
export interface CoolDowns {
  /** Milliseconds until the endpoint may be asked for the model again; 0 where it may be now. */
  waitMs(name: string): number;
  /** `retryAfterMs` is what it asked for itself; `longestMs` how long it is left alone at most otherwise. */
  failed(name: string, retryAfterMs: number | undefined, longestMs?: number): void;
  succeeded(name: string): void;
}

const FIRST_MS = 100;
const LONGEST_MS = 30_000;
/** An interface may ask for longer than we would leave it alone by ourselves, within reason. */
const ASKED_MS_MAX = 5 * 60_000;
/** An endpoint and a model each. Operators have fewer. */
const NAMES_MAX = 10_000;

interface Failures {
  readonly count: number;
  readonly untilMs: number;
}

export function createCoolDowns(clock: Clock): CoolDowns {
  const failures = new LruMap<string, Failures>(NAMES_MAX);
  return {
    waitMs(name) {
      const found = failures.get(name);
      return found ? Math.max(0, found.untilMs - clock.now().getTime()) : 0;
    },
    failed(name, retryAfterMs, longestMs = LONGEST_MS) {
      const count = (failures.get(name)?.count ?? 0) + 1;
      const own = Math.min(longestMs, FIRST_MS * 2 ** Math.min(count - 1, 20));
      const ms = retryAfterMs === undefined ? own : Math.min(retryAfterMs, ASKED_MS_MAX);
      failures.set(name, { count, untilMs: clock.now().getTime() + ms });
    },
    succeeded: (name) => failures.delete(name),
  };
}

/** `Retry-After`, in seconds or as a date (RFC 9110, 10.2.3), and OpenAI's own in milliseconds. */
export function retryAfterMs(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  clock: Clock,
): number | undefined {
  const exact = Number(headers["retry-after-ms"] ?? Number.NaN);
  if (Number.isFinite(exact) && exact >= 0) return exact;
  const text = headers["retry-after"];
  if (typeof text !== "string") return undefined;
  if (/^\d+(?:\.\d+)?$/.test(text)) return Number(text) * 1000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, at - clock.now().getTime());
}
