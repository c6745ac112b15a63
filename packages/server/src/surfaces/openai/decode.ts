/**
 * What this wire's callers ask -> our questions.
 *
 * What every request goes by is checked by hand, since most go on as they came. The whole of one is
 * looked at only where it has to be said in another interface's words.
 */
import { z } from "zod";
import type { ModelQuestion } from "../../core/index.ts";
import type { ChatRequest, EmbeddingsRequest } from "../../domain/chat.ts";
import { check } from "../shared/check.ts";
import {
  type Fields,
  flagOf,
  invalid,
  type ModelBody,
  modelOf,
  numberOf,
  objectsIn,
  wholeNumber,
} from "../shared/model-body.ts";
import { inputSizeOf } from "../shared/model-input.ts";

/** A question, but for what its headers say. */
export type Question = Omit<ModelQuestion, "maxMicros" | "chainId">;

const TOKENS_MAX = 10_000_000;
const CHOICES_MAX = 16;
const MESSAGES_MAX = 10_000;
const TEXTS_MAX = 2_048;

/** `POST /v1/chat/completions`. @throws {Fault} `invalid_request` */
export function decodeChat(body: ModelBody): Question {
  const { fields } = body;
  const messages = objectsIn(fields, "messages");
  if (messages.length === 0 || messages.length > MESSAGES_MAX) {
    throw invalid("messages", `"messages" has to have 1 to ${MESSAGES_MAX} of them.`);
  }
  refuseWhatHasNoPrice(fields);
  const choices = wholeNumber(fields, "n", 1, CHOICES_MAX) ?? 1;
  const limit = limitOf(fields);
  return {
    model: modelOf(fields),
    request: {
      dialect: "chat",
      body: body.bytes,
      isStream: flagOf(fields, "stream") ?? false,
      wantsUsage: wantsUsage(fields),
      toChat: () => check(Chat, fields) as ChatRequest,
      toEmbeddings: notHere,
    },
    ...inputSizeOf(body),
    choices,
    outputTokensMax: limit === undefined ? undefined : limit * choices,
    inputDigest: body.digest,
  };
}

/** `POST /v1/embeddings`. @throws {Fault} `invalid_request` */
export function decodeEmbeddings(body: ModelBody): Question {
  const { fields } = body;
  const input = textsIn(fields.input);
  const format = fields.encoding_format;
  if (format !== undefined && format !== "float" && format !== "base64") {
    throw invalid("encoding_format", '"encoding_format" has to be "float" or "base64".');
  }
  const model = modelOf(fields);
  const dimensions = wholeNumber(fields, "dimensions", 1, 100_000);
  return {
    model,
    request: {
      dialect: "embeddings",
      body: body.bytes,
      ...{ isStream: false, wantsUsage: false, toChat: notHere },
      toEmbeddings: (): EmbeddingsRequest => ({
        ...{ model, input },
        ...(dimensions !== undefined && { dimensions }),
      }),
    },
    ...{ inputBytes: body.bytes.length, choices: 1, outputTokensMax: 0, inputDigest: body.digest },
  };
}

/** One text, several, or the same as tokens. */
function textsIn(input: unknown): EmbeddingsRequest["input"] {
  if (typeof input === "string" && input !== "") return [input];
  if (Array.isArray(input) && input.length > 0 && input.length <= TEXTS_MAX) {
    if (input.every((text) => typeof text === "string" && text !== "")) return input as string[];
    if (input.every(Number.isInteger)) return [input as number[]];
    if (input.every((tokens) => Array.isArray(tokens) && tokens.every(Number.isInteger))) {
      return input as number[][];
    }
  }
  throw invalid("input", `"input" has to be a text or a list of 1 to ${TEXTS_MAX} of them.`);
}

function limitOf(fields: Fields): number | undefined {
  const now = wholeNumber(fields, "max_completion_tokens", 1, TOKENS_MAX);
  const before = wholeNumber(fields, "max_tokens", 1, TOKENS_MAX);
  if (now !== undefined && before !== undefined) {
    throw invalid("max_tokens", 'Give one of "max_completion_tokens" and "max_tokens".');
  }
  return now ?? before;
}

function wantsUsage({ stream_options: options }: Fields): boolean {
  if (options === undefined || options === null) return false;
  if (typeof options !== "object" || Array.isArray(options)) {
    throw invalid("stream_options", '"stream_options" has to be an object.');
  }
  return flagOf(options as Fields, "include_usage") ?? false;
}

const PLAIN_TIERS: readonly unknown[] = [undefined, null, "auto", "default"];

/**
 * What is charged beside the tokens, and by what OpenRouter would ask another model, or another seller
 * of it, than the one whose price is paid here.
 */
const NOT_OFFERED = [
  ...["web_search_options", "audio", "prediction"],
  ...["models", "route", "provider", "plugins", "preset"],
];

/** Makers charge these beside the tokens that the operator's prices are for. */
export function refuseWhatHasNoPrice(fields: Fields): void {
  if (!PLAIN_TIERS.includes(fields.service_tier)) {
    throw invalid("service_tier", "Only the default service tier is offered here.");
  }
  const modalities = fields.modalities ?? [];
  if (!Array.isArray(modalities) || modalities.some((modality) => modality !== "text")) {
    throw invalid("modalities", "Models answer in text only here.");
  }
  for (const name of NOT_OFFERED) {
    const isThere = fields[name] !== undefined && fields[name] !== null;
    if (isThere) throw invalid(name, `"${name}" is not offered here.`);
  }
  for (const tool of objectsIn(fields, "tools")) {
    if (tool.type !== "function" && tool.type !== "custom") {
      throw invalid("tools", "Only functions that you call yourself are offered as tools.");
    }
  }
  numberOf(fields, "temperature", 0, 2);
}

function notHere(): never {
  throw invalid("model", "This model is not one for such a request.");
}

const nothing = z.null().transform(() => undefined);
/** Absent, or `null`, which some programs send for what they do not set. */
function maybe<T extends z.ZodType>(type: T) {
  return z.union([nothing, type]).optional();
}

const part = z.discriminatedUnion("type", [
  z.object({ type: z.literal("text"), text: z.string() }),
  z.object({ type: z.literal("refusal"), refusal: z.string() }),
  z.object({
    type: z.literal("image_url"),
    image_url: z.object({ url: z.string(), detail: z.string().optional() }),
  }),
  z.object({
    type: z.literal("input_audio"),
    input_audio: z.object({ data: z.string(), format: z.string().max(20) }),
  }),
  z.object({
    type: z.literal("file"),
    file: z.object({ file_data: z.string().optional(), filename: z.string().optional() }),
  }),
]);
const content = z.union([z.string(), z.array(part)]);
const toolCall = z.object({
  id: z.string(),
  type: z.literal("function"),
  function: z.object({ name: z.string(), arguments: z.string() }),
  extra_content: z
    .object({ google: z.object({ thought_signature: z.string().optional() }).optional() })
    .optional(),
});
const thought = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("reasoning.text"),
    text: z.string(),
    signature: z.string().optional(),
  }),
  z.object({ type: z.literal("reasoning.encrypted"), data: z.string() }),
]);
const message = z.discriminatedUnion("role", [
  z.object({ role: z.literal("system"), content }),
  z.object({ role: z.literal("developer"), content }),
  z.object({ role: z.literal("user"), content }),
  z.object({
    role: z.literal("assistant"),
    content: content.nullish(),
    refusal: z.string().nullish(),
    tool_calls: maybe(z.array(toolCall)),
    reasoning_content: z.string().nullish(),
    reasoning_details: maybe(z.array(thought)),
  }),
  z.object({ role: z.literal("tool"), tool_call_id: z.string(), content }),
]);
const schema = z.record(z.string(), z.unknown());
const toolFunction = z.object({
  name: z.string(),
  description: z.string().optional(),
  parameters: schema.optional(),
  strict: z.boolean().nullish(),
});

const Chat = z
  .object({
    model: z.string(),
    messages: z.array(message).min(1),
    max_completion_tokens: maybe(z.int()),
    max_tokens: maybe(z.int()),
    n: maybe(z.int()),
    temperature: maybe(z.number()),
    top_p: maybe(z.number()),
    stop: maybe(z.union([z.string(), z.array(z.string())])),
    seed: maybe(z.int()),
    frequency_penalty: maybe(z.number()),
    presence_penalty: maybe(z.number()),
    tools: maybe(z.array(z.object({ type: z.literal("function"), function: toolFunction }))),
    tool_choice: maybe(
      z.union([
        z.enum(["none", "auto", "required"]),
        z.object({ type: z.literal("function"), function: z.object({ name: z.string() }) }),
      ]),
    ),
    parallel_tool_calls: maybe(z.boolean()),
    response_format: maybe(
      z.discriminatedUnion("type", [
        z.object({ type: z.literal("text") }),
        z.object({ type: z.literal("json_object") }),
        z.object({
          type: z.literal("json_schema"),
          json_schema: z.object({
            name: z.string(),
            schema: schema.optional(),
            strict: z.boolean().nullish(),
          }),
        }),
      ]),
    ),
    reasoning_effort: maybe(z.enum(["none", "minimal", "low", "medium", "high", "xhigh"])),
    user: maybe(z.string()),
  })
  .transform(({ max_tokens: before, max_completion_tokens: now, ...rest }) => ({
    ...rest,
    max_completion_tokens: now ?? before,
  }));
