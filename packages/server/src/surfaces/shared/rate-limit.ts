import type { Context, MiddlewareHandler } from "hono";
import { Fault } from "../../domain/fault.ts";
import { callerOf } from "./caller.ts";

/**
 * So many requests a minute, for each workspace and group of routes, and for each subject where a group
 * has them. 0 is no limit.
 */
export type RateLimits = Readonly<Record<string, number>>;

/** Workspaces remembered a group; beyond it the longest idle one starts afresh. */
const BUCKETS_MAX = 50_000;

interface Bucket {
  tokens: number;
  filledAtMs: number;
}

/** Refuses a workspace that asks more often than its group allows, and says when to come back. */
export function createRateLimiter(
  limits: RateLimits,
  nowMs: () => number,
): (group: string, subjectOf?: (c: Context) => string) => MiddlewareHandler {
  const buckets = new Map<string, Bucket>();

  function take(name: string, perMinute: number): void {
    const now = nowMs();
    const bucket = buckets.get(name) ?? { tokens: perMinute, filledAtMs: now };
    const gained = ((now - bucket.filledAtMs) / 60_000) * perMinute;
    const tokens = Math.min(perMinute, bucket.tokens + gained);
    // Set anew each time, so that the map's order is that of use and the first is the longest idle.
    buckets.delete(name);
    if (tokens < 1) {
      buckets.set(name, { tokens, filledAtMs: now });
      const retryAfterSeconds = ((1 - tokens) / perMinute) * 60;
      throw new Fault("rate_limited", "Too many requests; come back a little later.", {
        retryAfterSeconds,
      });
    }
    buckets.set(name, { tokens: tokens - 1, filledAtMs: now });
    if (buckets.size > BUCKETS_MAX) buckets.delete(buckets.keys().next().value ?? "");
  }

  return (group, subjectOf) => {
    const perMinute = limits[group] ?? 0;
    if (perMinute === 0) return (_c, next) => next();
    return async (c, next) => {
      take(`${group}:${callerOf(c).workspaceId}:${subjectOf?.(c) ?? ""}`, perMinute);
      await next();
    };
  };
}
