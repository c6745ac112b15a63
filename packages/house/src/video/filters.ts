/**
 * The command line of ffmpeg for a storyboard: still pictures that it moves over, texts laid on top,
 * H.264 out. All that it reads was drawn by us.
 */
import { FRAMES_PER_SECOND, type Scene, type Storyboard, type VideoSize } from "./plan.ts";

/** What was drawn for a scene: files on the disk. */
export interface DrawnScene {
  /** Larger than the video, so that a slow movement does not go in whole pixels. */
  readonly ground: string;
  /** As large as the video, with nothing where there is nothing written. */
  readonly words: string | undefined;
}

export interface Encoding {
  readonly board: Storyboard;
  readonly size: VideoSize;
  readonly drawn: readonly DrawnScene[];
  readonly target: string;
  /** What the file may come to. */
  readonly bytesMax: number;
}

const ENDS_FRAMES = 12;
const WORDS_FADE_FRAMES = 14;
const BITS_PER_SECOND_MAX = 8_000_000;
/** An encoder keeps to its rate about; the file has an index as well. */
const RATE_MARGIN = 0.85;
const THREADS = "2";

export function argumentsFor({ board, size, drawn, target, bytesMax }: Encoding): string[] {
  const inputs: string[] = [];
  const steps: string[] = [
    `color=c=black:s=${size.width}x${size.height}:r=${FRAMES_PER_SECOND},trim=end_frame=${board.frames},format=yuv420p[shown]`,
  ];
  let count = 0;
  const add = (...input: string[]): number => {
    inputs.push(...input);
    return count++;
  };
  for (const [index, scene] of board.scenes.entries()) {
    const { ground, words } = drawn[index] as DrawnScene;
    steps.push(groundStep(add("-i", ground), scene, index, board, size));
    steps.push("[shown][ground]overlay=eof_action=pass:format=yuv420[shown]");
    if (words === undefined) continue;
    const rate = ["-loop", "1", "-framerate", String(FRAMES_PER_SECOND)];
    steps.push(wordsStep(add(...rate, "-i", words), scene, index, board));
    steps.push("[shown][words]overlay=eof_action=pass:format=yuv420[shown]");
  }
  const last = board.frames - ENDS_FRAMES;
  const ends = board.frames > 4 * ENDS_FRAMES;
  const fades = `fade=in:0:${ENDS_FRAMES},fade=out:${last}:${ENDS_FRAMES},`;
  steps.push(`[shown]${ends ? fades : ""}format=yuv420p,setsar=1[video]`);
  return [
    ...["-hide_banner", "-nostdin", "-y", "-loglevel", "error", "-nostats"],
    ...["-progress", "pipe:1", "-filter_threads", "1", "-filter_complex_threads", THREADS],
    ...inputs,
    ...["-filter_complex", steps.join(";"), "-map", "[video]", "-an"],
    ...["-frames:v", String(board.frames), "-r", String(FRAMES_PER_SECOND)],
    ...["-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-threads", THREADS],
    ...rateLimit(board, bytesMax),
    ...["-profile:v", "high", "-pix_fmt", "yuv420p", "-color_range", "tv"],
    ...["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"],
    ...["-map_metadata", "-1", "-movflags", "+faststart", "-f", "mp4", target],
  ];
}

/** The camera over one picture, faded in over what was shown before. */
function groundStep(
  input: number,
  { start, frames, motion }: Scene,
  index: number,
  { fadeFrames }: Storyboard,
  { width, height }: VideoSize,
): string {
  const zoom = between(motion.zoom, frames);
  const at = (side: string, place: readonly [number, number]) =>
    `'(${side}-${side}/zoom)*(${between(place, frames)})'`;
  const camera = `zoompan=z='${zoom}':x=${at("iw", motion.x)}:y=${at("ih", motion.y)}:d=${frames}:s=${width}x${height}:fps=${FRAMES_PER_SECOND}`;
  const fade = index === 0 ? "" : `,fade=in:0:${fadeFrames}:alpha=1`;
  return `[${input}:v]${TO_VIDEO},format=yuv444p,${camera},format=yuva420p${fade},${from(start)}[ground]`;
}

/** Texts come when their scene is there, and leave before it does. */
function wordsStep(input: number, scene: Scene, index: number, { fadeFrames }: Storyboard): string {
  const wait = index === 0 ? Math.min(6, Math.floor(scene.frames / 8)) : fadeFrames;
  const frames = Math.max(1, scene.frames - wait - Math.floor(fadeFrames / 2));
  const fade = Math.max(1, Math.min(WORDS_FADE_FRAMES, Math.floor(frames / 4)));
  const fades = `fade=in:0:${fade}:alpha=1,fade=out:${frames - fade}:${fade}:alpha=1`;
  return `[${input}:v]trim=end_frame=${frames},${TO_VIDEO},format=yuva420p,${fades},${from(scene.start + wait)}[words]`;
}

/** Pictures are in RGB; a video of this size is in the colours of HDTV. */
const TO_VIDEO = "scale=in_range=pc:out_range=tv:out_color_matrix=bt709";

function between([from, to]: readonly [number, number], frames: number): string {
  return `${from}+(${to - from})*on/${frames}`;
}

function from(frame: number): string {
  return `setpts=PTS-STARTPTS+${frame}/${FRAMES_PER_SECOND}/TB`;
}

function rateLimit({ durationMs }: Storyboard, bytesMax: number): string[] {
  const fitting = (bytesMax * 8 * 1000 * RATE_MARGIN) / durationMs;
  const rate = Math.floor(Math.min(BITS_PER_SECOND_MAX, fitting));
  return ["-maxrate", String(rate), "-bufsize", String(2 * rate)];
}
