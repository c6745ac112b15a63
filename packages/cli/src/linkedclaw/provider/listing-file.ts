/**
 * The file that describes an agent to be offered: `providers/<slug>.yaml` in the configuration
 * directory, any path, or stdin (LinkedClaw contract §8, §9.2). On the wire all names are
 * snake_case; the file may write those at its top in camelCase as well.
 */
import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Document } from "yaml";
import type { Cli } from "../../cli.ts";
import { configDirectory } from "../../config/directory.ts";
import { Failure, messageOf } from "../../failure.ts";
import { writeWhole } from "../../files.ts";
import { readNamedFile, readStdin } from "../../input.ts";
import { fieldsOf } from "../../server.ts";

export const SLUG = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/;

export interface ListingFile {
  /** Where it was read; `undefined` for stdin. */
  readonly path: string | undefined;
  readonly slug: string;
  readonly agentId: string | undefined;
  /** Everything else, in snake_case, as the server takes it. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** The directory of listings and of their daemons' status. */
export function providersDirectory(cli: Cli): string {
  return join(configDirectory(cli.env), "providers");
}

/** Reads the listing that `named` stands for: a slug, a path, or `-` for stdin. */
export async function readListing(cli: Cli, named: string): Promise<ListingFile> {
  const path = named === "-" ? undefined : pathOf(cli, named);
  const text = path === undefined ? await readStdin() : await readNamedFile(path);
  const document = await parsed(path ?? "stdin", text);
  const fields = snakeCased(fieldsOf(document.toJS({ maxAliasCount: 0 })));
  const { agent_id: agentId, slug, ...body } = fields;
  if (typeof slug !== "string" || !SLUG.test(slug)) {
    throw invalid(path, "it has no slug: lower-case letters, digits and dashes");
  }
  return {
    path,
    slug,
    agentId: typeof agentId === "string" && agentId !== "" ? agentId : undefined,
    body: { slug, ...body },
  };
}

export interface Registered {
  readonly agentId: string;
  /** Prices that were set on the command line, by capability: a list of tiers each. */
  readonly curves: Readonly<Record<string, unknown>>;
}

/** Notes in the file what was registered, so that the next registration says the same. */
export async function writeRegistered(
  path: string,
  { agentId, curves }: Registered,
): Promise<void> {
  const before = await readNamedFile(path);
  const document = await parsed(path, before);
  document.delete("agent_id");
  document.set("agentId", agentId);
  const meta = document.has("capabilitiesMeta") ? "capabilitiesMeta" : "capabilities_meta";
  for (const [capability, curve] of Object.entries(curves)) {
    document.setIn([meta, capability, "curve"], document.createNode(curve, { flow: true }));
  }
  const text = document.toString({ lineWidth: 0 });
  if (text === before) return;
  const { mode } = await stat(path);
  await writeWhole(path, text, mode & 0o777);
}

function pathOf(cli: Cli, named: string): string {
  const isPath = /[\\/]|\.(?:ya?ml|json)$/.test(named);
  const inDirectory = join(providersDirectory(cli), `${named}.yaml`);
  if (!isPath && existsSync(inDirectory)) return inDirectory;
  if (isPath || existsSync(named)) return named;
  throw new Failure("file_not_found", `There is no listing "${named}".`, {
    hint: `Write it to ${inDirectory}, or name a file.`,
    facts: { path: inDirectory },
  });
}

async function parsed(path: string | undefined, text: string): Promise<Document> {
  const { isMap, parseDocument } = await import("../../yaml.ts");
  const document = parseDocument(text, { uniqueKeys: true });
  const [error] = document.errors;
  if (error) throw invalid(path, messageOf(error).split("\n")[0] ?? "");
  if (!isMap(document.contents)) throw invalid(path, "it is not a mapping");
  return document as Document;
}

function invalid(path: string | undefined, why: string): Failure {
  return new Failure("invalid_listing", `${path ?? "The listing"} cannot be used: ${why}.`, {
    facts: { path },
  });
}

function snakeCased(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  );
}
