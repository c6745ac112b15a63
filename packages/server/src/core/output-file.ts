/** Files in the output of work: what a provider made, kept by the server for whoever asked. */
import { unprefixed } from "@guildhall/protocol";
import { FILE_PREFIX } from "../domain/asset.ts";

/** The stored file that an output is about: `{"file": {"file_id": "fil_…"}}`, beside whatever else. */
export function artifactIdIn(output: unknown): string | undefined {
  const { file } = (output ?? {}) as { readonly file?: unknown };
  const { file_id: id } = (file ?? {}) as { readonly file_id?: unknown };
  return typeof id === "string" ? unprefixed(FILE_PREFIX, id) : undefined;
}
