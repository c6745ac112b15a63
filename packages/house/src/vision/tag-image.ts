/** Tags of a picture: the objects that CenterNet knows (the 80 of COCO), its colours, its light. */
import { describePixels, type Tag } from "./colours.ts";
import { look } from "./detector.ts";
import { readPicture } from "./picture.ts";

export interface ImageTags {
  width: number;
  height: number;
  /** Objects first, then colours, then the scene; the surest first in each. */
  tags: Tag[];
}

/** Below this, CenterNet is wrong more often than right on photographs. */
const OBJECT_SCORE_MIN = 0.4;

export async function tagImage(bytes: Uint8Array): Promise<ImageTags> {
  const picture = await readPicture(bytes);
  const found = await look("objects", picture.pixels, picture, OBJECT_SCORE_MIN);
  const best = new Map<string, number>();
  for (const { label, score } of found) best.set(label, Math.max(score, best.get(label) ?? 0));
  const objects = [...best].map(([label, score]) => ({ label, score, source: "object" as const }));
  const all: Tag[] = [...objects, ...describePixels(picture)];
  const order = ["object", "colour", "scene"];
  const tags = all
    .map((tag) => ({ ...tag, score: Math.round(Math.min(1, tag.score) * 1e4) / 1e4 }))
    .sort((a, b) => order.indexOf(a.source) - order.indexOf(b.source) || b.score - a.score);
  return { width: picture.width, height: picture.height, tags };
}
