/**
 * What a capability is: what the listing says of it, the shapes of what it takes and gives, and the
 * function that does it. The house offers a list of these; nothing here knows how it is connected.
 */
import type { FaultCode } from "@guildhall/protocol";
import type { TaskInput, TaskName, TaskOutput } from "./workers/tasks.ts";

/** The refusals a capability can give; each means what `protocol/fault-codes.ts` says. */
export type CapabilityErrorCode = Extract<
  FaultCode,
  | "invalid_request"
  | "invalid_file"
  | "unsupported_media_type"
  | "provider_timeout"
  | "provider_failed"
  | "cancelled"
>;

/** A refusal the requester may see. The message says what to change, and never quotes internals. */
export class CapabilityError extends Error {
  override readonly name = "CapabilityError";
  readonly code: CapabilityErrorCode;

  constructor(code: CapabilityErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/**
 * A file in an input: as the requester gave it (`url`), or as the server rewrote it, with an id that
 * the server vouches for (LinkedClaw contract §6.4 and §14).
 */
export interface FileReference {
  url: string;
  file_id?: string;
  mime?: string;
  size?: number;
  filename?: string;
}

/** A file's bytes, and what was said about it. Only the bytes decide what it is. */
export interface FetchedFile {
  readonly bytes: Uint8Array;
  /** Empty where nothing was said. */
  readonly filename: string;
  readonly mime: string;
}

/** What a running capability may use. */
export interface CapabilityContext {
  /** Who asks: the same text for the same requester. */
  readonly requester: string;
  /** Fetches a file of the input. How, and from where it may come, is the SDK's to say. */
  file(reference: FileReference, limits?: { readonly bytesMax?: number }): Promise<FetchedFile>;
  /** Hands a file over to whoever asked; the output names it. */
  upload(file: {
    readonly bytes: Uint8Array;
    readonly filename: string;
  }): Promise<{ readonly file_id: string }>;
  /** Says how far the work is: a share from 0 to 1. The first time, that it has begun. */
  progress(share: number): Promise<void>;
  /** Does CPU work in a worker thread, so that the connection's heartbeat is never late. */
  compute<Name extends TaskName>(task: Name, input: TaskInput<Name>): Promise<TaskOutput<Name>>;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

export type JsonObject = { readonly [key: string]: unknown };

export interface Capability {
  slug: string;
  /** One line, for a list. */
  summary: string;
  /** For the model that chooses: what it does, when to call it, what it takes and gives. */
  description: string;
  inputSchema: JsonObject;
  outputSchema: JsonObject;
  /** LinkedClaw credits for each call; a credit is 100 micros. */
  priceCredits: number;
  /** Called only with input that fits `inputSchema`. */
  run(input: never, context: CapabilityContext): Promise<JsonObject>;
}

const DIALECT = "https://json-schema.org/draft/2020-12/schema";

/** A closed object schema: what it does not name is refused, so that a misspelt option is noticed. */
export function objectSchema(
  properties: JsonObject,
  required: readonly string[],
  examples: readonly JsonObject[],
): JsonObject {
  return {
    $schema: DIALECT,
    type: "object",
    properties,
    required,
    additionalProperties: false,
    ...(examples.length > 0 && { examples }),
  };
}

/** The schema of a file field. What the server adds to a reference is allowed beside the url. */
export function fileSchema(description: string): JsonObject {
  return {
    type: "object",
    description: `${description} Give either {"file_id":"fil_…"} of an upload or {"url":"https://…"}.`,
    properties: {
      file_id: { type: "string", description: "An uploaded file." },
      url: { type: "string", format: "uri", description: "A public https address." },
      mime: { type: "string" },
      size: { type: "integer", minimum: 0 },
      filename: { type: "string", maxLength: 255 },
    },
    // Strict validators want a required property named beside it.
    anyOf: [
      { properties: { file_id: true }, required: ["file_id"] },
      { properties: { url: true }, required: ["url"] },
    ],
    additionalProperties: false,
  };
}
