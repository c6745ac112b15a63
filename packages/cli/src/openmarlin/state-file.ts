/**
 * The files that OpenClaw keeps for an agent (contract §3.2). A client in Python reads and writes them
 * too, so they are spelled as that one spells them, and what is not ours in them stays.
 *
 * From reading to renaming nothing is waited for: of two programs that change a file at the same
 * moment one may overwrite the other's entry, and the less time there is for it the better.
 */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { Failure, messageOf, systemCodeOf } from "../failure.ts";
import { isObject, type JsonObject, parseJson } from "./json.ts";
import { prettyJson } from "./json-text.ts";
import type { Settings } from "./settings.ts";

export type StateFileName = "auth-profiles.json" | "billing-state.json" | "task-state.json";

const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;
const VERSION = 1;

/** The directory of an agent's files. Refuses a name that would lead elsewhere. */
export function stateDirectory(settings: Settings, agentId: string): string {
  if (!/^[A-Za-z0-9._-]{1,100}$/.test(agentId) || /^\.+$/.test(agentId)) {
    throw new Failure("invalid_agent_id", `${JSON.stringify(agentId)} is no name of an agent.`);
  }
  const named = settings.find("OPENCLAW_STATE_DIR")?.value;
  const root = named?.replace(/^~(?=\/|$)/, settings.home) ?? join(settings.home, ".openclaw");
  return join(root, "agents", agentId, "agent");
}

/** A store: an object with a version and, under `part`, one entry a thing. */
export class StateFile {
  readonly path: string;
  readonly #part: string;

  constructor(directory: string, name: StateFileName, part: string) {
    this.path = join(directory, name);
    this.#part = part;
  }

  /** The entries; none where there is no file yet, or an empty one. Fails where it holds something else. */
  entries(): JsonObject {
    return this.#partOf(this.#read());
  }

  /** Changes the entries, in one step: whoever reads the file sees all of it or nothing. */
  change(changed: (entries: JsonObject) => JsonObject): void {
    const store = this.#read();
    const entries = changed(this.#partOf(store));
    this.#write({ version: VERSION, ...store, [this.#part]: entries });
  }

  /** Makes the file where there is none, so that whoever cannot write to it learns of it early. */
  prepare(): void {
    this.change((entries) => entries);
  }

  #read(): JsonObject {
    let text: string;
    try {
      text = readFileSync(this.path, "utf8");
    } catch (error) {
      if (systemCodeOf(error) === "ENOENT") return {};
      throw this.#failure("cannot be read", messageOf(error));
    }
    if (text.trim() === "") return {};
    let store: unknown;
    try {
      store = parseJson(text);
    } catch (error) {
      throw this.#failure("is not JSON", messageOf(error));
    }
    if (isObject(store as JsonObject)) return store as JsonObject;
    throw this.#failure("is not a store", "it is not a JSON object");
  }

  #partOf(store: JsonObject): JsonObject {
    const entries = store[this.#part];
    if (entries === undefined) return {};
    if (isObject(entries)) return entries;
    throw this.#failure("is not a store", `"${this.#part}" is not a JSON object`);
  }

  #write(store: JsonObject): void {
    const directory = dirname(this.path);
    const name = `.${basename(this.path)}.${randomBytes(6).toString("hex")}.tmp`;
    const temporary = join(directory, name);
    try {
      mkdirSync(directory, { recursive: true, mode: DIRECTORY_MODE });
      const file = openSync(temporary, "wx", FILE_MODE);
      try {
        writeFileSync(file, `${prettyJson(store)}\n`);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(temporary, this.path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw this.#failure("cannot be written", messageOf(error));
    }
  }

  #failure(what: string, why: string): Failure {
    return new Failure("state_file", `${this.path} ${what}: ${why}`);
  }
}
