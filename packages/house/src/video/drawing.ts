/** The still pictures that a video is made of: what was given, painted grounds, words to lay on top. */
import { createHash } from "node:crypto";
import sharp, { type Sharp } from "sharp";
import { type Lettering, letter } from "./lettering.ts";
import type { VideoSize } from "./plan.ts";

/** Of a picture, at most this share is cut off; else it is shown whole, before a blurred one of itself. */
const CUT_SHARE_MAX = 0.45;
/** A small picture is enlarged by no more than this. */
const ENLARGED_MAX = 2;
const JPEG = { quality: 94, chromaSubsampling: "4:4:4" } as const;
/** Sides of what is blurred before it is enlarged: nobody sees that it was small. */
const BLURRED_SIDE = 320;

/**
 * A picture as the camera sees it: upright, filling the frame.
 *
 * @param scale how much larger than the video it is drawn
 */
export async function drawPicture(
  picture: Sharp,
  seen: VideoSize,
  { width, height }: VideoSize,
  scale: number,
  target: string,
): Promise<"filling" | "whole"> {
  const [wide, high] = [Math.round(width * scale), Math.round(height * scale)];
  const cover = Math.max(width / seen.width, height / seen.height);
  const share = (width * height) / (seen.width * seen.height * cover ** 2);
  if (1 - share <= CUT_SHARE_MAX && cover <= ENLARGED_MAX) {
    await picture
      .resize(wide, high, { fit: "cover", position: "centre" })
      .jpeg(JPEG)
      .toFile(target);
    return "filling";
  }
  const fit = Math.min(width / seen.width, height / seen.height, ENLARGED_MAX) * scale;
  const whole = picture
    .clone()
    .resize(Math.max(1, Math.round(seen.width * fit)), Math.max(1, Math.round(seen.height * fit)), {
      fit: "fill",
    });
  const behind = await picture
    .clone()
    .resize(BLURRED_SIDE, Math.max(8, Math.round((BLURRED_SIDE * height) / width)), {
      fit: "cover",
    })
    .blur(14)
    .modulate({ brightness: 0.55, saturation: 1.15 })
    .raw()
    .toBuffer({ resolveWithObject: true });
  const raw = { width: behind.info.width, height: behind.info.height, channels: 3 } as const;
  const ground = await sharp(behind.data, { raw })
    .resize(wide, high, { fit: "fill" })
    .png()
    .toBuffer();
  const input = await whole.png({ compressionLevel: 1 }).toBuffer();
  await sharp(ground).composite([{ input }]).jpeg(JPEG).toFile(target);
  return "whole";
}

/** Grounds and their lights: each set goes together. */
const PALETTES: readonly (readonly [ground: string, ...lights: string[]])[] = [
  ["#0b1026", "#3b4cca", "#8a3ffc", "#0fb5ba", "#f06292"],
  ["#1a0b1e", "#d6336c", "#f76707", "#7048e8", "#ffd43b"],
  ["#04151f", "#0a9396", "#005f73", "#94d2bd", "#ee9b00"],
  ["#10121c", "#4361ee", "#4cc9f0", "#7209b7", "#f72585"],
  ["#0d1b12", "#2b9348", "#0b7285", "#a7c957", "#f4a259"],
  ["#1b1220", "#c06c84", "#6c5b7b", "#355c7d", "#f8b195"],
];

/** A ground of soft lights whose colours follow from the prompt: the same prompt, the same picture. */
export async function drawGround(
  prompt: string,
  index: number,
  { width, height }: VideoSize,
  scale: number,
  target: string,
): Promise<void> {
  const seed = seedOf(prompt);
  const [ground, ...colours] = paletteOf(prompt);
  const lights = colours.map((colour, light) => {
    const at = (byte: number) => (seed[(light * 5 + byte + index * 7) % seed.length] ?? 0) / 255;
    // Each in a quarter of its own, which it changes from card to card.
    const quarter = (light + index) % 4;
    const x = 50 * (quarter % 2) + 50 * at(0);
    const y = 50 * Math.floor(quarter / 2) + 50 * at(1);
    return `<circle cx="${x}" cy="${y}" r="${16 + 16 * at(2)}" fill="${colour}" fill-opacity="${0.45 + 0.3 * at(3)}"/>`;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="400" height="400" viewBox="0 0 100 100">
    <rect width="100" height="100" fill="${ground}"/>${lights.join("")}</svg>`;
  const [wide, high] = [Math.round(width * scale), Math.round(height * scale)];
  const soft = await sharp(Buffer.from(svg)).flatten().blur(46).png().toBuffer();
  // A little grain: bare gradients show their steps.
  const grain = await sharp({
    create: {
      ...{ width: wide, height: high, channels: 3 },
      ...{ background: "#808080", noise: { type: "gaussian", mean: 128, sigma: 9 } },
    },
  })
    .greyscale()
    .png({ compressionLevel: 1 })
    .toBuffer();
  await sharp(soft)
    .resize(wide, high, { fit: "fill" })
    .composite([{ input: grain, blend: "soft-light" }])
    .jpeg(JPEG)
    .toFile(target);
}

/**
 * Words for the middle of a painted ground, or for the foot of a picture, as large as the video.
 * `false` where there is no font for any of their letters: then nothing was drawn.
 */
export async function drawWords(
  text: string,
  place: "middle" | "foot",
  prompt: string,
  { width, height }: VideoSize,
  target: string,
): Promise<boolean> {
  const isFoot = place === "foot";
  const lettering = await fitted(text, { width, height }, isFoot);
  if (!lettering) return false;
  const unit = Math.min(width, height);
  const accent = paletteOf(prompt).at(-1);
  const bar = Math.max(3, Math.round(unit * 0.008));
  const margin = Math.round(unit * 0.075);
  const left = isFoot ? margin + 4 * bar : Math.round((width - lettering.width) / 2);
  const top = isFoot
    ? height - margin - lettering.height
    : Math.round((height - lettering.height) / 2 - unit * 0.02);
  const mark = isFoot
    ? `<rect x="${margin}" y="${top}" width="${bar}" height="${lettering.height}" rx="${bar / 2}" fill="${accent}"/>`
    : `<rect x="${width / 2 - unit * 0.06}" y="${top + lettering.height + unit * 0.055}" width="${unit * 0.12}" height="${bar}" rx="${bar / 2}" fill="${accent}"/>`;
  const shade = isFoot ? shadeSvg(top - margin, { width, height }) : "";
  const under = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${shade}${mark}</svg>`;
  await sharp({ create: { width, height, channels: 4, background: "#00000000" } })
    .composite([
      { input: Buffer.from(under) },
      { input: await shadowOf(lettering, { width, height }, left, top, unit) },
      { input: lettering.png, left: Math.max(0, left), top: Math.max(0, top) },
    ])
    .png({ compressionLevel: 3 })
    .toFile(target);
  return true;
}

/** Darkens towards the foot, from a little above the words on. */
function shadeSvg(top: number, { width, height }: VideoSize): string {
  const start = Math.max(0, top / height - 0.08);
  return `<defs><linearGradient id="shade" x1="0" y1="0" x2="0" y2="1">
    <stop offset="${start}" stop-color="#000" stop-opacity="0"/>
    <stop offset="1" stop-color="#000" stop-opacity="0.72"/></linearGradient></defs>
    <rect width="${width}" height="${height}" fill="url(#shade)"/>`;
}

/** Of the shorter side, by how much there is to read. */
const SIZES = {
  middle: [
    { charsMax: 28, share: 0.125 },
    { charsMax: 70, share: 0.095 },
    { charsMax: Number.POSITIVE_INFINITY, share: 0.07 },
  ],
  foot: [
    { charsMax: 28, share: 0.062 },
    { charsMax: 70, share: 0.054 },
    { charsMax: Number.POSITIVE_INFINITY, share: 0.046 },
  ],
} as const;

/** As large as looks well, and no larger than fits. */
async function fitted(
  text: string,
  { width, height }: VideoSize,
  isFoot: boolean,
): Promise<Lettering | undefined> {
  const unit = Math.min(width, height);
  const steps = isFoot ? SIZES.foot : SIZES.middle;
  const step = steps.find(({ charsMax }) => [...text].length <= charsMax);
  let size = unit * (step?.share ?? 0);
  const heightMax = height * (isFoot ? 0.4 : 0.62);
  const widthMax = width * (isFoot ? 0.76 : 0.8);
  for (;;) {
    const align = isFoot ? "left" : "centre";
    const lettering = await letter(text, { size, widthMax, align, colour: "#ffffff" });
    const fits = !lettering || (lettering.height <= heightMax && lettering.width <= width);
    if (fits || size <= unit * 0.02) return lettering;
    size *= 0.85;
  }
}

async function shadowOf(
  { png, width: wide, height: high }: Lettering,
  { width, height }: VideoSize,
  left: number,
  top: number,
  unit: number,
): Promise<Buffer> {
  const black = await sharp(png)
    .composite([
      {
        input: { create: { width: wide, height: high, channels: 4, background: "#000000b0" } },
        blend: "in",
      },
    ])
    .png()
    .toBuffer();
  return sharp({ create: { width, height, channels: 4, background: "#00000000" } })
    .composite([{ input: black, left: Math.max(0, left), top: Math.max(0, top) }])
    .png()
    .toBuffer()
    .then((placed) =>
      sharp(placed)
        .blur(Math.max(1, unit * 0.008))
        .png()
        .toBuffer(),
    );
}

function paletteOf(prompt: string) {
  return PALETTES[(seedOf(prompt)[0] ?? 0) % PALETTES.length] as (typeof PALETTES)[number];
}

function seedOf(prompt: string): Buffer {
  return createHash("sha256").update(prompt).digest();
}
