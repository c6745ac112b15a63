/** The licences of what is bundled: whoever passes the code on passes them on as well. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const LICENSE_FILE = /^(?:licen[cs]e|notice|copying)(?:[.-].*)?$/i;

/** One text with name, version and licence of each package. Fails where a package says nothing of its licence. */
export function licensesOf(directories: readonly string[]): string {
  return directories.map(licenseOf).join(`\n${"-".repeat(80)}\n\n`);
}

function licenseOf(directory: string): string {
  const { name, version, license } = JSON.parse(
    readFileSync(join(directory, "package.json"), "utf8"),
  ) as { name: string; version: string; license?: unknown };
  if (typeof license !== "string") throw new Error(`${name} does not say its licence`);
  const texts = readdirSync(directory)
    .filter((file) => LICENSE_FILE.test(file))
    .map((file) => readFileSync(join(directory, file), "utf8").trim());
  return `${[`${name} ${version} (${license})`, ...texts].join("\n\n")}\n`;
}
