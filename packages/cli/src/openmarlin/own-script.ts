/** How the scripts of this skill are called from where the reader is. */
import { dirname, isAbsolute, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** The directory of the script that runs. */
const HERE = dirname(fileURLToPath(import.meta.url));

/** A command line that can be copied. */
export function scriptCommand(script: string, args: readonly string[]): string {
  const path = join(HERE, `${script}.mjs`);
  const near = relative(process.cwd(), path);
  const shown = near.startsWith("..") || isAbsolute(near) ? path : near;
  return ["node", shown, ...args].map(shellWord).join(" ");
}

/** `text` as one word of a shell's, whatever a server put into it. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
