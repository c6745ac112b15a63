/** The skills that come along with our commands, and putting one where a host looks for it. */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, lstat, mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { Failure, systemCodeOf } from "../../failure.ts";

export type Skill = "linkedclaw-requester" | "linkedclaw-provider" | "openmarlin";

/** `linked`: somebody put a link there, to a place of their own that is not ours to write to. */
export type Placed = "new" | "updated" | "unchanged" | "linked";

/** In a package they are beside our code; in a checkout, at its root. */
const PLACES = ["../skills/", "../../../../../skills/"];

function skillsDirectory(): string {
  for (const place of PLACES) {
    const directory = fileURLToPath(new URL(place, import.meta.url));
    if (existsSync(join(directory, "linkedclaw-requester", "SKILL.md"))) return directory;
  }
  throw new Failure("skills_missing", "The skills did not come along with this installation.");
}

/**
 * Puts a skill into `directory`, whole or not at all: what was there of it before is replaced, and
 * nobody ever reads half of it.
 */
export async function placeSkill(
  skill: Skill,
  directory: string,
): Promise<{ readonly path: string; readonly state: Placed }> {
  const source = join(skillsDirectory(), skill);
  const path = join(directory, skill);
  const before = await kindOf(path);
  if (before === "link") return { path, state: "linked" };
  if (before === "directory" && (await isSame(source, path))) return { path, state: "unchanged" };
  const unique = randomBytes(6).toString("hex");
  const arriving = join(directory, `.${skill}.${unique}.new`);
  const leaving = join(directory, `.${skill}.${unique}.old`);
  await mkdir(directory, { recursive: true });
  try {
    await cp(source, arriving, { recursive: true });
    if (before !== undefined) await rename(path, leaving);
    await rename(arriving, path);
  } finally {
    await rm(arriving, { recursive: true, force: true });
    await rm(leaving, { recursive: true, force: true });
  }
  return { path, state: before === undefined ? "new" : "updated" };
}

async function kindOf(path: string): Promise<"link" | "directory" | undefined> {
  try {
    return (await lstat(path)).isSymbolicLink() ? "link" : "directory";
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function isSame(one: string, other: string): Promise<boolean> {
  const [files, others] = await Promise.all([filesOf(one), filesOf(other)]);
  if (files.join("\n") !== others.join("\n")) return false;
  for (const file of files) {
    const [text, otherText] = await Promise.all([
      readFile(join(one, file)),
      readFile(join(other, file)),
    ]);
    if (!text.equals(otherText)) return false;
  }
  return true;
}

async function filesOf(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .sort();
}
