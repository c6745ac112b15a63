/**
 * What the skill is told by its surroundings (contract §3.1): a flag, else the environment, else the
 * skill's entry in OpenClaw's configuration.
 */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { Failure } from "../failure.ts";
import { fieldsOf, isObject, type JsonObject, parseJson } from "./json.ts";

export type Variable =
  | "OPENMARLIN_SERVER_URL"
  | "OPENMARLIN_PLATFORM_API_KEY"
  | "OPENMARLIN_DEFAULT_PROVIDER_ID"
  | "OPENMARLIN_DEFAULT_ROUTING_LABELS"
  | "OPENMARLIN_REQUEST_TIMEOUT_SECONDS"
  | "OPENCLAW_STATE_DIR";

/** A value, and the tag of where it was found. */
export interface Setting {
  readonly value: string;
  readonly source: string;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Where a container of OpenClaw's keeps its configuration. */
const CONTAINER_CONFIG = "/data/.clawdbot/openclaw.json";

export class Settings {
  readonly #env: Env;
  #entry: { readonly path: string; readonly variables: JsonObject } | undefined | "unread" =
    "unread";

  constructor(env: Env) {
    this.#env = env;
  }

  get home(): string {
    return this.#env.HOME || homedir();
  }

  /** Where a person writes settings down. */
  get configPath(): string {
    return join(this.home, ".openclaw", "openclaw.json");
  }

  find(variable: Variable, flag?: string): Setting | undefined {
    const given = flag?.trim();
    if (given) return { value: given, source: "flag-or-arg" };
    const inEnv = this.#env[variable]?.trim();
    if (inEnv) return { value: inEnv, source: "process-env" };
    if (this.#entry === "unread") this.#entry = this.#readEntry();
    const stored = this.#entry?.variables[variable];
    if (typeof stored !== "string" || stored.trim() === "") return undefined;
    return { value: stored.trim(), source: `openclaw-config:${this.#entry?.path}` };
  }

  /** The first file that has an entry for the skill counts; one that cannot be read is none. */
  #readEntry(): { path: string; variables: JsonObject } | undefined {
    for (const path of [this.configPath, CONTAINER_CONFIG]) {
      const skills = fieldsOf(fieldsOf(contentOf(path)).skills);
      const entry = fieldsOf(skills.entries).openmarlin;
      if (isObject(entry)) return { path, variables: fieldsOf(entry.env) };
    }
    return undefined;
  }
}

function contentOf(path: string): JsonObject {
  try {
    return fieldsOf(parseJson(readFileSync(path, "utf8")));
  } catch {
    return {};
  }
}

/** Labels that each execution is sent with: a JSON object of texts, none of them blank. */
export function defaultLabels(settings: Settings): Readonly<Record<string, string>> {
  const found = settings.find("OPENMARLIN_DEFAULT_ROUTING_LABELS");
  if (!found) return {};
  const wrong = new Failure(
    "invalid_routing_labels",
    `OPENMARLIN_DEFAULT_ROUTING_LABELS (${found.source}) has to be a JSON object of texts, like {"region":"ap-sg"}.`,
  );
  let labels: unknown;
  try {
    labels = parseJson(found.value);
  } catch {
    throw wrong;
  }
  if (!isObject(labels as JsonObject)) throw wrong;
  const entries = Object.entries(labels as JsonObject).map(([name, value]) => {
    if (typeof value !== "string" || value.trim() === "" || name.trim() === "") throw wrong;
    return [name.trim(), value.trim()] as const;
  });
  return Object.fromEntries(entries);
}
