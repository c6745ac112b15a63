/** The thread on which schemas are compiled and values checked. Answers one job after another. */
import assert from "node:assert/strict";
import { parentPort } from "node:worker_threads";
import { CheckCache, UnusableSchema } from "./checker.ts";

/** Without `schemaText`, the schema is expected to be known. */
export interface Job {
  readonly digest: string;
  readonly schemaText?: string;
  /** Absent where the schema alone is to be checked. */
  readonly value?: { readonly is: unknown };
}

export type Answer =
  | { readonly problems: readonly string[] }
  | { readonly unusable: string }
  /** Send the job again, with the schema. */
  | { readonly isUnknown: true };

const COMPILED_MAX = 500;
const checks = new CheckCache(COMPILED_MAX);

function answer({ digest, schemaText, value }: Job): Answer {
  try {
    const known = checks.find(digest);
    if (!known && schemaText === undefined) return { isUnknown: true };
    const check = known ?? checks.add(digest, schemaText ?? "");
    return { problems: value ? check(value.is) : [] };
  } catch (error) {
    if (error instanceof UnusableSchema) return { unusable: error.message };
    // A stack that overflowed on deep recursion, for one.
    return { problems: ["the value is too complex to be checked"] };
  }
}

assert(parentPort, "runs on a thread");
const port = parentPort;
port.on("message", (job: Job) => port.postMessage(answer(job)));
port.postMessage("ready");
