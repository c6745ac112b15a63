/** What `host.ts` and `worker.ts` say to each other. */
import type { MessagePort } from "node:worker_threads";

export interface WorkerOptions {
  /** `create` makes a new database and ends; `serve` opens one. */
  task: "create" | "serve";
  /** Where the database is, or is to be. */
  directory: string;
  /** Two 32-bit integers, see `PULSE`. */
  pulse: SharedArrayBuffer;
}

/** The pulse: what the thread is doing, and how many things it has begun. The host reads it. */
export const PULSE = { activity: 0, count: 1, bytes: 8 } as const;
export const ACTIVITY = { none: 0, client: 1, housekeeping: 2 } as const;

export type ToWorker = { kind: "connect"; port: MessagePort } | { kind: "close" };

export type FromWorker =
  | { kind: "ready" }
  | { kind: "log"; level: "debug" | "warn" | "error"; message: string; facts?: object };
