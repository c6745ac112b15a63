/** One piece of work after the other. Owners take turns, so that nobody waits for all that another has asked for. */
export interface Turns {
  /** Does the work when it is its turn. Rejects with the signal's reason where that fires before. */
  take<Result>(owner: string, signal: AbortSignal, work: () => Promise<Result>): Promise<Result>;
}

export function createTurns(): Turns {
  /** What waits, by whose it is; who was served last stands at the end. */
  const queues = new Map<string, (() => Promise<void>)[]>();
  let isBusy = false;

  async function serve(): Promise<void> {
    if (isBusy) return;
    isBusy = true;
    for (const [owner, queue] of queues) {
      // Where more of theirs waits, a Map's entry that is made anew comes last, and is seen again.
      queues.delete(owner);
      const begin = queue.shift();
      if (queue.length > 0) queues.set(owner, queue);
      await begin?.();
    }
    isBusy = false;
  }

  return {
    take(owner, signal, work) {
      return new Promise((resolve, reject) => {
        const refuse = () => reject(signal.reason);
        // Whoever is not wanted any more need not wait for their turn to learn it.
        if (signal.aborted) return refuse();
        signal.addEventListener("abort", refuse, { once: true });
        const begin = async () => {
          if (!signal.aborted) await work().then(resolve, reject);
          signal.removeEventListener("abort", refuse);
        };
        const queue = queues.get(owner);
        if (queue) queue.push(begin);
        else queues.set(owner, [begin]);
        void serve();
      });
    },
  };
}
