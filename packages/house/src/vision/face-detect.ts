import {
  type Capability,
  type CapabilityContext,
  type FileReference,
  objectSchema,
} from "../capability.ts";
import { IMAGE_INPUT, IMAGE_SIZE, SCORE } from "./schemas.ts";

const COORDINATE = { type: "number", minimum: 0 };

export const FACE_DETECT: Capability = {
  slug: "face-detect",
  summary: "Finds the faces in a picture.",
  description:
    "Finds human faces in a picture and says where they are. Call it to count people, crop or blur " +
    "faces, or check that a portrait shows one. Takes `image` (JPEG, PNG, GIF or WebP; of an animation " +
    'the first frame; up to 50 megapixels). Gives `count`, `predictions` (`label` "face", `score` from ' +
    "0 to 1, `box` with xmin, ymin, xmax, ymax in pixels of the upright picture), `image` (width, " +
    "height) and `model`. Surest first, at most 100. It says nothing of who somebody is. Faces in " +
    "profile, masked, or smaller than about a 40th of the picture's side are often missed.",
  inputSchema: IMAGE_INPUT,
  outputSchema: objectSchema(
    {
      count: { type: "integer", minimum: 0 },
      predictions: {
        type: "array",
        items: {
          type: "object",
          properties: {
            label: { const: "face" },
            score: SCORE,
            box: {
              type: "object",
              properties: {
                xmin: COORDINATE,
                ymin: COORDINATE,
                xmax: COORDINATE,
                ymax: COORDINATE,
              },
              required: ["xmin", "ymin", "xmax", "ymax"],
              additionalProperties: false,
            },
          },
          required: ["label", "score", "box"],
          additionalProperties: false,
        },
      },
      image: IMAGE_SIZE,
      model: { type: "string" },
    },
    ["count", "predictions", "image", "model"],
    [],
  ),
  priceCredits: 10,
  async run({ image }: { image: FileReference }, context: CapabilityContext) {
    const { bytes } = await context.file(image);
    const { width, height, faces } = await context.compute("detectFaces", bytes);
    const within = (value: number, most: number) => Math.round(Math.min(most, Math.max(0, value)));
    const predictions = faces.slice(0, FACES_MAX).map((face) => ({
      label: "face",
      score: Math.min(1, face.score),
      box: {
        xmin: within(face.x, width),
        ymin: within(face.y, height),
        xmax: within(face.x + face.width, width),
        ymax: within(face.y + face.height, height),
      },
    }));
    return { count: predictions.length, predictions, image: { width, height }, model: "blazeface" };
  },
};

const FACES_MAX = 100;
