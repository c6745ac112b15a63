/**
 * `config.yaml`: a mapping of names to short texts. Whatever else a person wrote into it, comments
 * too, stays as it is when a value is set.
 */
import { join } from "node:path";
import type { Document } from "yaml";
import { Failure, messageOf } from "../failure.ts";
import { readIfThere, writeWhole } from "../files.ts";
import { FILE_MODE, isThereAndPrivate, makeDirectory } from "./directory.ts";

export type ConfigValues = Readonly<Record<string, string>>;

/** A name as `config set` takes it. */
export const CONFIG_NAME = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;
/** A value: one line, so that `apiKey: …` can be read by tools that know no YAML. */
export const CONFIG_VALUE = /^\P{Cc}{1,4096}$/u;

export interface ConfigFile {
  readonly path: string;
  readonly exists: boolean;
  readonly values: ConfigValues;
}

export function configPath(directory: string): string {
  return join(directory, "config.yaml");
}

/** Reads the file, after having seen that it and its directory are private. */
export async function readConfigFile(directory: string): Promise<ConfigFile> {
  const path = configPath(directory);
  if (!(await isThereAndPrivate(directory)) || !(await isThereAndPrivate(path))) {
    return { path, exists: false, values: {} };
  }
  const document = await parsed(path, (await readIfThere(path)) ?? "");
  return { path, exists: true, values: scalarsOf(document.toJS()) };
}

/** Sets some values and keeps the rest. Makes directory (0700) and file (0600) where they are missing. */
export async function writeConfigValues(directory: string, values: ConfigValues): Promise<void> {
  const path = configPath(directory);
  await makeDirectory(directory);
  await isThereAndPrivate(directory);
  await isThereAndPrivate(path);
  const document = await parsed(path, (await readIfThere(path)) ?? "");
  // A new node: an old one would keep its style, and a key in a folded block is not on one line.
  for (const [name, value] of Object.entries(values)) {
    document.set(name, document.createNode(value));
  }
  await writeWhole(path, inBlockStyle(document), FILE_MODE);
}

async function parsed(path: string, text: string): Promise<Document> {
  const { isMap, parseDocument, YAMLMap } = await import("../yaml.ts");
  const document = parseDocument(text, { uniqueKeys: true });
  const [error] = document.errors;
  if (error) throw invalid(path, messageOf(error).split("\n")[0] ?? "");
  const open: Document = document;
  if (open.contents === null) open.contents = new YAMLMap();
  if (!isMap(open.contents)) throw invalid(path, "it is not a mapping of names to values");
  return open;
}

function invalid(path: string, why: string): Failure {
  return new Failure("config_invalid", `${path} cannot be read: ${why}`, {
    hint: "Correct the file, or move it away and log in again.",
    facts: { path },
  });
}

/** One name a line from the first column on, however it was written before: see `CONFIG_VALUE`. */
function inBlockStyle(document: Document): string {
  const { contents } = document;
  if (contents !== null && "flow" in contents) contents.flow = false;
  return document.toString({ lineWidth: 0 });
}

function scalarsOf(values: unknown): ConfigValues {
  const scalars = Object.entries(values as Record<string, unknown>).filter(([, value]) =>
    ["string", "number", "boolean"].includes(typeof value),
  );
  return Object.fromEntries(scalars.map(([name, value]) => [name, String(value)]));
}
