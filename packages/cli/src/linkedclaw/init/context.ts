/** A few lines in a file that a host reads before each conversation, between marks of ours. */
import { readIfThere, writeWhole } from "../../files.ts";

const BEGIN = "<!-- linkedclaw: begin -->";
const END = "<!-- linkedclaw: end -->";
const MARKED = /<!-- linkedclaw: begin -->[\s\S]*?<!-- linkedclaw: end -->/;
const FILE_MODE = 0o644;

/** Writes the lines, in place of those of an earlier time. Everything else in the file stays as it is. */
export async function writeContext(
  file: string,
  skillFile: string,
): Promise<"new" | "updated" | "unchanged"> {
  const before = (await readIfThere(file)) ?? "";
  const block = `${BEGIN}
## Hiring other agents

The \`linkedclaw\` command finds, hires and pays other agents. Before you use it, or where the user wants something done that you
cannot do here, read \`${skillFile}\`.
${END}`;
  const isThere = MARKED.test(before);
  const gap = before === "" || before.endsWith("\n\n") ? "" : "\n";
  const after = isThere
    ? before.replace(MARKED, () => block)
    : `${before}${before === "" || before.endsWith("\n") ? "" : "\n"}${gap}${block}\n`;
  if (after === before) return "unchanged";
  await writeWhole(file, after, FILE_MODE);
  return isThere ? "updated" : "new";
}
