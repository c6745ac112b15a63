/** A task as callers submit it (contract §7.1): what it does not have is refused, not passed over. */
import { unprefixed } from "@guildhall/protocol";
import { z } from "zod";
import type { SubmitTask } from "../../core/index.ts";
import { Fault } from "../../domain/fault.ts";
import { check } from "../shared/check.ts";
import { decodeMaxUsd } from "./decode-execution.ts";

const PROMPT_CHARS_MAX = 10_000;
const MEDIA_MAX = 16;
const URL_CHARS_MAX = 2_048;
const DURATION_MS_MAX = 600_000;
const METADATA_BYTES_MAX = 16 * 1024;
const KEY_CHARS_MAX = 200;

/** Nobody makes a video that is longer than this in one direction (docs/house.md). */
const ASPECT_MAX = 4;

function isNoStripe(aspect: string): boolean {
  const [width = 0, height = 0] = aspect.split(":").map(Number);
  return width <= ASPECT_MAX * height && height <= ASPECT_MAX * width;
}

/** Nobody is sent anywhere by plain http: what is named so is asked for by https. */
const mediaUrl = z
  .string()
  .max(URL_CHARS_MAX)
  .refine((text) => /^https?:\/\//i.test(text) && URL.canParse(text), "must be an http(s) address")
  .transform((text) => {
    const url = new URL(text);
    url.protocol = "https:";
    return url.href;
  });

/** A file of the workspace's, whichever wire took it (contract R2); with its prefix or without. */
const mediaId = z.string().transform((text, context) => {
  const id = unprefixed("fil", text.startsWith("fil_") ? text : `fil_${text}`);
  if (id !== undefined) return `fil_${id}`;
  context.addIssue({ code: "custom", message: "is no file of yours" });
  return z.NEVER;
});

export const TaskBody = z.strictObject({
  kind: z.literal("video", { error: "the only kind is video" }),
  input: z.strictObject({
    prompt: z.string().trim().min(1, "must not be blank").max(PROMPT_CHARS_MAX),
    media_urls: z.array(mediaUrl).max(MEDIA_MAX).optional(),
    media_ids: z.array(mediaId).max(MEDIA_MAX).optional(),
    duration_ms: z.int().positive().max(DURATION_MS_MAX).optional(),
    aspect_ratio: z
      .string()
      .regex(/^[1-9]\d{0,4}:[1-9]\d{0,4}$/, "must be W:H, such as 16:9")
      .refine(isNoStripe, `must be from 1:${ASPECT_MAX} to ${ASPECT_MAX}:1`)
      .optional(),
  }),
  metadata: z
    .record(z.string(), z.unknown())
    .nullish()
    .refine((value) => !value || Buffer.byteLength(JSON.stringify(value)) <= METADATA_BYTES_MAX, {
      error: `must be at most ${METADATA_BYTES_MAX} bytes`,
    }),
  idempotency_key: z.string().trim().min(1, "must not be blank").max(KEY_CHARS_MAX).optional(),
});

/** @throws {Fault} `invalid_request` naming the first field that is wrong */
export function decodeTask(
  body: Readonly<Record<string, unknown>>,
  maxUsd: string | undefined,
): SubmitTask {
  const { kind, input, metadata, idempotency_key: idempotencyKey } = check(TaskBody, body);
  const { media_urls: urls = [], media_ids: ids = [], ...asked } = input;
  const media = [...urls.map((url) => ({ url })), ...ids.map((id) => ({ file_id: id }))];
  return {
    kind,
    input: { ...asked, ...(media.length > 0 && { media }) },
    metadata: metadata ?? undefined,
    idempotencyKey,
    maxMicros: maxUsd === undefined ? undefined : decodeMaxUsd(maxUsd),
  };
}

/** A task's id. What cannot be one is treated as one that does not exist. */
export function decodeTaskId(text: string): string {
  const id = unprefixed("task", text);
  if (id !== undefined) return id;
  throw new Fault("not_found", "There is no such task.", { kind: "task", id: text });
}
