/**
 * Those who wait for a session to change: by a hint, of this process or another, or else the next
 * second. Whoever waits looks into the database either way.
 */
import type { Bus } from "./ports.ts";

export interface SessionChanges {
  /** Resolves when the session may have changed, at the latest after `ms`. */
  wait(sessionId: string, ms: number): Promise<void>;
  changed(sessionId: string): void;
  stop(): void;
}

const SUBJECT = "session.changed";
const POLL_MS = 1_000;

export function createSessionChanges(bus: Bus): SessionChanges {
  const waiting = new Map<string, Set<() => void>>();
  const unsubscribe = bus.subscribe(SUBJECT, ({ id }) => {
    const wakes = waiting.get(String(id));
    waiting.delete(String(id));
    for (const wake of wakes ?? []) wake();
  });
  return {
    wait(sessionId, ms) {
      return new Promise((resolve) => {
        const wakes = waiting.get(sessionId) ?? new Set();
        waiting.set(sessionId, wakes);
        const wake = (): void => {
          clearTimeout(timer);
          wakes.delete(wake);
          if (wakes.size === 0 && waiting.get(sessionId) === wakes) waiting.delete(sessionId);
          resolve();
        };
        const timer = setTimeout(wake, Math.max(0, Math.min(ms, POLL_MS)));
        wakes.add(wake);
      });
    },
    changed: (sessionId) => bus.publish(SUBJECT, { id: sessionId }),
    stop: unsubscribe,
  };
}
