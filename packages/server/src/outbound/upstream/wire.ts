/** What an interface's wire is, for whoever sends and reads bytes: how to ask, and how to understand. */
import type {
  AnswerPiece,
  AskOptions,
  ModelRequest,
  UpstreamEndpoint,
  UpstreamRoute,
} from "../../core/ports.ts";
import type { Fault } from "../../domain/fault.ts";
import type { TokenUsage } from "../../domain/token-price.ts";

/** One HTTP request: always a POST of JSON. */
export interface WireRequest {
  readonly url: string;
  /** In pairs, name and value, as undici takes them. */
  readonly headers: readonly string[];
  readonly body: Buffer | string;
}

/** Understands one answer. Made anew for each. */
export interface AnswerReader {
  /** The next bytes of a stream. */
  push(bytes: Buffer): readonly AnswerPiece[];
  /** The stream is over. */
  end(): readonly AnswerPiece[];
  /** What went wrong behind the pieces that were given so far: reported within the stream, or broken off. */
  readonly failure: Fault | undefined;
  /** An answer that came at once. @throws {Fault} `provider_bad_output` */
  whole(bytes: Buffer): AnswerPiece;
  /** Whether the answer has come to its end. */
  readonly isWhole: boolean;
  usage(): TokenUsage | undefined;
}

export interface Wire {
  /** @throws {Fault} `invalid_request` where the interface has nothing for what is asked */
  encode(
    route: UpstreamRoute,
    endpoint: UpstreamEndpoint,
    request: ModelRequest,
    options: AskOptions,
  ): WireRequest;
  reader(route: UpstreamRoute, request: ModelRequest): AnswerReader;
  /** What a status other than 200 means. */
  faultOf(status: number, body: Buffer): Fault;
}
