/**
 * What a provider says in one session, numbered from 1, and kept until the server has it: on the next
 * connection it is said again from where the server says.
 */
import type { ProviderFrame } from "@guildhall/protocol";

type Said = Extract<ProviderFrame, { readonly type: "message" | "fail" }>;
type Unnumbered<F> = F extends Said ? Omit<F, "number"> : never;

/** Messages on their way, beyond which whoever writes more waits. */
const UNTAKEN_MAX = 256;

export class SessionOutbox {
  readonly #send: (frame: Said) => void;
  readonly #untaken = new Map<number, Said>();
  #last = 0;
  #waiting: (() => void)[] = [];

  constructor(send: (frame: Said) => void) {
    this.#send = send;
  }

  say(frame: Unnumbered<Said>): void {
    this.#last += 1;
    const numbered = { ...frame, number: this.#last } as Said;
    this.#untaken.set(this.#last, numbered);
    this.#send(numbered);
  }

  /** The server has what is up to this number, on this connection. */
  resume(number: number): void {
    // What was said by this program before it was started anew is the server's to know.
    this.#last = Math.max(this.#last, number);
    for (const taken of this.#untaken.keys()) if (taken <= number) this.#untaken.delete(taken);
    for (const frame of this.#untaken.values()) this.#send(frame);
    this.#wake();
  }

  taken(number: number): void {
    this.#untaken.delete(number);
    this.#wake();
  }

  get isEmpty(): boolean {
    return this.#untaken.size === 0;
  }

  /** Resolves when there is room for more. */
  async room(signal: AbortSignal): Promise<void> {
    while (this.#untaken.size >= UNTAKEN_MAX) {
      signal.throwIfAborted();
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          signal.removeEventListener("abort", wake);
          resolve();
        };
        this.#waiting.push(wake);
        signal.addEventListener("abort", wake);
      });
    }
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
