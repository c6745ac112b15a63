/** Files that a handler made for its run. */
import { PROVIDER_PATH } from "@guildhall/protocol";
import { FormData } from "undici";
import { ProviderError, RequestError } from "./errors.ts";
import { createJsonClient } from "./http.ts";
import type { UploadFile } from "./requester-types.ts";

/**
 * Hands a file over to whoever asked for the run. Rejects with a `ProviderError` whose message says
 * what the server had against it.
 */
export async function uploadForRun(
  { url, key }: { readonly url: string; readonly key: string },
  runId: string,
  { bytes, filename }: UploadFile,
  signal: AbortSignal,
): Promise<{ readonly file_id: string }> {
  const server = new URL(url);
  server.protocol = server.protocol.replace(/^ws/, "http");
  if (server.pathname.endsWith(PROVIDER_PATH)) {
    server.pathname = server.pathname.slice(0, -PROVIDER_PATH.length);
  }
  const client = createJsonClient(server.href, () => ({ authorization: `Bearer ${key}` }));
  const form = new FormData();
  form.append("file", new File([new Uint8Array(bytes)], filename));
  const path = `/api/guildhall/v1/runs/${runId}/files`;
  try {
    return (await client.ask({ method: "POST", path, form, signal })) as { file_id: string };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof RequestError)) throw error;
    const message = `The file could not be handed over: ${error.code}: ${error.message}`;
    throw new ProviderError("provider_failed", message, { cause: error });
  } finally {
    await client.close();
  }
}
