/**
 * One HTTP exchange, over Node's own client: no redirect is followed unless asked, nothing is
 * decoded unless asked, and both the time and the size of an answer are bounded.
 */
import type http from "node:http";
import type https from "node:https";
import { createRequire } from "node:module";
import type { Readable } from "node:stream";

// Importing one of these as a module reads all that it exports, `fetch` and its kin included, which
// takes half as long again as a whole command does.
const require = createRequire(import.meta.url);
const clientOf = (url: URL): typeof http | typeof https =>
  require(url.protocol === "https:" ? "node:https" : "node:http");

export interface HttpRequest {
  readonly method: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** Text or bytes; a stream says its own length in the headers. */
  readonly body?: string | Buffer | Readable | undefined;
  /** From the first byte sent to the last one received. */
  readonly timeoutMs: number;
  readonly answerBytesMax: number;
  /** Told of each piece of the answer as it comes. */
  readonly onPiece?: ((piece: Buffer, answer: http.IncomingMessage) => void) | undefined;
  /** Told of headers that come before the answer (RFC 8297). */
  readonly onEarlyHeaders?: ((headers: http.IncomingHttpHeaders) => void) | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

/** No answer in time. */
export class HttpTimeout extends Error {
  override readonly name = "HttpTimeout";
}

/** The answer is larger than it may be. */
export class HttpTooLarge extends Error {
  override readonly name = "HttpTooLarge";
}

/**
 * Sends a request and reads the whole answer. Rejects with Node's error where there is no
 * connection, with `HttpTimeout` or `HttpTooLarge` where a bound is crossed.
 */
export function exchange(request: HttpRequest): Promise<HttpAnswer> {
  const { method, url, body, timeoutMs } = request;
  const client = clientOf(url);
  return new Promise((resolve, reject) => {
    const timeout = AbortSignal.timeout(timeoutMs);
    const give = (error: Error) => reject(timeout.aborted ? new HttpTimeout("no answer") : error);
    const headers = headersOf(request);
    let isAnswered = false;
    const sent = client.request(
      url,
      { method, headers, signal: timeout, agent: false },
      (answer) => {
        isAnswered = true;
        readAll(answer, request).then(
          (bytes) =>
            resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: bytes }),
          give,
        );
      },
    );
    // A server may refuse an upload before it has all of it. Its answer counts, not the broken pipe.
    sent.on("information", (info) => request.onEarlyHeaders?.(info.headers));
    sent.on("error", (error) => !isAnswered && give(error));
    if (body === undefined || typeof body === "string" || Buffer.isBuffer(body)) sent.end(body);
    // A stream that breaks off (a file that shrank) must break the request off as well.
    else body.on("error", (error) => sent.destroy(error)).pipe(sent);
  });
}

function headersOf({ headers = {}, body }: HttpRequest): http.OutgoingHttpHeaders {
  const said = Object.entries(headers).filter(([, value]) => value !== undefined);
  const length =
    typeof body === "string" || Buffer.isBuffer(body)
      ? { "content-length": Buffer.byteLength(body) }
      : {};
  // Bodies are compared with digests, byte by byte, so nobody is to compress them on the way.
  return { "accept-encoding": "identity", ...Object.fromEntries(said), ...length };
}

async function readAll(
  answer: http.IncomingMessage,
  { answerBytesMax: bytesMax, onPiece }: HttpRequest,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    // Leaving the loop destroys the answer and its connection.
    if (bytes > bytesMax) throw new HttpTooLarge(`more than ${bytesMax} bytes`);
    chunks.push(chunk);
    onPiece?.(chunk, answer);
  }
  if (!answer.complete) throw new Error("the connection was cut in the middle of the answer");
  return Buffer.concat(chunks);
}
