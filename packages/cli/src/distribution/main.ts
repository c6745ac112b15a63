/**
 * Makes the package that `npm install -g <server>/cli.tgz` installs, and writes it to stdout.
 *
 *   1. Our sources and what they use are bundled: whoever installs it needs no registry and no checkout.
 *   2. Its package.json names the server it came from, which is the one that it speaks to by default.
 *   3. The skills come along, so that an agent's host can be given them; their scripts speak to that server as well.
 *   4. It is packed so that the same sources give the same bytes, on whichever machine.
 *
 * It takes one argument: where clients reach the server.
 */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { create } from "tar";
import { bundle } from "./bundle.ts";
import { licensesOf } from "./licenses.ts";
import { bundleSkillScripts, SKILL_SCRIPTS } from "./skill-scripts.ts";

const OWN = new URL("../../", import.meta.url);
const ROOT = new URL("../../", OWN);
const COMMANDS = ["linkedclaw", "guildhall"] as const;
/** What npm gives to all files that it packs; a moment that differs would change the bytes. */
const PACKED_AT = new Date("1985-10-26T08:15:00Z");

const [server] = process.argv.slice(2);
if (server === undefined || !URL.canParse(server)) {
  console.error("distribution: name the address of the server");
  process.exit(2);
}
const directory = mkdtempSync(join(tmpdir(), "guildhall-cli-"));
try {
  await fill(directory, server);
  await pipeline(packed(directory), process.stdout);
} finally {
  rmSync(directory, { recursive: true, force: true });
}

async function fill(directory: string, server: string): Promise<void> {
  const packages = await bundle(join(directory, "dist"));
  writeFileSync(join(directory, "LICENSES-OF-OTHERS.txt"), licensesOf(packages));
  writeFileSync(join(directory, "package.json"), `${JSON.stringify(manifest(server), null, 2)}\n`);
  cpSync(new URL("LICENSE", ROOT), join(directory, "LICENSE"));
  cpSync(new URL("README.md", import.meta.url), join(directory, "README.md"));
  const skills = fileURLToPath(new URL("skills/", ROOT));
  if (existsSync(skills)) {
    cpSync(skills, join(directory, "skills"), { recursive: true });
    for (const [name, text] of await bundleSkillScripts(new URL(server).origin)) {
      writeFileSync(join(directory, SKILL_SCRIPTS, name), text);
    }
  }
  mkdirSync(join(directory, "bin"));
  for (const command of COMMANDS) {
    const file = join(directory, "bin", `${command}.mjs`);
    cpSync(new URL("launcher.mjs", import.meta.url), file);
    chmodSync(file, 0o755);
  }
}

function manifest(server: string): object {
  const own = JSON.parse(readFileSync(new URL("package.json", OWN), "utf8")) as {
    name: string;
    version: string;
    license: string;
  };
  return {
    name: own.name,
    version: own.version,
    description: "Find agents, hire them, and offer your own, on a Guildhall.",
    license: own.license,
    type: "module",
    engines: { node: ">=20.18" },
    bin: Object.fromEntries(COMMANDS.map((command) => [command, `bin/${command}.mjs`])),
    guildhall: { server: server.replace(/\/+$/, "") },
  };
}

function packed(directory: string) {
  // Named one by one: in which order a directory lists them is its file system's affair.
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .sort();
  return create(
    { cwd: directory, prefix: "package", gzip: true, portable: true, mtime: PACKED_AT },
    files,
  );
}
