/** Server-sent events (contract §6.4). */
import { type Json, type JsonObject, parseJson } from "./json.ts";
import type { Reply } from "./wire.ts";

export interface StreamEvent {
  readonly event: string;
  readonly data: Json;
}

export function isStream({ headers }: Pick<Reply, "headers">): boolean {
  return (headers["content-type"] ?? "").toLowerCase().startsWith("text/event-stream");
}

/** Takes a stream apart as it comes. */
export class EventReader {
  #rest = "";
  #name = "message";
  #data: string[] = [];

  /** The events that are whole with `text`. */
  read(text: string): StreamEvent[] {
    this.#rest += text;
    const lines = this.#rest.split(/\r\n|\n|\r(?!$)/);
    // What has no end yet may go on; a carriage return may be the first half of one.
    this.#rest = lines.pop() ?? "";
    return lines.flatMap((line) => this.#line(line));
  }

  /** What is left at the end counts also where no blank line ended it. */
  end(): StreamEvent[] {
    return [...this.#line(this.#rest.replace(/\r$/, "")), ...this.#line("")];
  }

  #line(line: string): StreamEvent[] {
    const [, field, value = ""] = /^\ufeff?(event|data): ?(.*)$/s.exec(line) ?? [];
    if (field === "event") this.#name = value || "message";
    if (field === "data") this.#data.push(value);
    if (line.trim() !== "") return [];
    const whole = { event: this.#name, data: dataOf(this.#data.join("\n")) };
    const isEmpty = this.#data.length === 0;
    this.#name = "message";
    this.#data = [];
    return isEmpty ? [] : [whole];
  }
}

/** The events of a whole stream. */
export function eventsOf(text: string): StreamEvent[] {
  const reader = new EventReader();
  return [...reader.read(text), ...reader.end()];
}

function dataOf(text: string): Json {
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}

/** For `--json`. */
export function eventsJson(events: readonly StreamEvent[]): readonly JsonObject[] {
  return events.map(({ event, data }) => ({ event, data }));
}
