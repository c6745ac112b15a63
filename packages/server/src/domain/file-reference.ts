/**
 * Files in the input of work: objects that say either where a file is, `{url}`, or which stored file
 * it is, `{file_id}` (LinkedClaw contract §14).
 *
 * Which fields are files is for the capability's schema to say, and not every capability has one. So
 * an object is taken for a file by its looks: all it has is `url`, `file_id`, or both, as text. The
 * whole input is no field; `{"url": …}` alone is what a capability about web pages takes, so there
 * only `file_id` makes it a file.
 */
import { unprefixed } from "@guildhall/protocol";
import { FILE_PREFIX } from "./asset.ts";
import { Fault } from "./fault.ts";

export interface FileReferences {
  /** Ids of stored files, each once. */
  readonly assetIds: readonly string[];
  /** Addresses of files elsewhere, with where in the input they stand. */
  readonly urls: readonly { readonly url: string; readonly path: string }[];
}

/** What a provider sees of a stored file, beside the `file_id` that was given. */
export interface FileDelivery {
  readonly url: string;
  readonly mime: string;
  readonly size: number;
  readonly filename: string;
}

const DEPTH_MAX = 100;
/** Each stored file is looked up, and each needs a link of its own. */
const REFERENCES_MAX = 100;
/** Keys are the caller's text, of any length. */
const PATH_SHOWN_MAX = 200;
const KEYS = new Set(["url", "file_id"]);

type Json = Readonly<Record<string, unknown>>;

/**
 * Finds every file in an input.
 *
 * @throws {Fault} `invalid_file` where one has both, neither, or no id of ours; `invalid_request`
 * where the input is nested too deep.
 */
export function fileReferencesIn(input: unknown): FileReferences {
  const assetIds = new Set<string>();
  const urls: { url: string; path: string }[] = [];
  rewrite(input, "input", 0, (reference, path) => {
    if (reference.assetId !== undefined) assetIds.add(reference.assetId);
    else urls.push({ url: reference.url, path });
    if (assetIds.size + urls.length > REFERENCES_MAX) {
      throw new Fault("invalid_file", `An input may have at most ${REFERENCES_MAX} files.`);
    }
    return undefined;
  });
  return { assetIds: [...assetIds], urls };
}

/**
 * The input with each stored file described as `describe` says. What is not described stays as it
 * is, and an input without stored files is returned itself.
 */
export function withFilesDescribed(
  input: unknown,
  describe: (assetId: string) => FileDelivery | undefined,
): unknown {
  return rewrite(input, "input", 0, (reference) => {
    if (reference.assetId === undefined) return undefined;
    const delivery = describe(reference.assetId);
    return delivery && { file_id: reference.fileId, ...delivery };
  });
}

type Reference =
  | { readonly assetId: string; readonly fileId: string }
  | { readonly assetId: undefined; readonly url: string };

/** Walks the value; what `visit` returns takes the file's place. Unchanged parts are shared. */
function rewrite(
  value: unknown,
  path: string,
  depth: number,
  visit: (reference: Reference, path: string) => object | undefined,
): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (depth >= DEPTH_MAX) {
    throw new Fault("invalid_request", "The input is nested too deep.", { field: "input" });
  }
  if (!Array.isArray(value) && isFileReference(value as Json, depth === 0)) {
    return visit(toReference(value as Json, path), path) ?? value;
  }
  const entries = Object.entries(value);
  const changed = entries.map(([key, item]) => rewrite(item, `${path}.${key}`, depth + 1, visit));
  if (changed.every((item, index) => item === entries[index]?.[1])) return value;
  if (Array.isArray(value)) return changed;
  // Not by assignment: a key named `__proto__` would vanish.
  return Object.fromEntries(entries.map(([key], index) => [key, changed[index]]));
}

function isFileReference(value: Json, isWhole: boolean): boolean {
  const keys = Object.keys(value);
  return (
    keys.length > 0 &&
    keys.every((key) => KEYS.has(key)) &&
    keys.every((key) => typeof value[key] === "string" || value[key] === null) &&
    (!isWhole || typeof value.file_id === "string")
  );
}

function toReference({ url, file_id: fileId }: Json, path: string): Reference {
  const hasUrl = typeof url === "string" && url !== "";
  const hasId = typeof fileId === "string" && fileId !== "";
  if (hasUrl === hasId) {
    const where = path.slice(0, PATH_SHOWN_MAX);
    throw new Fault("invalid_file", `${where}: a file has exactly one of url and file_id.`);
  }
  if (hasUrl) return { assetId: undefined, url };
  const id = String(fileId);
  const assetId = unprefixed(FILE_PREFIX, id);
  // The same words as for a file that does not exist, so that nobody learns which ids do.
  if (assetId === undefined) throw noSuchFile();
  return { assetId, fileId: id };
}

/** The one refusal for files that do not exist and files that are somebody else's. */
export function noSuchFile(): Fault<"invalid_file"> {
  return new Fault("invalid_file", "No such file: upload it first, with the same account.");
}
