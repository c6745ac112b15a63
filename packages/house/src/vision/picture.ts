/** Pictures as pixels: which kinds are read, and how large they may be. */
import sharp, { type Sharp } from "sharp";
import { CapabilityError } from "../capability.ts";

export const PICTURE_LIMITS = {
  /** A 48-megapixel photograph fits. Decoding one takes some 200 MB for a moment. */
  pixelsMax: 50_000_000,
  /** The models look at less; a longer side is scaled down to this. */
  sideMax: 1_280,
} as const;

export interface Picture {
  /** Of the file, turned upright. */
  width: number;
  height: number;
  /** The scaled picture that the models see: three bytes a pixel, red, green and blue. */
  pixels: Uint8Array;
  pixelsWidth: number;
  pixelsHeight: number;
  hasAlpha: boolean;
}

/** A picture that can be drawn: upright, without transparency, of a known size. */
export interface OpenPicture {
  /** Of an animation, its first frame. */
  readonly image: Sharp;
  /** As it is seen, turned upright. */
  readonly width: number;
  readonly height: number;
  readonly hasAlpha: boolean;
}

/** @throws CapabilityError `unsupported_media_type`, or `invalid_file` for what is broken or too large */
export async function openPicture(bytes: Uint8Array): Promise<OpenPicture> {
  // sharp reads more kinds, some of them programs (SVG); by content, only these reach it.
  if (!isPicture(bytes)) {
    throw new CapabilityError(
      "unsupported_media_type",
      "By its content this is none of JPEG, PNG, GIF and WebP.",
    );
  }
  try {
    const options = { limitInputPixels: PICTURE_LIMITS.pixelsMax, failOn: "error" } as const;
    const { width, height, hasAlpha, orientation } = await sharp(bytes, options).metadata();
    // From the fifth on, EXIF orientations exchange the sides.
    const isTurned = (orientation ?? 1) >= 5;
    return {
      image: sharp(bytes, options)
        .rotate()
        .flatten({ background: "#ffffff" })
        .toColourspace("srgb")
        .removeAlpha(),
      width: isTurned ? height : width,
      height: isTurned ? width : height,
      hasAlpha,
    };
  } catch (error) {
    throw unreadable(error);
  }
}

/** @throws CapabilityError as `openPicture` */
export async function readPicture(bytes: Uint8Array): Promise<Picture> {
  const { image, ...facts } = await openPicture(bytes);
  try {
    const { data, info } = await image
      .resize({
        width: PICTURE_LIMITS.sideMax,
        height: PICTURE_LIMITS.sideMax,
        fit: "inside",
        withoutEnlargement: true,
      })
      .raw()
      .toBuffer({ resolveWithObject: true });
    return {
      ...facts,
      pixels: new Uint8Array(data.buffer, data.byteOffset, data.length),
      pixelsWidth: info.width,
      pixelsHeight: info.height,
    };
  } catch (error) {
    throw unreadable(error);
  }
}

/** What is wrong with a picture that sharp could not read. */
export function unreadable(cause: unknown): CapabilityError {
  const isLarge = cause instanceof Error && /pixel limit/i.test(cause.message);
  const why = isLarge
    ? `has more than ${PICTURE_LIMITS.pixelsMax / 1e6} million pixels`
    : "is damaged";
  return new CapabilityError("invalid_file", `The picture ${why}.`, { cause });
}

function isPicture(bytes: Uint8Array): boolean {
  const start = Buffer.from(bytes.subarray(0, 12)).toString("latin1");
  return (
    start.startsWith("\u00FF\u00D8\u00FF") ||
    start.startsWith("\u0089PNG\r\n\u001A\n") ||
    /^GIF8[79]a/.test(start) ||
    /^RIFF.{4}WEBP/s.test(start)
  );
}
