/** What `gig-task create` is given: YAML or JSON, in a file, on stdin, or on the line itself. */
import { existsSync } from "node:fs";
import { type Failure, messageOf, usageFailure } from "../../failure.ts";
import { readNamedFile, readStdin } from "../../input.ts";

export type Manifest = Readonly<Record<string, unknown>>;

/** Reads a task's manifest. What its fields may be is for the server to say. */
export async function readManifest(named: string): Promise<Manifest> {
  const { parse } = await import("yaml");
  const text = await textOf(named);
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 0 });
  } catch (error) {
    throw invalid(messageOf(error).split("\n")[0] ?? "");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid("it is not a mapping of names to values");
  }
  return value as Manifest;
}

/** What the whole task may cost, in credits. */
export function budgetOf(manifest: Manifest): number {
  const { target_providers: providers, credits_per_provider: credits } = manifest;
  if (isCount(providers) && isCount(credits)) return providers * credits;
  throw invalid("target_providers and credits_per_provider must be whole numbers of at least 1");
}

async function textOf(named: string): Promise<string> {
  if (named === "-") return readStdin();
  if (/^\s*\{/.test(named) || named.includes("\n")) return named;
  if (existsSync(named) || !/:\s/.test(named)) return readNamedFile(named);
  return named;
}

function invalid(why: string): Failure {
  return usageFailure(
    `The task cannot be used: ${why}.`,
    "It needs capability, instruction, target_providers and credits_per_provider.",
  );
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 1;
}
