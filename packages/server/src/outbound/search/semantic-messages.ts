/** What the main thread and the embedding thread say to each other. */
import type { ScoredRow } from "./best.ts";
import type { Endpoint } from "./embedder.ts";

/** Handed to the thread at its start. Without an endpoint it loads the model that comes along. */
export interface ThreadSettings {
  readonly endpoint: Endpoint | undefined;
}

/** `sequence` numbers the changes, so that an answer can say up to which one it goes. */
export type ToThread =
  | { kind: "upsert"; sequence: number; row: number; texts: readonly string[] }
  | { kind: "remove"; sequence: number; row: number }
  | { kind: "search"; id: number; text: string; count: number; isAllowed: Uint8Array | undefined };

export type FromThread =
  | { kind: "ready" }
  | { kind: "found"; id: number; rows: readonly ScoredRow[] }
  | { kind: "failed"; id: number; reason: string }
  /** All changes up to this one can be found. */
  | { kind: "settled"; sequence: number }
  /** Documents could not be embedded; they are tried again. */
  | { kind: "stuck"; reason: string; retryMs: number };
