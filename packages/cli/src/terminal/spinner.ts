/** A line that moves while something is being waited for, with the time that it has taken so far. */
import type { Paint } from "./paint.ts";

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const FRAME_MS = 100;
/** What is over sooner than this flickers more than it tells. */
const QUIET_MS = 300;
const CLEAR_LINE = "\r\u001b[2K";

interface Stream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** What is being waited for; a function where that changes meanwhile. */
export type Label = string | (() => string);

/** The line that moves. Whoever writes to the same terminal hides it first. */
export class SpinnerLine {
  readonly #stream: Stream;
  #isShown = false;
  #hiddenAtMs = Number.NEGATIVE_INFINITY;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  /** Nothing for a moment after somebody else has written: what was waited for may just be over. */
  show(text: string): void {
    if (performance.now() - this.#hiddenAtMs < QUIET_MS) return;
    this.#isShown = true;
    this.#stream.write(`${CLEAR_LINE}${text}`);
  }

  hide(): void {
    if (this.#isShown) this.#stream.write(CLEAR_LINE);
    this.#isShown = false;
    this.#hiddenAtMs = performance.now();
  }
}

/** Shows `label` on `line` until `work` is done; where `stream` is no terminal it only waits. */
export async function spin<T>(
  stream: Stream,
  line: SpinnerLine,
  paint: Paint,
  label: Label,
  work: Promise<T>,
): Promise<T> {
  if (stream.isTTY !== true) return work;
  const startedMs = performance.now();
  let frame = 0;
  const timer = setInterval(() => {
    const elapsedMs = performance.now() - startedMs;
    if (elapsedMs < QUIET_MS) return;
    const sign = paint.accent(FRAMES[frame++ % FRAMES.length] ?? "");
    const words = typeof label === "string" ? label : label();
    line.show(`${sign} ${words} ${paint.dim(elapsed(elapsedMs))}`);
  }, FRAME_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
    line.hide();
  }
}

/** `7 s`, `1 min 05 s`. */
export function elapsed(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 60) return `${seconds} s`;
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
}
