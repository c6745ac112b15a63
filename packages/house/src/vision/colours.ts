/** What can be said of a picture by counting its pixels: its main colours, its light, its kind. */
import type { Picture } from "./picture.ts";

export interface Tag {
  label: string;
  /** From 0 to 1: a share of the picture, or how far a rule was met. */
  score: number;
  source: "object" | "colour" | "scene";
}

/** So many pixels, spread over the picture, say the same as all of them. */
const SAMPLES = 40_000;
const COLOUR_SHARE_MIN = 0.12;
/** Below this, a colour is a grey to the eye. */
const SATURATION_MIN = 0.18;

// biome-ignore format: read as a table (upper bound of each hue, in degrees)
const HUES: readonly (readonly [number, string])[] = [
  [15, "red"], [42, "orange"], [68, "yellow"], [165, "green"], [195, "cyan"],
  [260, "blue"], [290, "purple"], [335, "pink"], [361, "red"],
];

export function describePixels(picture: Picture): Tag[] {
  const { pixels } = picture;
  const step = Math.max(1, Math.floor(pixels.length / 3 / SAMPLES)) * 3;
  const names = new Map<string, number>();
  const distinct = new Set<number>();
  const lights: number[] = [];
  let saturated = 0;
  for (let at = 0; at + 2 < pixels.length; at += step) {
    const [red = 0, green = 0, blue = 0] = pixels.subarray(at, at + 3);
    const { hue, saturation, light } = toHsl(red, green, blue);
    lights.push(light);
    distinct.add(((red >> 4) << 8) | ((green >> 4) << 4) | (blue >> 4));
    if (saturation * (1 - Math.abs(2 * light - 1)) >= SATURATION_MIN) saturated += 1;
    const name = colourName(hue, saturation, light);
    names.set(name, (names.get(name) ?? 0) + 1);
  }
  const colours = [...names]
    .map(([label, count]) => ({ label, score: count / lights.length, source: "colour" as const }))
    .filter(({ score }) => score >= COLOUR_SHARE_MIN);
  return [...colours, ...sceneTags(lights, saturated / lights.length, distinct.size, picture)];
}

function toHsl(red: number, green: number, blue: number) {
  const most = Math.max(red, green, blue) / 255;
  const least = Math.min(red, green, blue) / 255;
  const range = most - least;
  const light = (most + least) / 2;
  const saturation = range === 0 ? 0 : range / (1 - Math.abs(2 * light - 1));
  return { hue: hueOf(red / 255, green / 255, blue / 255, most, range), saturation, light };
}

function hueOf(red: number, green: number, blue: number, most: number, range: number): number {
  if (range === 0) return 0;
  if (most === red) return (((green - blue) / range + 6) % 6) * 60;
  return most === green ? ((blue - red) / range + 2) * 60 : ((red - green) / range + 4) * 60;
}

function colourName(hue: number, saturation: number, light: number): string {
  const strength = saturation * (1 - Math.abs(2 * light - 1));
  if (light < 0.12) return "black";
  if (strength < SATURATION_MIN * 0.6) {
    if (light > 0.88) return "white";
    return "gray";
  }
  const name = HUES.find(([bound]) => hue < bound)?.[1] ?? "red";
  // Dark orange has a name of its own; most wood, earth and fur are of it.
  return (name === "orange" || name === "red") && light < 0.45 && strength < 0.6 ? "brown" : name;
}

function sceneTags(
  lights: readonly number[],
  saturatedShare: number,
  distinctColours: number,
  { hasAlpha }: Picture,
): Tag[] {
  const mean = lights.reduce((sum, light) => sum + light, 0) / lights.length;
  const spread = Math.sqrt(
    lights.reduce((sum, light) => sum + (light - mean) ** 2, 0) / lights.length,
  );
  const tags: Tag[] = [];
  const scene = (label: string, score: number) => tags.push({ label, score, source: "scene" });
  const isGray = saturatedShare < 0.02;
  if (isGray) scene("black and white", 1 - saturatedShare);
  if (mean < 0.25) scene("dark", 1 - mean);
  if (mean > 0.75) scene("bright", mean);
  if (spread < 0.08) scene("low contrast", 1 - spread);
  // Photographs have hundreds of shades even at 16 steps a colour; drawings and charts have few.
  if (!isGray && distinctColours < 40) scene("graphic", 1 - distinctColours / 80);
  if (hasAlpha) scene("has transparency channel", 1);
  return tags;
}
