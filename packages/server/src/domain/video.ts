/**
 * Videos by an interface of OpenAI's shape: what of a task it can be asked for. It makes videos of three
 * lengths and two shapes, of words and at most one picture; whatever else is wanted is refused before
 * anybody is asked or held for.
 */
import { Fault } from "./fault.ts";

export interface VideoOrder {
  readonly prompt: string;
  /** As the interface is told: `4`, `8` or `12`; `undefined` where it is left to the interface. */
  readonly seconds: string | undefined;
  readonly size: "1280x720" | "720x1280" | undefined;
  readonly media: VideoMedium | undefined;
}

/** The picture that a video begins with. */
export type VideoMedium =
  | { readonly url: string; readonly file_id?: undefined }
  | { readonly file_id: string };

/** What a task's input says, which its surface has checked (docs/tasks.md). */
export interface VideoInput {
  readonly prompt?: unknown;
  readonly media?: readonly VideoMedium[];
  readonly duration_ms?: number;
  readonly aspect_ratio?: string;
}

const LENGTHS_SECONDS = [4, 8, 12] as const;
const SIZES = new Map([
  ["16:9", "1280x720"],
  ["9:16", "720x1280"],
] as const);

/** @throws {Fault} `invalid_request` naming what the interface has not got */
export function videoOrderOf(input: VideoInput): VideoOrder {
  const { prompt, media = [], duration_ms: durationMs, aspect_ratio: aspect } = input;
  if (media.length > 1) {
    throw refused("input.media_urls", "Videos are made of one picture at most here.");
  }
  return {
    prompt: String(prompt),
    seconds: durationMs === undefined ? undefined : secondsFor(durationMs),
    size: aspect === undefined ? undefined : sizeFor(aspect),
    media: media[0],
  };
}

/** The shortest that is long enough. */
function secondsFor(durationMs: number): string {
  const seconds = LENGTHS_SECONDS.find((length) => length * 1000 >= durationMs);
  if (seconds !== undefined) return String(seconds);
  const longest = LENGTHS_SECONDS.at(-1);
  throw refused("input.duration_ms", `Videos are at most ${longest} seconds long here.`);
}

function sizeFor(aspect: string): "1280x720" | "720x1280" {
  const size = SIZES.get(aspect as "16:9");
  if (size) return size;
  throw refused("input.aspect_ratio", `Videos are ${[...SIZES.keys()].join(" or ")} here.`);
}

function refused(field: string, message: string): Fault {
  return new Fault("invalid_request", message, { field });
}

/** Between handing a job over, or failing to, and the next try: longer each time, so much at most. */
const WAIT_MS = { first: 500, longest: 15_000, factor: 1.4 } as const;

export function waitMsAfter(tries: number): number {
  const { first, longest, factor } = WAIT_MS;
  return Math.round(Math.min(longest, first * factor ** Math.min(tries, 20)));
}
