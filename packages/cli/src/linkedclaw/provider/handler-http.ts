/** Hands work to an HTTP address: one POST each, its answer in a body with status 200. */
import { LIMITS } from "@guildhall/protocol";
import { ProviderError } from "@guildhall/sdk";
import { usageFailure } from "../../failure.ts";
import { fieldsOf } from "../../server.ts";
import { type Handler, outputOf } from "./handler.ts";

export function httpHandler(address: string): Handler {
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol)) {
    throw usageFailure(`--handler-http is not an address: ${address}`);
  }
  return {
    async run(job, signal) {
      // The signal ends it at the work's deadline, so it needs no time limit of its own.
      const response = await fetch(address, {
        method: "POST",
        headers: { "content-type": "application/json", accept: "application/json" },
        body: JSON.stringify(job),
        redirect: "error",
        signal,
      }).catch((error: unknown) => {
        throw new ProviderError("provider_failed", "The handler could not be reached.", {
          cause: error,
        });
      });
      if (response.status !== 200) {
        await response.body?.cancel();
        throw new ProviderError(
          "provider_failed",
          `The handler answered with status ${response.status}.`,
        );
      }
      return outputOf(fieldsOf(parsed(await bounded(response))));
    },
    close: () => Promise.resolve(),
  };
}

async function bounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > LIMITS.bodyBytesMax) {
      throw new ProviderError("provider_bad_output", "The handler's answer is larger than 1 MB.");
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ProviderError("provider_bad_output", "The handler's answer is not JSON.");
  }
}
