/** `POST /v1/responses` -> our question. Where an interface has no responses, it is said as a chat. */
import { z } from "zod";
import type {
  ChatContent,
  ChatMessage,
  ChatPart,
  ChatRequest,
  ChatToolCall,
} from "../../domain/chat.ts";
import { check } from "../shared/check.ts";
import {
  type Fields,
  flagOf,
  invalid,
  type ModelBody,
  modelOf,
  wholeNumber,
} from "../shared/model-body.ts";
import { inputSizeOf } from "../shared/model-input.ts";
import { type Question, refuseWhatHasNoPrice } from "./decode.ts";

const TOKENS_MAX = 10_000_000;

/** These name what is kept in the interface's account, which is the operator's, not the caller's. */
const KEPT_ELSEWHERE = ["previous_response_id", "conversation", "prompt"];

/** @throws {Fault} `invalid_request` */
export function decodeResponses(body: ModelBody): Question {
  const { fields } = body;
  const { input } = fields;
  if (typeof input !== "string" && !(Array.isArray(input) && input.length > 0)) {
    throw invalid("input", '"input" has to be a text or a list of items.');
  }
  for (const name of KEPT_ELSEWHERE) {
    const isThere = fields[name] !== undefined && fields[name] !== null;
    if (isThere) throw invalid(name, "Nothing is kept here from call to call: send all of it.");
  }
  if (flagOf(fields, "background") === true) {
    throw invalid("background", "Nothing is answered in the background here.");
  }
  refuseWhatHasNoPrice(fields);
  const limit = wholeNumber(fields, "max_output_tokens", 1, TOKENS_MAX);
  return {
    model: modelOf(fields),
    request: {
      dialect: "responses",
      body: body.bytes,
      isStream: flagOf(fields, "stream") ?? false,
      wantsUsage: true,
      toChat: () => toChat(fields),
      toEmbeddings() {
        throw invalid("model", "This model is not one for such a request.");
      },
    },
    ...inputSizeOf(body),
    ...{ choices: 1, outputTokensMax: limit },
    inputDigest: body.digest,
  };
}

const part = z.discriminatedUnion("type", [
  z.object({ type: z.enum(["input_text", "output_text", "text"]), text: z.string() }),
  z.object({ type: z.literal("refusal"), refusal: z.string() }),
  z.object({ type: z.literal("input_image"), image_url: z.string() }),
  z.object({
    type: z.literal("input_file"),
    file_data: z.string(),
    filename: z.string().optional(),
  }),
]);
const content = z.union([z.string(), z.array(part)]);
const item = z.union([
  z.object({
    type: z.literal("message").optional(),
    role: z.enum(["user", "assistant", "system", "developer"]),
    content,
  }),
  z.object({
    type: z.literal("function_call"),
    call_id: z.string(),
    name: z.string(),
    arguments: z.string(),
  }),
  z.object({ type: z.literal("function_call_output"), call_id: z.string(), output: content }),
  // Another interface has no use for what one thought.
  z.object({ type: z.literal("reasoning") }),
]);
const schema = z.record(z.string(), z.unknown());

const Responses = z.object({
  model: z.string(),
  input: z.union([z.string(), z.array(item)]),
  instructions: z.string().nullish(),
  max_output_tokens: z.int().nullish(),
  temperature: z.number().nullish(),
  top_p: z.number().nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  tools: z
    .array(
      z.object({
        type: z.literal("function"),
        name: z.string(),
        description: z.string().nullish(),
        parameters: schema.nullish(),
        strict: z.boolean().nullish(),
      }),
    )
    .nullish(),
  tool_choice: z
    .union([
      z.enum(["none", "auto", "required"]),
      z.object({ type: z.literal("function"), name: z.string() }),
    ])
    .nullish(),
  text: z
    .object({
      format: z
        .discriminatedUnion("type", [
          z.object({ type: z.literal("text") }),
          z.object({ type: z.literal("json_object") }),
          z.object({
            type: z.literal("json_schema"),
            name: z.string(),
            schema: schema.optional(),
            strict: z.boolean().nullish(),
          }),
        ])
        .nullish(),
    })
    .nullish(),
  reasoning: z
    .object({ effort: z.enum(["none", "minimal", "low", "medium", "high", "xhigh"]).nullish() })
    .nullish(),
});
type Asked = z.output<typeof Responses>;
type Item = z.output<typeof item>;

function toChat(fields: Fields): ChatRequest {
  const asked = check(Responses, fields);
  return {
    model: asked.model,
    messages: messagesOf(asked),
    ...toolsOf(asked),
    ...formatOf(asked),
    ...some("max_completion_tokens", asked.max_output_tokens),
    ...some("temperature", asked.temperature),
    ...some("top_p", asked.top_p),
    ...some("parallel_tool_calls", asked.parallel_tool_calls),
    ...some("reasoning_effort", asked.reasoning?.effort),
  };
}

function some<Name extends string, T>(
  name: Name,
  value: T | null | undefined,
): { readonly [N in Name]?: T } {
  return value === null || value === undefined
    ? {}
    : ({ [name]: value } as { readonly [N in Name]?: T });
}

function messagesOf({ input, instructions }: Asked): readonly ChatMessage[] {
  const items: readonly Item[] =
    typeof input === "string" ? [{ role: "user", content: input }] : input;
  const messages: ChatMessage[] = instructions ? [{ role: "system", content: instructions }] : [];
  for (const entry of items) {
    const last = messages.at(-1);
    if (entry.type === "reasoning") continue;
    if (entry.type === "function_call") {
      const call = toCall(entry);
      // Calls that a model made together are one turn of its.
      if (last?.role === "assistant") {
        messages[messages.length - 1] = { ...last, tool_calls: [...(last.tool_calls ?? []), call] };
      } else messages.push({ role: "assistant", content: null, tool_calls: [call] });
    } else if (entry.type === "function_call_output") {
      const { call_id: id, output } = entry;
      messages.push({ role: "tool", tool_call_id: id, content: toContent(output) });
    } else messages.push({ role: entry.role, content: toContent(entry.content) });
  }
  return messages;
}

function toCall(entry: Extract<Item, { type: "function_call" }>): ChatToolCall {
  const { call_id: id, name, arguments: json } = entry;
  return { id, type: "function", function: { name, arguments: json } };
}

function toContent(given: z.output<typeof content>): ChatContent {
  return typeof given === "string" ? given : given.map(toPart);
}

function toPart(given: z.output<typeof part>): ChatPart {
  if (given.type === "refusal") return given;
  if (given.type === "input_image") {
    return { type: "image_url", image_url: { url: given.image_url } };
  }
  if (given.type === "input_file") {
    const { file_data, filename } = given;
    return { type: "file", file: { file_data, ...(filename !== undefined && { filename }) } };
  }
  return { type: "text", text: given.text };
}

function toolsOf({ tools, tool_choice: choice }: Asked): Partial<ChatRequest> {
  if (!tools || tools.length === 0) return {};
  return {
    tools: tools.map(({ name, description, parameters, strict }) => ({
      type: "function",
      function: {
        name,
        ...some("description", description),
        ...some("parameters", parameters),
        ...some("strict", strict),
      },
    })),
    ...some(
      "tool_choice",
      typeof choice === "object" && choice
        ? { type: "function" as const, function: { name: choice.name } }
        : choice,
    ),
  };
}

function formatOf({ text }: Asked): Partial<ChatRequest> {
  const format = text?.format;
  if (!format || format.type === "text") return {};
  if (format.type === "json_object") return { response_format: format };
  const { type, ...json_schema } = format;
  return {
    response_format: { type, json_schema: json_schema as { readonly name: string } },
  };
}
