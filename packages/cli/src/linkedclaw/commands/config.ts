import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { configDirectory } from "../../config/directory.ts";
import { CONFIG_NAME, CONFIG_VALUE, writeConfigValues } from "../../config/file.ts";
import { OUR_NAMES, type Settings, serverUrl } from "../../config/settings.ts";
import { usageFailure } from "../../failure.ts";
import { textOrStdin } from "../../input.ts";
import { facts, type Page, table } from "../../terminal/layout.ts";
import { redactKey } from "../../terminal/redact.ts";

export function addConfig(program: Command, cli: Cli): void {
  const config = program.command("config").description("Show and change the configuration");
  config
    .command("show")
    .description("Show the configuration in effect, the key shortened")
    .action(async () => {
      const settings = await cli.settings();
      cli.terminal.answer(shown(settings), (_, page) => drawn(settings, page));
    });
  config
    .command("set")
    .description("Store a value: cloudUrl, relayUrl, agentId, apiKey, …")
    .argument("<key>", "the name of the value")
    .argument("<value>", "the value, on one line; - reads it from stdin")
    .action(async (name: string, given: string) => {
      await cli.settings();
      const value = checked(name, (await textOrStdin(given)).trim());
      if (name === "apiKey") cli.terminal.keepSecret(value);
      await writeConfigValues(configDirectory(cli.env), { [name]: value });
      cli.terminal.answer({ ok: true }, (_, page) => page.paint.good(`✔ ${name} is stored.`));
    });
}

function checked(name: string, value: string): string {
  if (!CONFIG_NAME.test(name)) {
    throw usageFailure(`"${name}" is not the name of a value.`, "Names look like cloudUrl.");
  }
  // Any other name may be stored, but one of ours in another spelling would be read by nobody.
  const meant = [...OUR_NAMES].find((ours) => ours !== name && folded(ours) === folded(name));
  if (meant !== undefined) {
    throw usageFailure(`"${name}" is not the name of a value.`, `Did you mean ${meant}?`);
  }
  if (!CONFIG_VALUE.test(value)) {
    throw usageFailure(`The value of ${name} must be one line of at most 4096 characters.`);
  }
  return name === "cloudUrl" || name === "serviceUrl" ? serverUrl(value, name) : value;
}

function folded(name: string): string {
  return name.replaceAll("_", "").toLowerCase();
}

function shown(settings: Settings): Readonly<Record<string, unknown>> {
  return {
    ...settings.others,
    apiKey: settings.apiKey === undefined ? null : redactKey(settings.apiKey),
    cloudUrl: settings.cloudUrl,
    relayUrl: settings.relayUrl,
    serviceUrl: settings.serviceUrl,
    agentId: settings.agentId ?? null,
    sources: settings.sources,
    config_exists: settings.configExists,
    config_path: settings.configPath,
  };
}

function drawn(settings: Settings, page: Page): string {
  const { sources, others, config_exists: exists, config_path: path, ...values } = shown(settings);
  const rows = Object.entries(values).map(([name, value]) => {
    const source = settings.sources[name] ?? (name in settings.others ? "file" : "");
    return [name, String(value ?? "–"), source];
  });
  const columns = [{ title: "name" }, { title: "value" }, { title: "from", style: page.paint.dim }];
  const file = facts(page, [["file", `${path}${exists ? "" : " (not there yet)"}`]]);
  return `${table(page, columns, rows)}\n\n${file}`;
}
