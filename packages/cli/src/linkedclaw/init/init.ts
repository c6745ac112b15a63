/** Gives the skills that come along to the hosts of agents on this machine (LinkedClaw contract §9.2). */
import { join } from "node:path";
import { type Command, Option } from "commander";
import type { Cli } from "../../cli.ts";
import { Failure } from "../../failure.ts";
import { type Page, table } from "../../terminal/layout.ts";
import { addExamples } from "../help.ts";
import { writeContext } from "./context.ts";
import { HOST_NAMES, type Host, type HostName, hostsOf, isThere } from "./hosts.ts";
import { placeSkill, type Skill } from "./skills.ts";

interface InitOptions {
  readonly host?: readonly HostName[];
  readonly provider?: boolean;
  readonly openmarlin?: boolean;
  readonly context: boolean;
}

interface Initialised {
  readonly installed: readonly {
    readonly host: HostName;
    readonly skill: Skill;
    readonly path: string;
    readonly state: string;
  }[];
  readonly context: readonly {
    readonly host: HostName;
    readonly path: string;
    readonly state: string;
  }[];
}

export function addInit(program: Command, cli: Cli): void {
  const init = program
    .command("init")
    .description("Give the skills of this command to the agents on this machine")
    .addOption(
      new Option("--host <names...>", "these instead of all that are found").choices(HOST_NAMES),
    )
    .option("--provider", "the skill for offering agents as well")
    .option("--openmarlin", "the skill for OpenMarlin's wire as well")
    .option("--no-context", "write nothing into AGENTS.md")
    .action(async (options: InitOptions) => {
      cli.terminal.answer(await initialise(cli, options), drawn);
    });
  addExamples(init, cli, [
    ["init", "for all hosts that are found"],
    ["init --host claude-code --provider", "the skill for offering too, for one of them"],
    ["init --host openclaw --openmarlin", "OpenMarlin's skill too"],
  ]);
}

async function initialise(cli: Cli, options: InitOptions): Promise<Initialised> {
  const hosts = hostsOf(cli.env).filter(
    (host) => options.host?.includes(host.name) ?? isThere(host),
  );
  if (hosts.length === 0) {
    throw new Failure("no_host_found", "There is no host of agents in this home directory.", {
      hint: `Name one: ${cli.name} init --host ${HOST_NAMES.join("|")}`,
    });
  }
  const skills: readonly Skill[] = [
    "linkedclaw-requester",
    ...(options.provider ? (["linkedclaw-provider"] as const) : []),
    ...(options.openmarlin ? (["openmarlin"] as const) : []),
  ];
  const installed: Initialised["installed"][number][] = [];
  for (const host of hosts) {
    for (const skill of skills) {
      installed.push({ host: host.name, skill, ...(await placeSkill(skill, host.skills)) });
    }
  }
  return { installed, context: options.context ? await writeContexts(hosts) : [] };
}

async function writeContexts(hosts: readonly Host[]): Promise<Initialised["context"]> {
  const written: Initialised["context"][number][] = [];
  for (const { name, context, skills } of hosts) {
    if (context === undefined) continue;
    const skillFile = join(skills, "linkedclaw-requester", "SKILL.md");
    written.push({ host: name, path: context, state: await writeContext(context, skillFile) });
  }
  return written;
}

function drawn({ installed, context }: Initialised, page: Page): string {
  return table(
    page,
    [
      { title: "host", style: page.paint.bold },
      { title: "what" },
      { title: "is", style: page.paint.good },
      { title: "where", isFlexible: true, style: page.paint.dim },
    ],
    [
      ...installed.map(({ host, skill, state, path }) => [host, skill, state, path]),
      ...context.map(({ host, state, path }) => [host, "context", state, path]),
    ],
  );
}
