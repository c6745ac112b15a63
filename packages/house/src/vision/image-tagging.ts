import {
  type Capability,
  type CapabilityContext,
  type FileReference,
  objectSchema,
} from "../capability.ts";
import { IMAGE_INPUT, IMAGE_SIZE, SCORE } from "./schemas.ts";

export const IMAGE_TAGGING: Capability = {
  slug: "image_tagging",
  summary: "Says what is in a picture, in tags.",
  description:
    "Describes a picture in tags. Call it to sort, filter or index pictures. Takes `image` (JPEG, PNG, " +
    "GIF or WebP; of an animation the first frame; up to 50 megapixels). Gives `tags` with `label`, " +
    "`score` from 0 to 1 and `source`, `image` (width, height) and `model`. `object` tags come from a " +
    "model (CenterNet) that knows the 80 everyday things of COCO, such as person, car, dog, cup, and " +
    "no others. `colour` tags are the main colours, scored by their share of the picture; `scene` tags " +
    "(dark, bright, low contrast, black and white, graphic) are plain rules over its pixels. No text, " +
    "places or identities are recognised.",
  inputSchema: IMAGE_INPUT,
  outputSchema: objectSchema(
    {
      tags: {
        type: "array",
        items: {
          type: "object",
          properties: {
            label: { type: "string" },
            score: SCORE,
            source: { enum: ["object", "colour", "scene"] },
          },
          required: ["label", "score", "source"],
          additionalProperties: false,
        },
      },
      image: IMAGE_SIZE,
      model: { type: "string" },
    },
    ["tags", "image", "model"],
    [],
  ),
  priceCredits: 10,
  async run({ image }: { image: FileReference }, context: CapabilityContext) {
    const { bytes } = await context.file(image);
    const { width, height, tags } = await context.compute("tagImage", bytes);
    return { tags, image: { width, height }, model: "centernet-coco80" };
  },
};
