/**
 * What a video shows, and when: sizes, scenes, words. Nothing is drawn here.
 *
 *   1. What is written is what the prompt has in quotation marks, else its sentences.
 *   2. Each picture is a scene. Without pictures, each text is one, on a painted ground.
 *   3. Scenes are of one length and fade into each other.
 */
import { CapabilityError } from "../capability.ts";

export const VIDEO_LIMITS = {
  picturesMax: 16,
  promptCharsMax: 10_000,
  durationMsMax: 600_000,
  /** A shorter one is made this long. */
  durationMsMin: 500,
  /** Wider or taller than this to one is a stripe. */
  aspectMax: 4,
} as const;

export const FRAMES_PER_SECOND = 25;

/** So many pixels, whatever the shape: those of 1280 × 720. */
const PIXELS = 1280 * 720;
const ASPECT_DEFAULT = 16 / 9;

const SCENE_MS = 3_200;
/** A picture that is seen for less is a flicker. */
const SCENE_MS_MIN = 600;
const DURATION_MS_DEFAULT = 6_000;
const CARDS_MAX = 12;
/** What can be read on one card. */
const WORDS_CHARS_MAX = 140;
/** A short text is a title, and has no full stop. */
const TITLE_CHARS_MAX = 40;
const FADE_MS = 700;
/** Of a scene, at each of its ends. */
const FADE_SHARE_MAX = 0.3;

export interface VideoSize {
  readonly width: number;
  readonly height: number;
}

/** A part of the video. Instants are frames: at the end of one, the next is already fading in. */
export interface Scene {
  /** Which of the pictures, or `undefined` for a painted ground. */
  readonly picture: number | undefined;
  readonly words: string | undefined;
  readonly start: number;
  readonly frames: number;
  readonly motion: Motion;
}

/** How the camera moves: how near it is, and where in what it does not see it stands, from 0 to 1. */
export interface Motion {
  readonly zoom: Change;
  readonly x: Change;
  readonly y: Change;
}
type Change = readonly [from: number, to: number];

export interface Storyboard {
  readonly scenes: readonly Scene[];
  readonly frames: number;
  readonly fadeFrames: number;
  readonly durationMs: number;
}

/**
 * The size for a shape such as `16:9`: both sides even, as the encoder needs them.
 *
 * @throws CapabilityError `invalid_request` where it is a stripe, or no shape
 */
export function sizeOf(aspect: string | undefined): VideoSize {
  const [width = 16, height = 9] = aspect?.split(":").map(Number) ?? [];
  const ratio = aspect === undefined ? ASPECT_DEFAULT : width / height;
  const { aspectMax } = VIDEO_LIMITS;
  if (!(ratio <= aspectMax && ratio >= 1 / aspectMax)) {
    throw new CapabilityError(
      "invalid_request",
      `aspect_ratio must be from 1:${aspectMax} to ${aspectMax}:1.`,
    );
  }
  return { width: even(Math.sqrt(PIXELS * ratio)), height: even(Math.sqrt(PIXELS / ratio)) };
}

function even(length: number): number {
  return 2 * Math.round(length / 2);
}

/** What is written, text by text: quotations where the prompt has any, else its sentences. */
export function wordsIn(prompt: string): readonly string[] {
  const quoted = [...prompt.matchAll(/"([^"]+)"|“([^”]+)”|«([^»]+)»|„([^“”]+)[“”]|「([^」]+)」/g)];
  const quotations = quoted.map((match) => match.slice(1).find(Boolean) ?? "");
  const texts = quotations.length > 0 ? quotations : sentencesOf(prompt);
  return texts
    .map((text) => text.replace(/\s+/g, " ").trim())
    .filter((text) => /[\p{L}\p{N}]/u.test(text))
    .map(shortened)
    .map((text) => (text.length <= TITLE_CHARS_MAX ? text.replace(/(?<![.。])[.。]$/u, "") : text));
}

function sentencesOf(prompt: string): readonly string[] {
  const segmenter = new Intl.Segmenter(undefined, { granularity: "sentence" });
  return prompt
    .split(/\n+/)
    .flatMap((line) => [...segmenter.segment(line)].map(({ segment }) => segment));
}

/** As many whole words as fit. What has no spaces is cut between two characters. */
function shortened(text: string): string {
  const segmenter = new Intl.Segmenter(undefined, { granularity: "word" });
  let kept = "";
  for (const { segment } of segmenter.segment(text)) {
    if (kept.length + segment.length > WORDS_CHARS_MAX) {
      return `${(kept.trim() || segment.slice(0, WORDS_CHARS_MAX)).replace(/[\s,;:–—-]+$/u, "")}…`;
    }
    kept += segment;
  }
  return kept;
}

/** Scenes for so many pictures and these texts. Pictures that there is no time for are left out. */
export function planScenes(
  pictures: number,
  words: readonly string[],
  askedMs: number | undefined,
): Storyboard {
  const wanted = pictures > 0 ? pictures : Math.max(1, Math.min(words.length, CARDS_MAX));
  const naturalMs = Math.max(DURATION_MS_DEFAULT, wanted * SCENE_MS);
  const durationMs = Math.max(askedMs ?? naturalMs, VIDEO_LIMITS.durationMsMin);
  const frames = Math.round((durationMs * FRAMES_PER_SECOND) / 1000);
  const shortestMs = pictures > 0 ? SCENE_MS_MIN : SCENE_MS / 2;
  const count = Math.max(1, Math.min(wanted, Math.floor(durationMs / shortestMs)));
  const fadeFrames = fadeOf(frames, count);
  const step = (frames - fadeFrames) / count;
  const scenes = Array.from({ length: count }, (_, index): Scene => {
    const start = Math.round(index * step);
    const end = index === count - 1 ? frames : Math.round((index + 1) * step) + fadeFrames;
    return {
      picture: pictures > 0 ? index : undefined,
      words: words[index],
      ...{ start, frames: end - start },
      motion: MOTIONS[index % MOTIONS.length] as Motion,
    };
  });
  return { scenes, frames, fadeFrames, durationMs: (frames * 1000) / FRAMES_PER_SECOND };
}

function fadeOf(frames: number, count: number): number {
  const share = Math.floor((frames / count) * FADE_SHARE_MAX);
  return Math.max(1, Math.min(Math.round((FADE_MS * FRAMES_PER_SECOND) / 1000), share));
}

/** Over a picture that is shown whole the camera hardly moves: what is at its edges is meant to be seen. */
export const STILL: Motion = { zoom: [1, 1.05], x: [0.5, 0.5], y: [0.5, 0.5] };

const MOTIONS: readonly Motion[] = [
  { zoom: [1, 1.14], x: [0.5, 0.5], y: [0.5, 0.45] },
  { zoom: [1.12, 1.12], x: [0.1, 0.9], y: [0.5, 0.5] },
  { zoom: [1.14, 1.02], x: [0.5, 0.5], y: [0.4, 0.5] },
  { zoom: [1.12, 1.12], x: [0.9, 0.1], y: [0.5, 0.5] },
];
