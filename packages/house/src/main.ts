/**
 * The house's process: an ordinary provider.
 *
 *   1. Publish the listing. While the server cannot be reached, wait and try again.
 *   2. Connect, and do one run for each core at a time.
 *   3. On SIGTERM or SIGINT, or when the server that started it is gone, take no more work, finish what
 *      is under way, and end.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { connectProvider, ProviderError } from "@guildhall/sdk";
import {
  CapabilityError,
  createHouse,
  HOUSE_CAPABILITIES,
  HOUSE_CONCURRENCY,
  HOUSE_QUEUES,
} from "./index.ts";
import { ListingError, publishListing } from "./listing.ts";
import { removeLeftovers } from "./video/folder.ts";

const RETRY_MS_MIN = 200;
const RETRY_MS_MAX = 5_000;
/** Whoever started this process gives it 8 s to end. */
const DRAIN_MS = 6_000;

const stopping = new AbortController();
process.once("SIGTERM", () => stopping.abort());
process.once("SIGINT", () => stopping.abort());
// A server that was killed could tell nobody; whatever it starts next is not this process.
process.once("disconnect", () => stopping.abort());
process.channel?.unref();

try {
  await serve(setting("GUILDHALL_URL"), setting("GUILDHALL_HOUSE_KEY"));
} catch (error) {
  if (!stopping.signal.aborted) {
    say("failed", { error: error instanceof Error ? error.message : String(error) });
    process.exitCode = 1;
  }
}

async function serve(server: string, key: string): Promise<void> {
  await removeLeftovers();
  const house = createHouse((event, detail) => say(event, { detail }));
  const agentId = await published(server, key);
  const connection = connectProvider({
    url: server,
    key,
    agentId,
    client: "guildhall-house/1.0.0",
    concurrency: HOUSE_CONCURRENCY,
    apart: HOUSE_QUEUES,
    capabilities: HOUSE_CAPABILITIES.map(({ slug }) => slug),
    onState: (state) =>
      say(state.kind, { agentId, ...("reason" in state && { reason: state.reason }) }),
    // What was wrong with an input is the requester's to know; only what we did not expect is ours.
    onError: (error, run) => {
      if (!(error instanceof ProviderError)) say("run-failed", { ...run, error: String(error) });
    },
    handlers: {
      run: async (input, { capability, requester, signal, file, upload, chunk }) => {
        const progress = (share: number) => chunk({ progress: share });
        try {
          const context = { requester, signal, file, upload, progress };
          return { output: await house.run(capability, input, context) };
        } catch (error) {
          throw toProviderError(error);
        }
      },
    },
  });
  // What is not done by then is offered to the next one, where there is one within half a minute.
  const stop = () => void connection.stop({ drainMs: DRAIN_MS, comesBack: true });
  if (stopping.signal.aborted) stop();
  else stopping.signal.addEventListener("abort", stop, { once: true });
  const { closing, reason } = await connection.stopped;
  await house.close();
  if (!stopping.signal.aborted) throw new Error(`The server ended it (${closing}): ${reason}`);
}

async function published(server: string, key: string): Promise<string> {
  for (let waitMs = RETRY_MS_MIN; ; waitMs = Math.min(waitMs * 2, RETRY_MS_MAX)) {
    try {
      return await publishListing(server, key);
    } catch (error) {
      // A refusal stays one; a server that is starting, or overloaded, comes back.
      const isPassing =
        error instanceof ListingError && (error.status === 0 || error.status >= 500);
      if (!isPassing) throw error;
      say("waiting", { reason: error.message });
      await sleep(waitMs, undefined, { signal: stopping.signal });
    }
  }
}

/** A requester learns what was wrong with the file or the input; the code says whose fault it was. */
function toProviderError(error: unknown): unknown {
  if (!(error instanceof CapabilityError)) return error;
  const code = error.code === "provider_timeout" ? "provider_timeout" : "provider_failed";
  const isInputs = error.code !== code && error.code !== "cancelled";
  const message = isInputs ? `${error.code}: ${error.message}` : error.message;
  return new ProviderError(code, message, { cause: error });
}

function setting(name: "GUILDHALL_URL" | "GUILDHALL_HOUSE_KEY"): string {
  const value = process.env[name]?.trim();
  if (!value) throw new Error(`${name} is not set.`);
  return value;
}

/**
 * One line of JSON on standard error: whoever started this process reads it there. Of a person it is
 * read at a terminal, by its words.
 */
function say(event: string, facts: Readonly<Record<string, unknown>>): void {
  const at = new Date().toTimeString().slice(0, 8);
  const line = process.stderr.isTTY
    ? `${at} the house: ${event} ${JSON.stringify(facts)}`
    : JSON.stringify({ program: "house", event, ...facts });
  process.stderr.write(`${line}\n`);
}
