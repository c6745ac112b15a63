/** What core asks of interfaces that answer for models. `outbound/upstream/` fulfils it. */
import type {
  ChatChunk,
  ChatRequest,
  ChatResponse,
  EmbeddingsRequest,
  EmbeddingsResponse,
} from "../domain/chat.ts";
import type { TokenUsage } from "../domain/token-price.ts";
import type { UpstreamKind } from "../domain/upstream.ts";

export type { UpstreamKind } from "../domain/upstream.ts";

/**
 * The language in which a model is asked and answers. Core hands payloads on and never looks: who
 * asks and who answers may speak the same one, and then the bytes go through as they are. `converted`
 * is nobody's own: it is always worded anew.
 */
export type ModelDialect = "chat" | "responses" | "messages" | "embeddings" | "converted";

/** What somebody asks of a model, as they said it. */
export interface ModelRequest {
  readonly dialect: ModelDialect;
  /** One JSON object in UTF-8, as it came, without a member that stands there twice. */
  readonly body: Buffer;
  readonly isStream: boolean;
  /** Whether the caller asked to be told the usage within the stream. */
  readonly wantsUsage: boolean;
  /** The same request in the one form that all others are made from. @throws {Fault} `invalid_request` */
  toChat(): ChatRequest;
  /** The same of a request for vectors. @throws {Fault} `invalid_request` */
  toEmbeddings(): EmbeddingsRequest;
}

/** One address of an interface, with the key that it takes. */
export interface UpstreamEndpoint {
  /** Names it for as long as it exists: failures are remembered by it. */
  readonly id: string;
  /** Without a slash at its end. The operator gave it, so it may be anywhere. */
  readonly url: string;
  readonly key: string | undefined;
  /** How much of the calls it gets, beside the others. Above zero. */
  readonly weight: number;
}

/** One model at one interface: where a call of it may go. */
export interface UpstreamRoute {
  readonly kind: UpstreamKind;
  /** What the interface itself calls the model. */
  readonly upstreamModel: string;
  /** Whether it has `/responses` (an OpenAI-compatible one). */
  readonly hasResponses: boolean;
  readonly endpoints: readonly UpstreamEndpoint[];
}

export interface AskOptions {
  /** The most output that is paid for, an answer: it goes along as the limit, unless the caller's is lower. */
  readonly outputTokensMax: number;
  /** Fires when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/** A part of an answer. It is in the request's own dialect, or in the one form, and never in both. */
export interface AnswerPiece {
  /** Whole events of a stream, or the whole answer. */
  readonly bytes?: Buffer;
  readonly chunk?: ChatChunk;
  readonly response?: ChatResponse;
  readonly embeddings?: EmbeddingsResponse;
  /** Bytes of what the model wrote, for counting what was delivered. */
  readonly textBytes: number;
  /** In how many events of a stream they came: each is a token or more. */
  readonly textEvents: number;
}

export interface ModelAnswer {
  /**
   * To be read once, and as fast as the reader can take it. Ends where the answer is whole.
   *
   * @throws {Fault} `provider_failed`, `provider_timeout`, `provider_bad_output`
   */
  readonly pieces: AsyncIterable<AnswerPiece>;
  /** Whether the interface has said that this is all, even where its last piece was not taken yet. */
  isWhole(): boolean;
  /** What the interface counted; known once all pieces were read, and not always then. */
  usage(): TokenUsage | undefined;
}

/** Interfaces that answer for models. */
export interface ModelUpstreams {
  /**
   * Asks the first route, and the next ones where it fails before its first byte. Resolves when an
   * answer begins.
   *
   * @throws {Fault} `invalid_request` where the interface says that the request is wrong;
   * `provider_busy`, `provider_offline`, `provider_unconfigured`, `provider_timeout`,
   * `provider_failed`, `provider_bad_output`; `cancelled` where the signal fired
   */
  ask(
    routes: readonly UpstreamRoute[],
    request: ModelRequest,
    options: AskOptions,
  ): Promise<ModelAnswer>;
}
