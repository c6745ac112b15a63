/**
 * A prompt and pictures -> an mp4.
 *
 *   1. What is asked for is planned: sizes, scenes, words (plan.ts).
 *   2. Every still is drawn by us into a folder of its own (drawing.ts): ffmpeg reads nothing else, so
 *      no stranger's bytes reach its decoders.
 *   3. ffmpeg moves over them and encodes (filters.ts, ffmpeg.ts). One video is made at a time; others
 *      wait, requesters taking turns, and say nothing of progress until then.
 *   4. The file is handed over to whoever asked; the folder goes, however it ended.
 */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { LIMITS } from "@guildhall/protocol";
import {
  type Capability,
  type CapabilityContext,
  CapabilityError,
  type FileReference,
  fileSchema,
  objectSchema,
} from "../capability.ts";
import { openPicture, unreadable } from "../vision/picture.ts";
import { drawGround, drawPicture, drawWords } from "./drawing.ts";
import { runFfmpeg } from "./ffmpeg.ts";
import { argumentsFor, type DrawnScene } from "./filters.ts";
import { makeFolder } from "./folder.ts";
import {
  planScenes,
  type Scene,
  STILL,
  type Storyboard,
  sizeOf,
  VIDEO_LIMITS,
  type VideoSize,
  wordsIn,
} from "./plan.ts";
import { createTurns } from "./turns.ts";

interface Input {
  prompt: string;
  media?: FileReference[];
  duration_ms?: number;
  aspect_ratio?: string;
}

/** Videos that one house takes on: those that wait included. One that waits is an input of some kilobytes. */
export const VIDEOS_MAX = 256;
/** Of them, one requester's. Of the usual six to ten seconds so many are made within a task's half hour. */
export const VIDEOS_OF_ONE_MAX = 64;
/** A photograph of 48 megapixels is some 20 MB. */
const PICTURE_BYTES_MAX = 30_000_000;
/** How much larger stills are drawn than they are shown; of painted grounds nobody sees the pixels. */
const PICTURE_SCALE = 2.5;
const GROUND_SCALE = 1.25;
/** Of the whole: what drawing takes, and drawing with encoding. */
const SHARES = { drawn: 0.2, encoded: 0.95 } as const;

const OUTPUT = objectSchema(
  {
    file: {
      type: "object",
      description: "The mp4: a file of whoever asked.",
      properties: { file_id: { type: "string" } },
      required: ["file_id"],
      additionalProperties: false,
    },
    media_type: { const: "video/mp4" },
    duration_ms: { type: "integer", minimum: 1 },
    width: { type: "integer", minimum: 2 },
    height: { type: "integer", minimum: 2 },
    bytes: { type: "integer", minimum: 1 },
    warnings: { type: "array", items: { type: "string" } },
  },
  ["file", "media_type", "duration_ms", "width", "height", "bytes", "warnings"],
  [],
);

const turns = createTurns();

export const VIDEO: Capability = {
  slug: "video",
  summary: "Makes a video of pictures and words.",
  description:
    "Makes an mp4 (H.264, about 720p, 25 frames a second, without sound) of up to 16 pictures over which the " +
    "camera moves, with cross-fades, and of the words of the prompt: what stands in quotation marks, else its " +
    "sentences, at the foot of each picture or, without pictures, as title cards. It edits what it is given; it does " +
    "not invent pictures. Call it for slideshows, openers, announcements. Takes `prompt`, `media` (JPEG, PNG, GIF, " +
    "WebP), `duration_ms` (default: some 3 s a picture, at least 6 s) and `aspect_ratio` (default 16:9). Takes " +
    "seconds to minutes and says how far it is; meant for tasks and calls that are asked for later. Gives `file` " +
    "(a file of yours), `duration_ms`, `width`, `height` and `warnings`.",
  inputSchema: objectSchema(
    {
      prompt: {
        type: "string",
        minLength: 1,
        maxLength: VIDEO_LIMITS.promptCharsMax,
        description: 'What the video is about; words to show stand in "quotation marks".',
      },
      media: {
        type: "array",
        maxItems: VIDEO_LIMITS.picturesMax,
        items: fileSchema("A picture, in the order in which they are shown."),
      },
      duration_ms: { type: "integer", minimum: 1, maximum: VIDEO_LIMITS.durationMsMax },
      aspect_ratio: { type: "string", pattern: "^[1-9]\\d{0,4}:[1-9]\\d{0,4}$" },
    },
    ["prompt"],
    [
      { prompt: "Welcome to the guild. Find work, hire help, get paid." },
      {
        prompt: 'Our week in the mountains: "Monday", "The summit"',
        media: [
          { file_id: "fil_0192f0c1a2b3c4d5e6f70819" },
          { url: "https://example.org/summit.jpg" },
        ],
        duration_ms: 8000,
        aspect_ratio: "16:9",
      },
    ],
  ),
  outputSchema: OUTPUT,
  // Ten cents: ten credits of OpenMarlin's wire, as its contract has it (§8.7).
  priceCredits: 1_000,
  async run(input: Input, context: CapabilityContext) {
    return turns.take(context.requester, context.signal, () => make(input, context));
  },
};

async function make(input: Input, context: CapabilityContext) {
  const { prompt, media = [] } = input;
  const size = sizeOf(input.aspect_ratio);
  const board = planScenes(media.length, wordsIn(prompt), input.duration_ms);
  await context.progress(0);
  const folder = await makeFolder();
  try {
    const stills = await drawAll({ prompt, media, board, size, folder }, context);
    const target = join(folder, "video.mp4");
    const moved = { ...board, scenes: stills.scenes };
    const bytesMax = LIMITS.fileBytesMax;
    await runFfmpeg(argumentsFor({ board: moved, size, drawn: stills.drawn, target, bytesMax }), {
      folder,
      signal: context.signal,
      onFrame(frames) {
        const share = SHARES.drawn + (SHARES.encoded - SHARES.drawn) * (frames / board.frames);
        void context.progress(Math.min(share, SHARES.encoded)).catch(() => undefined);
      },
    });
    const bytes = await readFile(target);
    if (bytes.length > bytesMax) {
      throw new CapabilityError(
        "provider_failed",
        "The video became too large. Ask for a shorter one.",
      );
    }
    const { file_id } = await context.upload({ bytes, filename: "video.mp4" });
    return {
      file: { file_id },
      media_type: "video/mp4",
      ...{ duration_ms: Math.round(board.durationMs), width: size.width, height: size.height },
      ...{ bytes: bytes.length, warnings: warningsOf(board, media.length, stills) },
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Drawing {
  readonly prompt: string;
  readonly media: readonly FileReference[];
  readonly board: Storyboard;
  readonly size: VideoSize;
  readonly folder: string;
}

interface Stills {
  readonly drawn: readonly DrawnScene[];
  readonly scenes: readonly Scene[];
  readonly wordless: boolean;
}

/** One after the other: each takes some hundred megabytes for a moment. */
async function drawAll(drawing: Drawing, context: CapabilityContext): Promise<Stills> {
  const { prompt, board, size, folder } = drawing;
  const drawn: DrawnScene[] = [];
  const scenes: Scene[] = [];
  let wordless = false;
  for (const [index, scene] of board.scenes.entries()) {
    context.signal.throwIfAborted();
    const ground = join(folder, `${index}.jpg`);
    const isWhole = await drawGroundOf(drawing, scene, index, ground, context);
    let words: string | undefined;
    if (scene.words !== undefined) {
      const path = join(folder, `${index}.png`);
      const place = scene.picture === undefined ? "middle" : "foot";
      const isDrawn = await drawWords(scene.words, place, prompt, size, path);
      if (isDrawn) words = path;
      else wordless = true;
    }
    drawn.push({ ground, words });
    scenes.push(isWhole ? { ...scene, motion: STILL } : scene);
    await context.progress((SHARES.drawn * (index + 1)) / board.scenes.length);
  }
  return { drawn, scenes, wordless };
}

async function drawGroundOf(
  { prompt, media, size }: Drawing,
  { picture: number }: Scene,
  index: number,
  target: string,
  context: CapabilityContext,
): Promise<boolean> {
  const reference = number === undefined ? undefined : media[number];
  if (!reference) {
    await drawGround(prompt, index, size, GROUND_SCALE, target);
    return false;
  }
  const { bytes } = await context.file(reference, { bytesMax: PICTURE_BYTES_MAX });
  const which = `media.${number}`;
  try {
    const { image, width, height } = await openPicture(bytes);
    const shown = await drawPicture(image, { width, height }, size, PICTURE_SCALE, target);
    return shown === "whole";
  } catch (error) {
    const known = error instanceof CapabilityError;
    const { code, message } = known ? error : unreadable(error);
    throw new CapabilityError(code, `${which}: ${message}`, { cause: error });
  }
}

function warningsOf(
  { scenes }: Storyboard,
  pictures: number,
  { wordless }: Stills,
): readonly string[] {
  const warnings: string[] = [];
  if (pictures > scenes.length) {
    const left = pictures - scenes.length;
    warnings.push(`The time is too short for all pictures: the last ${left} are left out.`);
  }
  if (wordless) warnings.push("Some words are in a script for which this machine has no font.");
  return warnings;
}
