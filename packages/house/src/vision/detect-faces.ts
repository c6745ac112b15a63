/**
 * Faces. The detector looks at 256 × 256 pixels, in which the small faces of a group disappear; so a
 * large picture is looked at as a whole and then in overlapping parts, and what was seen twice counts
 * once.
 */
import { type Found, look } from "./detector.ts";
import { type Picture, readPicture } from "./picture.ts";

export interface FaceDetection {
  width: number;
  height: number;
  /** In pixels of the file's picture, the surest first. */
  faces: Found[];
}

export const FACE_SCORE_MIN = 0.5;
/** Parts of a picture make more mistakes than the whole, so they have to be surer. */
const PART_SCORE_MIN = 0.6;
/** Smaller pictures gain nothing by being cut. */
const WHOLE_SIDE_MAX = 512;
/** Each part overlaps the next by a half, so that a face on one's edge is within another. */
const PARTS_A_SIDE = 3;
/** Boxes that share more than this of their union, or of the smaller, are one face. */
const SAME_UNION = 0.3;
const SAME_INSIDE = 0.7;

export async function detectFaces(bytes: Uint8Array): Promise<FaceDetection> {
  const picture = await readPicture(bytes);
  const found = await look("faces", picture.pixels, picture, FACE_SCORE_MIN);
  if (Math.max(picture.pixelsWidth, picture.pixelsHeight) > WHOLE_SIDE_MAX) {
    for (const part of partsOf(picture)) {
      const size = { pixelsWidth: part.width, pixelsHeight: part.height };
      const inside = await look("faces", cut(picture, part), size, PART_SCORE_MIN);
      const whole = inside.filter((face) => !isCutOff(face, part, picture));
      found.push(...whole.map((face) => ({ ...face, x: face.x + part.x, y: face.y + part.y })));
    }
  }
  const scale = picture.width / picture.pixelsWidth;
  return {
    width: picture.width,
    height: picture.height,
    faces: withoutDoubles(found).map((face) => ({
      ...face,
      x: face.x * scale,
      y: face.y * scale,
      width: face.width * scale,
      height: face.height * scale,
    })),
  };
}

interface Part {
  x: number;
  y: number;
  width: number;
  height: number;
}

function partsOf({ pixelsWidth, pixelsHeight }: Picture): Part[] {
  const width = Math.ceil(pixelsWidth / 2);
  const height = Math.ceil(pixelsHeight / 2);
  const steps = [...Array(PARTS_A_SIDE).keys()].map((step) => step / (PARTS_A_SIDE - 1));
  return steps.flatMap((down) =>
    steps.map((right) => ({
      x: Math.floor((pixelsWidth - width) * right),
      y: Math.floor((pixelsHeight - height) * down),
      width,
      height,
    })),
  );
}

function cut({ pixels, pixelsWidth }: Picture, part: Part): Uint8Array {
  const cutting = new Uint8Array(part.width * part.height * 3);
  for (let row = 0; row < part.height; row++) {
    const from = ((part.y + row) * pixelsWidth + part.x) * 3;
    cutting.set(pixels.subarray(from, from + part.width * 3), row * part.width * 3);
  }
  return cutting;
}

/** Whether the part's edge cuts the face, where the picture itself goes on. */
function isCutOff(face: Found, part: Part, { pixelsWidth, pixelsHeight }: Picture): boolean {
  return (
    (face.x <= 1 && part.x > 0) ||
    (face.y <= 1 && part.y > 0) ||
    (face.x + face.width >= part.width - 1 && part.x + part.width < pixelsWidth) ||
    (face.y + face.height >= part.height - 1 && part.y + part.height < pixelsHeight)
  );
}

function withoutDoubles(found: readonly Found[]): Found[] {
  const kept: Found[] = [];
  for (const face of found.toSorted((a, b) => b.score - a.score)) {
    if (!kept.some((other) => isSame(face, other))) kept.push(face);
  }
  return kept;
}

function isSame(a: Found, b: Found): boolean {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  if (width <= 0 || height <= 0) return false;
  const shared = width * height;
  const areas = [a.width * a.height, b.width * b.height] as const;
  return (
    shared / (areas[0] + areas[1] - shared) > SAME_UNION ||
    shared / Math.min(...areas) > SAME_INSIDE
  );
}
