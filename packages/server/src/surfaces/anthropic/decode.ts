/**
 * `POST /v1/messages` -> our question. What every request goes by is checked by hand; the whole of one is
 * looked at only where it has to be said in another interface's words.
 */
import { z } from "zod";
import type { ModelQuestion } from "../../core/index.ts";
import type {
  ChatContent,
  ChatMessage,
  ChatPart,
  ChatReasoning,
  ChatRequest,
  ChatToolChoice,
} from "../../domain/chat.ts";
import { check } from "../shared/check.ts";
import {
  type Fields,
  flagOf,
  invalid,
  type ModelBody,
  modelOf,
  objectsIn,
  wholeNumber,
} from "../shared/model-body.ts";
import { inputSizeOf } from "../shared/model-input.ts";

/** A question, but for what its headers say. */
export type Question = Omit<ModelQuestion, "maxMicros" | "chainId">;

const TOKENS_MAX = 10_000_000;
const MESSAGES_MAX = 100_000;
/** Tools that the interface would run itself, and charge for. Those of the caller's own are named otherwise. */
const OWN_TOOLS = /^(?:custom|bash_\d+|text_editor_\d+|computer_\d+|memory_\d+)$/;
/** What names or uses something that is kept in the operator's account, or is charged beside the tokens. */
const NOT_OFFERED = ["mcp_servers", "container", "speed", "inference_geo"];
const PLAIN_TIERS: readonly unknown[] = [undefined, null, "auto", "standard_only"];

/** @throws {Fault} `invalid_request` */
export function decodeMessages(body: ModelBody): Question {
  const { fields } = body;
  const messages = objectsIn(fields, "messages");
  if (messages.length === 0 || messages.length > MESSAGES_MAX) {
    throw invalid("messages", `messages: give 1 to ${MESSAGES_MAX} of them.`);
  }
  const outputTokensMax = wholeNumber(fields, "max_tokens", 1, TOKENS_MAX);
  if (outputTokensMax === undefined) throw invalid("max_tokens", "max_tokens: Field required");
  refuseWhatHasNoPrice(fields);
  return {
    model: modelOf(fields),
    request: {
      dialect: "messages",
      body: body.bytes,
      isStream: flagOf(fields, "stream") ?? false,
      wantsUsage: true,
      toChat: () => toChat(fields),
      toEmbeddings() {
        throw invalid("model", "This model is not one for such a request.");
      },
    },
    ...inputSizeOf(body),
    ...{ choices: 1, outputTokensMax },
    inputDigest: body.digest,
  };
}

function refuseWhatHasNoPrice(fields: Fields): void {
  if (!PLAIN_TIERS.includes(fields.service_tier)) {
    throw invalid("service_tier", "service_tier: only the standard one is offered here.");
  }
  for (const name of NOT_OFFERED) {
    const isThere = fields[name] !== undefined && fields[name] !== null;
    if (isThere) throw invalid(name, `${name}: not offered here.`);
  }
  for (const { type } of objectsIn(fields, "tools")) {
    if (type !== undefined && (typeof type !== "string" || !OWN_TOOLS.test(type))) {
      throw invalid("tools", "tools: only those that you run yourself are offered here.");
    }
  }
}

const text = z.object({ type: z.literal("text"), text: z.string() });
const source = z.discriminatedUnion("type", [
  z.object({ type: z.literal("base64"), media_type: z.string().max(100), data: z.string() }),
  z.object({ type: z.literal("url"), url: z.string() }),
  z.object({ type: z.literal("text"), media_type: z.string().optional(), data: z.string() }),
]);
const image = z.object({ type: z.literal("image"), source });
const document = z.object({ type: z.literal("document"), source });
const block = z.discriminatedUnion("type", [
  text,
  image,
  document,
  z.object({ type: z.literal("thinking"), thinking: z.string(), signature: z.string() }),
  z.object({ type: z.literal("redacted_thinking"), data: z.string() }),
  z.object({ type: z.literal("tool_use"), id: z.string(), name: z.string(), input: z.unknown() }),
  z.object({
    type: z.literal("tool_result"),
    tool_use_id: z.string(),
    content: z.union([z.string(), z.array(z.union([text, image, document]))]).optional(),
    is_error: z.boolean().optional(),
  }),
]);
const schema = z.record(z.string(), z.unknown());

const Messages = z.object({
  model: z.string(),
  max_tokens: z.int(),
  system: z.union([z.string(), z.array(text)]).optional(),
  messages: z.array(
    z.object({
      role: z.enum(["user", "assistant"]),
      content: z.union([z.string(), z.array(block)]),
    }),
  ),
  temperature: z.number().optional(),
  top_p: z.number().optional(),
  top_k: z.int().optional(),
  stop_sequences: z.array(z.string()).optional(),
  tools: z
    .array(
      z.object({
        type: z.literal("custom").nullish(),
        name: z.string(),
        description: z.string().optional(),
        input_schema: schema,
      }),
    )
    .optional(),
  tool_choice: z
    .object({
      type: z.enum(["auto", "any", "tool", "none"]),
      name: z.string().optional(),
      disable_parallel_tool_use: z.boolean().optional(),
    })
    .optional(),
  thinking: z
    .object({
      type: z.enum(["enabled", "disabled", "adaptive"]),
      budget_tokens: z.int().optional(),
    })
    .optional(),
  output_config: z
    .object({
      format: z.object({ type: z.literal("json_schema"), schema }).nullish(),
    })
    .optional(),
});
type Asked = z.output<typeof Messages>;
type Block = z.output<typeof block>;

function toChat(fields: Fields): ChatRequest {
  const asked = check(Messages, fields);
  const { temperature, top_p, top_k, stop_sequences: stop, tool_choice: choice } = asked;
  const schemaOf = asked.output_config?.format?.schema;
  return {
    model: asked.model,
    messages: [...systemOf(asked), ...asked.messages.flatMap(turnOf)],
    max_completion_tokens: asked.max_tokens,
    ...(temperature !== undefined && { temperature }),
    ...(top_p !== undefined && { top_p }),
    ...(top_k !== undefined && { top_k }),
    ...(stop !== undefined && { stop }),
    ...(asked.tools && asked.tools.length > 0 && { tools: asked.tools.map(toolOf) }),
    ...(choice && { tool_choice: choiceOf(choice) }),
    ...(choice?.disable_parallel_tool_use && { parallel_tool_calls: false }),
    ...(asked.thinking && effortOf(asked)),
    ...(schemaOf && {
      response_format: {
        type: "json_schema" as const,
        json_schema: { name: "answer", schema: schemaOf, strict: true },
      },
    }),
  };
}

function toolOf({ name, description, input_schema }: NonNullable<Asked["tools"]>[number]) {
  const words = description === undefined ? {} : { description };
  return { type: "function" as const, function: { name, ...words, parameters: input_schema } };
}

/** How much of the output may be thought, in the words that others have for it. */
function effortOf({ thinking, max_tokens: limit }: Asked): Partial<ChatRequest> {
  if (!thinking || thinking.type === "disabled") return {};
  const share = (thinking.budget_tokens ?? limit / 2) / limit;
  if (share <= 0.25) return { reasoning_effort: "low" };
  return { reasoning_effort: share <= 0.6 ? "medium" : "high" };
}

function choiceOf({ type, name }: NonNullable<Asked["tool_choice"]>): ChatToolChoice {
  if (type === "any") return "required";
  if (type !== "tool") return type;
  if (name === undefined) throw invalid("tool_choice", "tool_choice.name: Field required");
  return { type: "function", function: { name } };
}

function systemOf({ system }: Asked): ChatMessage[] {
  if (system === undefined || system.length === 0) return [];
  return [{ role: "system", content: system }];
}

/** One turn of this wire may be several messages elsewhere: what tools answered stands by itself there. */
function turnOf({ role, content }: Asked["messages"][number]): ChatMessage[] {
  if (typeof content === "string") return [{ role, content }];
  return role === "assistant" ? [assistantTurn(content)] : userTurn(content);
}

function userTurn(blocks: readonly Block[]): ChatMessage[] {
  const results = blocks.flatMap((found): ChatMessage[] => {
    if (found.type !== "tool_result") return [];
    const { tool_use_id: id, content = "", is_error: isError } = found;
    const said: ChatContent = typeof content === "string" ? content : content.map(partOf);
    return [{ role: "tool", tool_call_id: id, content: said, ...(isError && { is_error: true }) }];
  });
  const parts = blocks.flatMap((found) => (isPart(found) ? [partOf(found)] : []));
  return parts.length === 0 ? results : [...results, { role: "user", content: parts }];
}

function assistantTurn(blocks: readonly Block[]): ChatMessage {
  const parts = blocks.flatMap((found) => (isPart(found) ? [partOf(found)] : []));
  const calls = blocks.flatMap((found) => {
    if (found.type !== "tool_use") return [];
    const { id, name, input } = found;
    const called = { name, arguments: JSON.stringify(input ?? {}) };
    return [{ id, type: "function" as const, function: called }];
  });
  const thoughts = blocks.flatMap((found): ChatReasoning[] => {
    if (found.type === "redacted_thinking") {
      return [{ type: "reasoning.encrypted", data: found.data }];
    }
    // What was signed by nobody goes back to nobody: it came from a model that does not sign.
    if (found.type !== "thinking" || found.signature === "") return [];
    return [{ type: "reasoning.text", text: found.thinking, signature: found.signature }];
  });
  return {
    role: "assistant",
    content: parts.length === 0 ? null : parts,
    ...(calls.length > 0 && { tool_calls: calls }),
    ...(thoughts.length > 0 && { reasoning_details: thoughts }),
  };
}

type Part = Extract<Block, { type: "text" | "image" | "document" }>;

function isPart(found: Block): found is Part {
  return found.type === "text" || found.type === "image" || found.type === "document";
}

function partOf(found: Part): ChatPart {
  if (found.type === "text") return { type: "text", text: found.text };
  const { source: from } = found;
  if (from.type === "text") return { type: "text", text: from.data };
  const url = from.type === "url" ? from.url : `data:${from.media_type};base64,${from.data}`;
  if (found.type === "image") return { type: "image_url", image_url: { url } };
  return { type: "file", file: { file_data: url } };
}
