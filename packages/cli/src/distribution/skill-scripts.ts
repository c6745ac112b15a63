/** The scripts of the OpenMarlin skill: each our sources and nothing else, in one file that any Node from 20 runs. */
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const ENTRIES = ["registration-session", "platform-request", "billing"];
/** Beside the page that names them. */
export const SKILL_SCRIPTS = "skills/openmarlin/scripts";
/** The server of whoever has the skill from a checkout. */
export const SERVER_OF_CHECKOUT = "http://127.0.0.1:8787";

const BANNER = "// Made from packages/cli/src/openmarlin; changes to this file are lost.";

/**
 * The text of each script by its file's name. They speak to `server`, an origin, unless told otherwise.
 * The same sources give the same bytes on whichever machine.
 */
export async function bundleSkillScripts(server: string): Promise<ReadonlyMap<string, string>> {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: ENTRIES.map((name) => `packages/cli/src/openmarlin/${name}.ts`),
    outdir: ROOT,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    define: { INSTALLED_FROM: JSON.stringify(server) },
    banner: { js: BANNER },
    legalComments: "none",
    logLevel: "error",
    write: false,
  });
  return new Map(
    outputFiles.map(({ path, text }) => [scriptName(basename(path, ".js")), text] as const),
  );
}

/** Scripts are named as the wire's own are. */
function scriptName(entry: string): string {
  return `${entry.replaceAll("-", "_")}.mjs`;
}
