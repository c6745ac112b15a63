/** Server-sent events (contract §6.4), once the whole stream is there. */
import { type Json, type JsonObject, parseJson } from "./json.ts";
import type { Reply } from "./wire.ts";

export interface StreamEvent {
  readonly event: string;
  readonly data: Json;
}

export function isStream({ headers }: Reply): boolean {
  return (headers["content-type"] ?? "").toLowerCase().startsWith("text/event-stream");
}

/** The events of a stream; the last counts also where no blank line ended it. */
export function eventsOf(text: string): StreamEvent[] {
  const events: StreamEvent[] = [];
  let name = "message";
  let data: string[] = [];
  const end = () => {
    if (data.length > 0) events.push({ event: name, data: dataOf(data.join("\n")) });
    name = "message";
    data = [];
  };
  for (const line of text.replace(/^\ufeff/, "").split(/\r\n|\n|\r/)) {
    if (line.trim() === "") end();
    const [, field, value = ""] = /^(event|data):? ?(.*)$/s.exec(line) ?? [];
    if (field === "event") name = value || "message";
    if (field === "data") data.push(value);
  }
  end();
  return events;
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
