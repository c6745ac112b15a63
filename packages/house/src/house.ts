/**
 * The house's work, without its connection: check the input, fetch files, compute in a thread.
 */
import { availableParallelism } from "node:os";
import type { ProviderOptions } from "@guildhall/sdk";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import {
  type Capability,
  type CapabilityContext,
  CapabilityError,
  type JsonObject,
} from "./capability.ts";
import { MARKDOWN_CONVERT } from "./documents/markdown-convert.ts";
import { EMBEDDINGS } from "./language/embeddings.ts";
import { RERANKER } from "./language/reranker.ts";
import { VIDEO, VIDEOS_MAX, VIDEOS_OF_ONE_MAX } from "./video/video.ts";
import { FACE_DETECT } from "./vision/face-detect.ts";
import { IMAGE_TAGGING } from "./vision/image-tagging.ts";
import { type PoolEvents, WorkerPool } from "./workers/pool.ts";

/** All that the house offers. */
export const HOUSE_CAPABILITIES: readonly Capability[] = [
  MARKDOWN_CONVERT,
  EMBEDDINGS,
  RERANKER,
  IMAGE_TAGGING,
  FACE_DETECT,
  VIDEO,
];

/** As many jobs as the machine has cores for: more would only make each other late. */
export const HOUSE_CONCURRENCY = availableParallelism();

/** Work that waits in a queue of its own, and keeps no core from the rest: so many of each are taken on. */
export const HOUSE_QUEUES: NonNullable<ProviderOptions["apart"]> = {
  [VIDEO.slug]: { places: VIDEOS_MAX, perRequester: VIDEOS_OF_ONE_MAX },
};

/** Each may take half a gigabyte for a large document. */
const DOCUMENT_THREADS_MAX = 4;

/** What the house is given for a run; threads it has itself. */
export type HouseContext = Omit<CapabilityContext, "compute">;

export interface House {
  /**
   * Runs a capability by its slug. Rejects with a CapabilityError, or with what `file` rejected with:
   * input that does not fit the schema is `invalid_request`, a file that cannot be read `invalid_file`.
   */
  run(slug: string, input: unknown, context: HouseContext): Promise<JsonObject>;
  /** Ends the threads. Runs that are under way are refused as cancelled. */
  close(): Promise<void>;
}

/** Starts nothing yet: threads and models come with the first run that needs them. */
export function createHouse(onEvent?: PoolEvents): House {
  const pool = new WorkerPool(Math.min(HOUSE_CONCURRENCY, DOCUMENT_THREADS_MAX), onEvent);
  const checks = compileInputs();
  return {
    async run(slug, input, context) {
      const capability = HOUSE_CAPABILITIES.find((each) => each.slug === slug);
      const check = checks.get(slug);
      if (!capability || !check) {
        throw new CapabilityError("invalid_request", `The house has no capability "${slug}".`);
      }
      requireFit(check, input);
      // The schema has just said that the input is what this capability takes.
      return await capability.run(input as never, {
        ...context,
        compute: (task, taskInput) => pool.run(task, taskInput, context.signal),
      });
    },
    close: () => pool.close(),
  };
}

function compileInputs(): Map<string, ValidateFunction> {
  const ajv = new Ajv2020({ allErrors: false, strict: true });
  formats.default(ajv);
  return new Map(
    HOUSE_CAPABILITIES.map(({ slug, inputSchema }) => [slug, ajv.compile(inputSchema)]),
  );
}

function requireFit(check: ValidateFunction, input: unknown): void {
  if (check(input)) return;
  const [error] = check.errors ?? [];
  const where = error?.instancePath.slice(1).replaceAll("/", ".") || "The input";
  const extra = error?.params.additionalProperty;
  const what = extra ? `${error?.message} ("${extra}")` : (error?.message ?? "does not fit");
  throw new CapabilityError("invalid_request", `${where} ${what}.`);
}
