/** Says what a command would do, and does nothing but look whether the server is there (contract §6.5). */
import { messageOf } from "../failure.ts";
import type { Flags } from "./flags.ts";
import type { JsonObject } from "./json.ts";
import type { Origin } from "./origin.ts";
import { type Output, wordOf } from "./output.ts";
import type { Wire } from "./wire.ts";

/** A document that anybody may have, so that asking for it tells only whether somebody answers. */
const PROBE = "/openapi.json";
const PROBE_TIMEOUT_MS = 15_000;

export interface DryRun {
  readonly command: string;
  readonly origin: Origin;
  readonly wire: Wire;
  /** The key, where the command shows one. */
  readonly key?: { readonly api_key_source: string | null; readonly api_key_error: string | null };
  /** What else would be sent. */
  readonly facts: JsonObject;
}

/** Prints what would be done. Resolves with 0 where it could be, else with 1. */
export async function dryRun(output: Output, flags: Flags, dry: DryRun): Promise<number> {
  const connectivity = await probe(dry.wire);
  const hasKey = dry.key === undefined || dry.key.api_key_source !== null;
  const isOk = connectivity.ok === true && hasKey;
  const told = {
    ok: isOk,
    dry_run: true,
    command: dry.command,
    server_url: dry.origin.url,
    server_url_source: dry.origin.source,
    ...dry.key,
    ...dry.facts,
    connectivity,
  };
  if (flags.has("json")) output.json(told);
  else {
    for (const [name, value] of Object.entries(told))
      output.line(`${titleOf(name)}: ${wordOf(value)}`);
  }
  return isOk ? 0 : 1;
}

async function probe(wire: Wire): Promise<JsonObject> {
  const url = wire.origin.url + PROBE;
  try {
    const { status, isSuccess } = await wire.call({
      ...{ method: "GET", path: PROBE, timeoutMs: PROBE_TIMEOUT_MS },
    });
    return { ok: isSuccess, url, status };
  } catch (error) {
    return { ok: false, url, error: messageOf(error) };
  }
}

/** `server_url` as `Server url`. */
function titleOf(name: string): string {
  return (name.charAt(0).toUpperCase() + name.slice(1)).replaceAll("_", " ");
}
