/** One piece of work after the other, first come first served. */
export interface Turns {
  /** Does the work when it is its turn. Rejects with the signal's reason where that fires before. */
  take<Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result>;
}

export function createTurns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return {
    take(signal, work) {
      const turn = last.then(() => {
        signal.throwIfAborted();
        return work();
      });
      last = turn.catch(() => undefined);
      return Promise.race([turn, aborted(signal, turn)]);
    },
  };
}

/** Whoever waits in the queue and is not wanted any more need not wait for their turn to learn it. */
function aborted(signal: AbortSignal, turn: Promise<unknown>): Promise<never> {
  return new Promise((_, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    const done = () => signal.removeEventListener("abort", stop);
    turn.then(done, done);
  });
}
