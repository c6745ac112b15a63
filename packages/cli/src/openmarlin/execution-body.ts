/** The request of an execution (contract §6.1), with what the command line adds to it. */
import { Failure } from "../failure.ts";
import type { Flags } from "./flags.ts";
import { isObject, type JsonObject, Numeral, textOf } from "./json.ts";
import { defaultLabels, type Setting, type Settings } from "./settings.ts";

export interface ExecutionRequest {
  readonly body: JsonObject;
  /** What is sent, wherever it came from: whoever is refused wants to know. */
  readonly provider: string | null;
  readonly labels: JsonObject;
  readonly timeoutMs: number;
}

/** What the server takes where the request says nothing. */
const TIMEOUT_MS_DEFAULT = 300_000;
const TIMEOUT_MS_MAX = 1_800_000;
/** The server keeps to its time, and then has to say so. */
const GRACE_MS = 60_000;

export function findProvider(settings: Settings, flags: Flags): Setting | undefined {
  return settings.find("OPENMARLIN_DEFAULT_PROVIDER_ID", flags.text("provider"));
}

/** Labels of the settings, then those of the command line. */
export function findLabels(settings: Settings, flags: Flags): Readonly<Record<string, string>> {
  const given = flags.all("label").map((label) => {
    const at = label.indexOf("=");
    const [name, value] = [label.slice(0, Math.max(at, 0)).trim(), label.slice(at + 1).trim()];
    if (name === "" || value === "") {
      throw new Failure(
        "invalid_routing_labels",
        `--label takes NAME=VALUE, not ${JSON.stringify(label)}.`,
      );
    }
    return [name, value] as const;
  });
  return { ...defaultLabels(settings), ...Object.fromEntries(given) };
}

/** The request that `given` makes. Refuses what no server could route. */
export function executionRequestOf(
  given: JsonObject,
  settings: Settings,
  flags: Flags,
): ExecutionRequest {
  for (const name of ["model_provider", "modelProvider"]) {
    if (Object.hasOwn(given, name)) {
      throw invalid(`"${name}" is no field: "model" takes a whole reference, like vendor/model.`);
    }
  }
  const provider = findProvider(settings, flags)?.value;
  const labels = findLabels(settings, flags);
  const body: JsonObject = {
    ...given,
    ...modelOf(given),
    ...(provider !== undefined && { provider_id: provider }),
    ...(Object.keys(labels).length > 0 && { labels }),
  };
  return {
    body,
    provider: textOf(body.provider_id) ?? null,
    labels: isObject(body.labels) ? body.labels : {},
    timeoutMs: timeoutOf(given) + GRACE_MS,
  };
}

function modelOf({ model }: JsonObject): JsonObject {
  if (model === undefined || model === null) return {};
  if (typeof model !== "string") throw invalid('"model" has to be a text.');
  const reference = model.trim();
  if (reference === "" || reference.includes("/")) return { model: reference };
  throw invalid(
    `"model" has to be a whole reference with a slash, like openai-codex/gpt-5.4, not ${JSON.stringify(reference)}. What there is: node scripts/platform_request.mjs models`,
  );
}

function timeoutOf({ timeout_ms: timeout }: JsonObject): number {
  if (!(timeout instanceof Numeral)) return TIMEOUT_MS_DEFAULT;
  return Math.min(Math.max(timeout.value, 0), TIMEOUT_MS_MAX);
}

function invalid(message: string): Failure {
  return new Failure("invalid_request", message);
}
