/** The schemas that capabilities for pictures share. */
import { fileSchema, type JsonObject, objectSchema } from "../capability.ts";

export const IMAGE_INPUT: JsonObject = objectSchema(
  { image: fileSchema("The picture: JPEG, PNG, GIF or WebP.") },
  ["image"],
  [
    { image: { file_id: "fil_0192f0c1a2b3c4d5e6f70819" } },
    { image: { url: "https://example.org/photo.jpg" } },
  ],
);

/** The size of the file's picture, turned upright; boxes are in its pixels. */
export const IMAGE_SIZE = {
  type: "object",
  properties: {
    width: { type: "integer", minimum: 1 },
    height: { type: "integer", minimum: 1 },
  },
  required: ["width", "height"],
  additionalProperties: false,
} as const;

export const SCORE = { type: "number", minimum: 0, maximum: 1 } as const;
