/** What nodes and this server say to each other (OpenMarlin contract §9), read without trust. */
import { parseJson } from "@guildhall/protocol";
import { z } from "zod";
import { wordsOfIssue } from "../../shared/issue-words.ts";

/** The version of the frames. */
export const NODE_PROTOCOL = 1;
/** An answer of the largest size, and its envelope. */
export const NODE_FRAME_BYTES_MAX = 2 * 1024 * 1024;

const LABELS = z.record(z.string(), z.string());
const MODELS = z.array(z.string());
const WORDS = z.string().max(2_000);
const request = { request_id: z.string().max(100) };

const Hello = z.object({
  type: z.literal("hello"),
  protocol: z.number(),
  provider_id: z.string(),
  kinds: z.array(z.string()).default(["agent_run"]),
  models: MODELS,
  default_model: z.string().nullish(),
  labels: LABELS.default({}),
  max_concurrency: z.number().default(1),
  /** Program and version, for operators to see. */
  client: z.string().max(200).optional(),
});

/** Tokens by name; what a node counts besides is its own affair. */
const Usage = z.record(z.string(), z.unknown()).transform((counts) => {
  const isCount = (value: unknown): value is number =>
    typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
  const named = Object.entries(counts).filter((entry): entry is [string, number] =>
    isCount(entry[1]),
  );
  return Object.fromEntries(named);
});

const Said = z.discriminatedUnion("type", [
  z.object({ type: z.literal("execution.accepted"), ...request }),
  z.object({
    type: z.literal("execution.chunk"),
    ...request,
    sequence: z.int().min(0),
    text: z.string(),
  }),
  z.object({
    type: z.literal("execution.end"),
    ...request,
    output: z.unknown().optional(),
    metadata: z.unknown().optional(),
    usage: Usage.nullish(),
  }),
  z.object({
    type: z.literal("execution.error"),
    ...request,
    error: z.string().max(200),
    message: WORDS.default(""),
  }),
  z.object({ type: z.literal("update"), models: MODELS.optional(), labels: LABELS.optional() }),
  z.object({ type: z.literal("goodbye"), reason: WORDS.default("") }),
  z.object({ type: z.literal("ping") }),
  z.object({ type: z.literal("pong") }),
]);

export type NodeHello = z.infer<typeof Hello>;
export type NodeFrame = z.infer<typeof Said>;

export type Read<Frame> =
  | { readonly ok: true; readonly frame: Frame }
  | { readonly ok: false; readonly problem: string; readonly requestId: string | undefined };

export const readHello = (message: string): Read<NodeHello> => read(Hello, message);
export const readNodeFrame = (message: string): Read<NodeFrame> => read(Said, message);

function read<Frame>(schema: z.ZodType<Frame>, message: string): Read<Frame> {
  const parsed = parseJson(message);
  if (!parsed.ok) {
    const requestId = requestIdOf(parsed.value);
    return { ok: false, problem: `The frame ${parsed.problem}.`, requestId };
  }
  const checked = schema.safeParse(parsed.value, { error: wordsOfIssue });
  if (checked.success) return { ok: true, frame: checked.data };
  const [issue] = checked.error.issues;
  const where = issue?.path.join(".") || "type";
  const problem = `In the frame, ${where}: ${issue?.message ?? "is wrong"}.`;
  return { ok: false, problem, requestId: requestIdOf(parsed.value) };
}

function requestIdOf(value: unknown): string | undefined {
  const id = (value as { request_id?: unknown } | null)?.request_id;
  return typeof id === "string" ? id : undefined;
}
