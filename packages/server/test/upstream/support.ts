/** What the tests of interfaces' wires have in common: requests as callers put them, and recorded answers. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import type {
  ModelDialect,
  ModelRequest,
  UpstreamEndpoint,
  UpstreamRoute,
} from "../../src/core/ports.ts";
import type { ChatChunk, ChatDelta, ChatRequest } from "../../src/domain/chat.ts";
import type { AnswerReader } from "../../src/outbound/upstream/wire.ts";

export function fixture(name: string): Buffer {
  return readFileSync(new URL(`fixtures/${name}`, import.meta.url));
}

export function requestOf(
  dialect: ModelDialect,
  value: Readonly<Record<string, unknown>>,
  chat: Partial<ChatRequest> = {},
): ModelRequest {
  return {
    dialect,
    body: Buffer.from(JSON.stringify(value)),
    isStream: value.stream === true,
    wantsUsage: (value.stream_options as { include_usage?: boolean })?.include_usage === true,
    toChat: () => ({ model: String(value.model), messages: [], ...chat }),
    toEmbeddings: () => ({ model: String(value.model), input: value.input as string[] }),
  };
}

export function routeOf(
  kind: UpstreamRoute["kind"],
  more: Partial<UpstreamRoute> = {},
): UpstreamRoute {
  return { kind, upstreamModel: "their-model", hasResponses: false, endpoints: [], ...more };
}

/** Where requests go, and what they may ask for at most. */
export const ENDPOINT: UpstreamEndpoint = {
  id: "e",
  url: "https://there.test/v1",
  key: "k",
  weight: 1,
};
export const OPTIONS = { outputTokensMax: 4_096, signal: new AbortController().signal };

/** The JSON of a request's body. */
export function sent(body: Buffer | string): Record<string, unknown> {
  return JSON.parse(body.toString());
}

/** Reads an answer that arrives in the pieces given. */
export function readIn(reader: AnswerReader, pieces: readonly Buffer[]) {
  const read = [...pieces.flatMap((piece) => reader.push(piece)), ...reader.end()];
  return {
    bytes: Buffer.concat(read.map(({ bytes }) => bytes ?? Buffer.alloc(0))),
    chunks: read.flatMap(({ chunk }) => chunk ?? []),
    textBytes: read.reduce((sum, piece) => sum + piece.textBytes, 0),
  };
}

/** Where bytes may be cut: anywhere, or between each two. */
export const anyCuts = fc.oneof(
  fc.array(fc.nat(4_000), { maxLength: 40 }),
  fc.constant("each" as const),
);

export function cut(bytes: Buffer, places: readonly number[] | "each"): Buffer[] {
  if (places === "each") {
    return Array.from(bytes, (_, index) => bytes.subarray(index, index + 1));
  }
  const inside = places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b);
  const cuts = [0, ...inside, bytes.length];
  return cuts.slice(1).map((end, index) => bytes.subarray(cuts[index], end));
}

/** What a caller puts together from the chunks of one choice. */
export function joined(chunks: readonly ChatChunk[], index = 0) {
  const deltas: ChatDelta[] = chunks.flatMap((chunk) =>
    chunk.choices.filter((choice) => choice.index === index).map(({ delta }) => delta),
  );
  const calls = new Map<number, { id: string; name: string; json: string }>();
  for (const call of deltas.flatMap(({ tool_calls: found = [] }) => found)) {
    const known = calls.get(call.index) ?? { id: "", name: "", json: "" };
    calls.set(call.index, {
      id: known.id + (call.id ?? ""),
      name: known.name + (call.function?.name ?? ""),
      json: known.json + (call.function?.arguments ?? ""),
    });
  }
  return {
    role: deltas.find(({ role }) => role)?.role,
    content: deltas.map(({ content }) => content ?? "").join(""),
    reasoning: deltas.map(({ reasoning_content: text }) => text ?? "").join(""),
    calls: [...calls.values()],
    finish: chunks.flatMap((chunk) => chunk.choices).find((choice) => choice.finish_reason)
      ?.finish_reason,
    usage: chunks.findLast(({ usage }) => usage)?.usage,
  };
}
