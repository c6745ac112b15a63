/**
 * `acp install`: what a host has to be told so that an agent for hire is one of its own. With `--write`
 * it is written for acpx; the others' files are theirs, and get a snippet to be copied.
 */
import { homedir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { makeDirectory } from "../../config/directory.ts";
import { Failure } from "../../failure.ts";
import { readIfThere, writeWhole } from "../../files.ts";
import { fieldsOf } from "../../server.ts";
import { openApi } from "../api.ts";
import { addExamples } from "../help.ts";
import { fetchOffer, type Offer } from "./offer.ts";

const FILE_MODE = 0o600;

interface InstallOptions {
  readonly capability?: string;
  readonly write?: boolean;
}

export function addInstall(acp: Command, cli: Cli): void {
  const install = acp
    .command("install")
    .description("Show what a host has to be told to offer an agent as one of its own")
    .argument("<agent_id>", "agt_…")
    .option("--capability <name>", "what for; needed where it offers several things")
    .option("--write", "write it to ~/.acpx/config.json, for Zed with acpx and acpx alone")
    .action(async (agentId: string, options: InstallOptions) => {
      const offer = await fetchOffer(await openApi(cli), agentId, options.capability);
      const name = `lc-${offer.slug}`;
      const words = commandOf(cli, offer);
      const command = words.map(quoted).join(" ");
      const path = options.write ? await writeAcpx(name, command) : null;
      cli.terminal.answer({
        name,
        command,
        agent_id: offer.agentId,
        capability: offer.capability,
        price: offer.price,
        written: path,
        snippets: snippetsOf(name, words, command),
      });
    });
  addExamples(install, cli, [
    ["acp install agt_…", "snippets for Zed, OpenClaw and acpx"],
    ["acp install agt_… --write", "into acpx's own file"],
  ]);
}

/** By its whole path: a host that was started from a desktop has another PATH. */
function commandOf(cli: Cli, { agentId, capability }: Offer): string[] {
  const { LINKEDCLAW_CONFIG_DIR: directory } = cli.env;
  return [
    ...(directory ? ["env", `LINKEDCLAW_CONFIG_DIR=${directory}`] : []),
    ...[process.argv[1] ?? cli.name, "acp", "serve"],
    ...["--agent", agentId, "--capability", capability],
  ];
}

/** Names are letters, digits and dots; a path may be anything. */
function quoted(word: string): string {
  return /^[\w./:=@+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function snippetsOf(name: string, [command, ...args]: readonly string[], line: string) {
  return {
    acpx: { agents: { [name]: { command: line } } },
    openclaw: {
      plugins: { entries: { acpx: { config: { agents: { [name]: { command: line } } } } } },
    },
    zed: { agent_servers: { [name]: { type: "custom", command, args, env: {} } } },
  };
}

/** Adds the agent to acpx's file; everything else in it stays. Returns where that is. */
async function writeAcpx(name: string, command: string): Promise<string> {
  const directory = join(homedir(), ".acpx");
  const path = join(directory, "config.json");
  const before = parsed(path, (await readIfThere(path)) ?? "{}");
  const agents = { ...fieldsOf(before.agents), [name]: { command } };
  await makeDirectory(directory);
  const text = JSON.stringify({ ...before, agents }, null, 2);
  await writeWhole(path, `${text}\n`, FILE_MODE);
  return path;
}

function parsed(path: string, text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value as Readonly<Record<string, unknown>>;
    }
  } catch {
    // Said below: what is not understood is not written over.
  }
  throw new Failure("config_error", `${path} is not a JSON object; nothing was written.`, {
    facts: { path },
    hint: "Without --write the snippet is printed, to be put in by hand.",
  });
}
