/** Hands work to an HTTP address: one POST each, its answer in a body with status 200. */
import { LIMITS } from "@guildhall/protocol";
import { ProviderError } from "@guildhall/sdk";
import { usageFailure } from "../../failure.ts";
import { fieldsOf } from "../../server.ts";
import { type Answer, handlerOf } from "./answer.ts";
import type { Handler } from "./handler.ts";
import type { Job } from "./job.ts";

export function httpHandler(address: string): Handler {
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol)) {
    throw usageFailure(`--handler-http is not an address: ${address}`);
  }
  return handlerOf(
    (job, signal) => post(address, job, signal),
    () => Promise.resolve(),
  );
}

/** The signal ends it at the work's deadline, so it needs no time limit of its own. */
async function post(address: string, job: Job, signal: AbortSignal): Promise<Answer> {
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
    const message = `The handler answered with status ${response.status}.`;
    throw new ProviderError("provider_failed", message);
  }
  return fieldsOf(parsed(await bounded(response)));
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
