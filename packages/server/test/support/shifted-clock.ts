/** A machine whose clock is off: this file is preloaded into a server, which then reads its own time wrong. */
import type { Environment } from "./guildhall.ts";

/** What a server is started with so that its clock is so many milliseconds ahead; less than none is behind. */
export function shiftedClock(ms: number): Environment {
  return { NODE_OPTIONS: `--import=${import.meta.url}`, SHIFTED_CLOCK_MS: String(ms) };
}

const shiftMs = Number(process.env.SHIFTED_CLOCK_MS ?? 0);
if (shiftMs !== 0) {
  const now = Date.now.bind(Date);
  globalThis.Date = new Proxy(Date, {
    construct: (date, args) =>
      Reflect.construct(date, args.length === 0 ? [now() + shiftMs] : args),
    get: (date, name) => (name === "now" ? () => now() + shiftMs : Reflect.get(date, name)),
  });
}
