/** Puts our sources and all that they use into a few files of plain JavaScript. */
import { join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const ENTRY = fileURLToPath(new URL("../main.ts", import.meta.url));
const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
/** What was written for CommonJS asks for Node's own modules with it. */
const REQUIRE =
  'import { createRequire as $createRequire } from "node:module";const require = $createRequire(import.meta.url);';

/** Writes the bundle to `directory`. Returns the directories of the packages that went into it. */
export async function bundle(directory: string): Promise<string[]> {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [ENTRY],
    outdir: directory,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    // What few commands need is loaded by them alone: the others start faster.
    splitting: true,
    minifyWhitespace: true,
    minifySyntax: true,
    // The licences of what is in it stand in a file of their own.
    legalComments: "none",
    banner: { js: REQUIRE },
    logLevel: "error",
    metafile: true,
  });
  const inputs = Object.keys(metafile.inputs).map((path) => join(ROOT, path));
  return [...new Set(inputs.flatMap(packageOf))].sort();
}

/** The directory of the foreign package that a file is from: `…/node_modules/name` or `…/@scope/name`. */
function packageOf(file: string): string[] {
  const parts = file.split(sep);
  const at = parts.lastIndexOf("node_modules");
  if (at === -1) return [];
  const length = parts[at + 1]?.startsWith("@") ? 3 : 2;
  return [parts.slice(0, at + length).join(sep)];
}
