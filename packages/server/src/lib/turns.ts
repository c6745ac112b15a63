/** What concerns the same thing happens one after the other; what concerns others is not kept waiting. */
export interface Turns {
  /** Does `work` when everything that was added for `name` before has been done, or has failed. */
  add<T>(name: string, work: () => Promise<T>): Promise<T>;
}

export function createTurns(): Turns {
  const last = new Map<string, Promise<unknown>>();
  return {
    add(name, work) {
      const before = last.get(name) ?? Promise.resolve();
      const done = before.then(work, work);
      last.set(name, done);
      const forget = () => {
        if (last.get(name) === done) last.delete(name);
      };
      done.then(forget, forget);
      return done;
    },
  };
}
