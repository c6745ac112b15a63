import { LIMITS } from "@guildhall/protocol";

/** A run's stream of output: how far it came, and how far it may go. */
export interface Window {
  /** The sequence number that comes next. */
  nextSeq: number;
  /** Chunks that the run engine took. */
  taken: number;
  /** Chunks below this may come. */
  until: number;
  /** Settles when every chunk that came was taken. */
  taking: Promise<void>;
}

/** More room is granted once this much of it was used up: not a frame for each chunk. */
const GRANT_AFTER = LIMITS.chunkCreditsDefault / 2;

/** Takes one chunk that came, after those before it. A repeat is no harm; a gap is. */
export function takeChunk(
  window: Window,
  seq: number,
  on: {
    readonly take: () => Promise<void>;
    readonly grant: (until: number) => void;
    readonly fail: (error: unknown) => void;
  },
): "taken" | "repeated" | { readonly problem: string } {
  if (seq < window.nextSeq) return "repeated";
  if (seq > window.nextSeq) return { problem: `Chunk ${window.nextSeq} is missing.` };
  if (seq >= window.until) return { problem: `Chunk ${seq} is beyond the room granted.` };
  window.nextSeq = seq + 1;
  const takeOne = async (): Promise<void> => {
    await on.take();
    window.taken += 1;
    const until = window.taken + LIMITS.chunkCreditsDefault;
    if (until - window.until < GRANT_AFTER) return;
    window.until = until;
    on.grant(until);
  };
  // The chain goes on after a failure, so that the answer does not wait for ever.
  window.taking = window.taking.then(takeOne).catch(on.fail);
  return "taken";
}
