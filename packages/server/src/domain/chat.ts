/**
 * What is said to a model and what it answers, in the one form that all others are translated to and
 * from: the shape of OpenAI's chat completions, which most programs speak, with the fields that other
 * makers add for reasoning. Names are the shape's own, so that it can be passed on without renaming.
 */

/** A part of a message. Pictures are URLs, `data:` ones among them. */
export type ChatPart =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "refusal"; readonly refusal: string }
  | {
      readonly type: "image_url";
      readonly image_url: { readonly url: string; readonly detail?: string };
    }
  | {
      readonly type: "input_audio";
      readonly input_audio: { readonly data: string; readonly format: string };
    }
  | {
      readonly type: "file";
      readonly file: { readonly file_data?: string; readonly filename?: string };
    };

export type ChatContent = string | readonly ChatPart[];

/** A model asks that a function of its caller's be called. */
export interface ChatToolCall {
  readonly id: string;
  readonly type: "function";
  /** `arguments` is JSON as the model wrote it, which may be no JSON at all. */
  readonly function: { readonly name: string; readonly arguments: string };
  /** What a maker wants back with the call, such as Gemini's signature of a thought. */
  readonly extra_content?: { readonly google?: { readonly thought_signature?: string } };
}

/** A piece of reasoning with what proves it to its maker: it goes back as it came. */
export type ChatReasoning =
  | { readonly type: "reasoning.text"; readonly text: string; readonly signature?: string }
  | { readonly type: "reasoning.encrypted"; readonly data: string };

export type ChatMessage =
  | { readonly role: "system"; readonly content: ChatContent }
  | { readonly role: "developer"; readonly content: ChatContent }
  | { readonly role: "user"; readonly content: ChatContent }
  | {
      readonly role: "assistant";
      readonly content?: ChatContent | null;
      readonly refusal?: string | null;
      readonly tool_calls?: readonly ChatToolCall[];
      readonly reasoning_content?: string | null;
      readonly reasoning_details?: readonly ChatReasoning[];
    }
  | {
      readonly role: "tool";
      readonly tool_call_id: string;
      readonly content: ChatContent;
      /** Whether what the caller ran failed; not every maker has a place for it. */
      readonly is_error?: boolean;
    };

/** A message that is one side's turn: all but what instructs the model. */
export type ChatTurn = Exclude<
  ChatMessage,
  { readonly role: "system" } | { readonly role: "developer" }
>;

export interface ChatTool {
  readonly type: "function";
  readonly function: {
    readonly name: string;
    readonly description?: string;
    /** A JSON schema. */
    readonly parameters?: Readonly<Record<string, unknown>>;
    readonly strict?: boolean | null;
  };
}

export type ChatToolChoice =
  | "none"
  | "auto"
  | "required"
  | { readonly type: "function"; readonly function: { readonly name: string } };

export type ChatResponseFormat =
  | { readonly type: "text" }
  | { readonly type: "json_object" }
  | {
      readonly type: "json_schema";
      readonly json_schema: {
        readonly name: string;
        readonly schema?: Readonly<Record<string, unknown>>;
        readonly strict?: boolean | null;
      };
    };

/** A request. Fields that only some makers know are passed to those, and left out for the others. */
export interface ChatRequest {
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly stream?: boolean;
  readonly max_completion_tokens?: number;
  readonly n?: number;
  readonly temperature?: number;
  readonly top_p?: number;
  readonly top_k?: number;
  readonly stop?: string | readonly string[];
  readonly seed?: number;
  readonly frequency_penalty?: number;
  readonly presence_penalty?: number;
  readonly tools?: readonly ChatTool[];
  readonly tool_choice?: ChatToolChoice;
  readonly parallel_tool_calls?: boolean;
  readonly response_format?: ChatResponseFormat;
  readonly reasoning_effort?: "none" | "minimal" | "low" | "medium" | "high" | "xhigh";
  readonly user?: string;
}

export type ChatFinish = "stop" | "length" | "tool_calls" | "content_filter";

/** As makers of this shape report it: `cached_tokens` are among `prompt_tokens`. */
export interface ChatUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details?: { readonly cached_tokens?: number };
  readonly completion_tokens_details?: { readonly reasoning_tokens?: number };
}

export interface ChatAnswer {
  readonly role: "assistant";
  readonly content: string | null;
  readonly refusal?: string | null;
  readonly tool_calls?: readonly ChatToolCall[];
  readonly reasoning_content?: string;
  readonly reasoning_details?: readonly ChatReasoning[];
}

export interface ChatResponse {
  readonly id: string;
  readonly object: "chat.completion";
  /** Seconds since 1970. */
  readonly created: number;
  readonly model: string;
  readonly choices: readonly {
    readonly index: number;
    readonly message: ChatAnswer;
    readonly finish_reason: ChatFinish;
  }[];
  readonly usage?: ChatUsage;
}

/** A tool call as it grows: its id and name come once, its arguments in pieces. */
export interface ChatToolCallDelta {
  readonly index: number;
  readonly id?: string;
  readonly type?: "function";
  readonly function?: { readonly name?: string; readonly arguments?: string };
  readonly extra_content?: ChatToolCall["extra_content"];
}

export interface ChatDelta {
  readonly role?: "assistant";
  readonly content?: string | null;
  readonly refusal?: string | null;
  readonly tool_calls?: readonly ChatToolCallDelta[];
  readonly reasoning_content?: string | null;
  readonly reasoning_details?: readonly ChatReasoning[];
}

/** A piece of a streamed answer. The last has the usage, and perhaps no choice. */
export interface ChatChunk {
  readonly id: string;
  readonly object: "chat.completion.chunk";
  readonly created: number;
  readonly model: string;
  readonly choices: readonly {
    readonly index: number;
    readonly delta: ChatDelta;
    readonly finish_reason: ChatFinish | null;
  }[];
  readonly usage?: ChatUsage | null;
}

/** Texts whose meanings are asked for as vectors. */
export interface EmbeddingsRequest {
  readonly model: string;
  readonly input: readonly string[] | readonly (readonly number[])[];
  readonly dimensions?: number;
}

/** Vectors in the order of their texts. */
export interface EmbeddingsResponse {
  readonly vectors: readonly (readonly number[])[];
  readonly promptTokens: number;
}
