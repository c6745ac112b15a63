import type { AnswerPiece } from "../../core/ports.ts";
import type { ChatChunk } from "../../domain/chat.ts";
import { Fault } from "../../domain/fault.ts";
import type { TokenUsage } from "../../domain/token-price.ts";
import { dataOfEvent, SseFrames, SseTooLarge } from "../../lib/sse.ts";
import { badAnswer, brokenOff } from "./faults.ts";
import type { AnswerReader } from "./wire.ts";

/** What the readers of all streams do alike: cut them into events, and keep what came before a failure. */
export abstract class EventReader implements AnswerReader {
  /** What the interface counted, as far as it said so. */
  protected counted: TokenUsage | undefined;
  /** Whether the answer has come to its end. A stream that ends before broke off. */
  protected isOver = false;
  #failure: Fault | undefined;
  readonly #frames = new SseFrames();
  #pieces: AnswerPiece[] = [];
  #textBytes = 0;
  #textEvents = 0;

  abstract whole(bytes: Buffer): AnswerPiece;

  /** Looks at one event's data; `true` passes the event on as it is. May throw a `Fault`. */
  protected abstract look(data: Buffer): boolean;

  /** Adds a piece that was worded anew. */
  protected add(chunk: ChatChunk, textBytes: number): void {
    this.#pieces.push({ chunk, textBytes, textEvents: textBytes > 0 ? 1 : 0 });
  }

  /** Counts what the model wrote in an event that is passed on. */
  protected countText(bytes: number): void {
    this.#textBytes += bytes;
    if (bytes > 0) this.#textEvents += 1;
  }

  get isWhole(): boolean {
    return this.isOver && !this.#failure;
  }

  get failure(): Fault | undefined {
    return this.#failure;
  }

  push(bytes: Buffer): readonly AnswerPiece[] {
    return this.#take(() => this.#frames.push(bytes, (event) => this.#see(event)));
  }

  end(): readonly AnswerPiece[] {
    const pieces = this.#take(() => this.#frames.end((event) => this.#seeLast(event)));
    if (!this.isOver) this.#failure ??= brokenOff();
    return pieces;
  }

  usage(): TokenUsage | undefined {
    // What had been counted when it broke off is not what it comes to.
    return this.#failure ? undefined : this.counted;
  }

  #take(read: () => Buffer[]): readonly AnswerPiece[] {
    this.#pieces = [];
    this.#textBytes = 0;
    this.#textEvents = 0;
    const kept = this.#guard(read) ?? [];
    if (kept.length > 0) {
      const bytes = kept.length === 1 ? (kept[0] as Buffer) : Buffer.concat(kept);
      this.#pieces.push({ bytes, textBytes: this.#textBytes, textEvents: this.#textEvents });
    }
    return this.#pieces;
  }

  #see(event: Buffer): boolean {
    // What follows a failure is of no account.
    if (this.#failure) return false;
    const data = dataOfEvent(event);
    // A comment keeps the connection alive on this side as well.
    if (data.length === 0) return true;
    return this.#guard(() => this.look(data)) ?? false;
  }

  /** An event without its end is one where it is whole otherwise: some close without an empty line. */
  #seeLast(event: Buffer): boolean {
    const text = dataOfEvent(event).toString("utf8");
    return (text === "" || text === "[DONE]" || isJson(text)) && this.#see(event);
  }

  #guard<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (error instanceof SseTooLarge) this.#failure = badAnswer(error);
      else if (error instanceof Fault) this.#failure = error;
      else throw error;
      return undefined;
    }
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
