/**
 * Fetches a file that a run's input names.
 *
 *   1. A reference with a `file_id` was rewritten by the server, whose word is good for any address.
 *      Any other URL is a stranger's: https, and public addresses only, at each redirect again.
 *   2. A server that is away for a moment is asked again; a stranger's address is asked once.
 *   3. The body is counted while it comes, and refused at the byte that is too much.
 */
import { LIMITS } from "@guildhall/protocol";
import { Agent, type Dispatcher, request } from "undici";
import { isPublicAddress, literalAddress, lookupPublic } from "./addresses.ts";
import { ProviderError, RequestError } from "./errors.ts";
import { isPassing, patiently } from "./patience.ts";
import type { FileLimits, ProviderFile } from "./provider-types.ts";

const REDIRECTS_MAX = 3;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const TIMEOUT_MS = 30_000;
const CONNECT_MS = 5_000;

interface FileReference {
  readonly url: URL;
  readonly isFromServer: boolean;
  readonly mime: string | undefined;
  readonly filename: string | undefined;
}

/** Fetches what `reference` names. Throws a `ProviderError` that says what is wrong with it. */
export async function fetchFile(
  reference: unknown,
  signal: AbortSignal,
  limits: FileLimits = {},
): Promise<ProviderFile> {
  const wanted = readReference(reference);
  const lookup = wanted.isFromServer ? {} : { lookup: lookupPublic };
  // Each file comes from an address of its own; an idle connection would only hold the process up.
  const agent = new Agent({ connect: { timeout: CONNECT_MS, ...lookup }, pipelining: 0 });
  const timeout = AbortSignal.timeout(limits.timeoutMs ?? TIMEOUT_MS);
  const either = AbortSignal.any([signal, timeout]);
  const attempt = async () => {
    const response = await follow(wanted, agent, either);
    return read(wanted, response, limits.bytesMax ?? LIMITS.fileBytesMax);
  };
  try {
    const passes = (error: unknown) => wanted.isFromServer && !(error instanceof ProviderError);
    return await patiently(attempt, either, passes);
  } catch (error) {
    if (error instanceof ProviderError) throw error;
    signal.throwIfAborted();
    throw badFile(whyOf(error), { cause: error });
  } finally {
    await agent.destroy();
  }
}

function readReference(reference: unknown): FileReference {
  const fields = (typeof reference === "object" && reference) || {};
  const { url, file_id, mime, filename } = fields as Record<string, unknown>;
  if (typeof url !== "string" || !URL.canParse(url)) throw badFile("A file needs an address.");
  return {
    url: new URL(url),
    isFromServer: typeof file_id === "string",
    mime: typeof mime === "string" ? mime : undefined,
    filename: typeof filename === "string" ? filename : undefined,
  };
}

async function follow(
  { url: first, isFromServer }: FileReference,
  dispatcher: Dispatcher,
  signal: AbortSignal,
): Promise<Dispatcher.ResponseData> {
  let url = first;
  for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
    if (!isFromServer) requirePublic(url);
    const response = await request(url, { dispatcher, signal });
    const { location } = response.headers;
    if (!REDIRECTS.has(response.statusCode) || typeof location !== "string") return response;
    discard(response);
    if (!URL.canParse(location, url.href)) throw badFile("The file's address redirects to none.");
    url = new URL(location, url);
  }
  throw badFile("The file's address redirects too often.");
}

function requirePublic(url: URL): void {
  if (url.protocol !== "https:") throw badFile("The file's address has to be an https URL.");
  const literal = literalAddress(url);
  if (literal === undefined || isPublicAddress(literal)) return;
  throw badFile("The file's address is not on the public internet. Upload the file instead.");
}

async function read(
  { url, mime, filename }: FileReference,
  response: Dispatcher.ResponseData,
  bytesMax: number,
): Promise<ProviderFile> {
  const { statusCode: status } = response;
  if (status !== 200) {
    discard(response);
    const problem = `The file's address answered with status ${status}.`;
    if (isPassing(status)) throw new RequestError(problem, { code: `http_${status}`, status });
    throw badFile(problem);
  }
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response.body as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > bytesMax) throw badFile(`The file is larger than ${bytesMax} bytes.`);
    parts.push(part);
  }
  const type = response.headers["content-type"];
  return {
    bytes: Buffer.concat(parts, bytes),
    mime: mime ?? (typeof type === "string" ? type : ""),
    filename: filename ?? url.pathname.split("/").at(-1) ?? "",
  };
}

/** Ends an answer whose body nobody wants; the stream would throw that into the air. */
function discard({ body }: Dispatcher.ResponseData): void {
  body.on("error", () => undefined).destroy();
}

function whyOf(error: unknown): string {
  if (error instanceof RequestError) return error.message;
  const isLate = error instanceof Error && /^(?:Timeout|Abort)Error$/.test(error.name);
  return isLate ? "The file took too long." : "The file could not be fetched.";
}

function badFile(message: string, options?: ErrorOptions): ProviderError {
  return new ProviderError("provider_failed", message, options);
}
