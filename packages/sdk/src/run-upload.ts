/** Files that a handler made for its run. */
import { LIMITS, PROVIDER_PATH } from "@guildhall/protocol";
import { FormData } from "undici";
import { ProviderError, RequestError } from "./errors.ts";
import { createJsonClient } from "./http.ts";
import { patiently } from "./patience.ts";
import type { UploadFile } from "./requester-types.ts";

/**
 * Hands a file over to whoever asked for the run. A server that restarts meanwhile is waited for
 * for a minute: what took long to make is not lost by it. Rejects with a `ProviderError`
 * whose message says what the server had against it.
 */
export async function uploadForRun(
  { url, key }: { readonly url: string; readonly key: string },
  runId: string,
  { bytes, filename }: UploadFile,
  signal: AbortSignal,
): Promise<{ readonly file_id: string }> {
  if (bytes.byteLength > LIMITS.fileBytesMax) {
    const message = `The file is larger than ${LIMITS.fileBytesMax} bytes.`;
    throw new ProviderError("provider_failed", message);
  }
  const server = new URL(url);
  server.protocol = server.protocol.replace(/^ws/, "http");
  if (server.pathname.endsWith(PROVIDER_PATH)) {
    server.pathname = server.pathname.slice(0, -PROVIDER_PATH.length);
  }
  const client = createJsonClient(server.href, () => ({ authorization: `Bearer ${key}` }));
  const file = new File([new Uint8Array(bytes)], filename);
  const path = `/api/guildhall/v1/runs/${runId}/files`;
  const attempt = () => {
    const form = new FormData();
    form.append("file", file);
    return client.ask({ method: "POST", path, form, signal }) as Promise<{ file_id: string }>;
  };
  try {
    return await patiently(attempt, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof RequestError)) throw error;
    const message = `The file could not be handed over: ${error.code}: ${error.message}`;
    throw new ProviderError("provider_failed", message, { cause: error });
  } finally {
    await client.close();
  }
}
