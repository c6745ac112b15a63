/**
 * Getting a key without anybody seeing it: it travels from the server straight into the
 * configuration (LinkedClaw contract §5).
 */
import { hostname } from "node:os";
import { type Command, Option } from "commander";
import type { Cli } from "../../cli.ts";
import { configDirectory } from "../../config/directory.ts";
import { CONFIG_VALUE, writeConfigValues } from "../../config/file.ts";
import { relayUrlOf, type Settings } from "../../config/settings.ts";
import { usageFailure } from "../../failure.ts";
import { readStdin } from "../../input.ts";
import { fieldsOf } from "../../server.ts";
import { apiWithKey, openServer } from "../api.ts";
import { loginByDevice } from "../login/device.ts";
import { findEndpoints } from "../login/endpoints.ts";
import { loginByLoopback } from "../login/loopback.ts";
import { surroundings, whyNoBrowser } from "../login/surroundings.ts";
import type { Authorization } from "../login/token.ts";

interface LoginOptions {
  readonly device?: boolean;
  readonly browser?: boolean;
  readonly paste?: boolean;
  readonly apiKey?: string;
}

export function addLogin(program: Command, cli: Cli): void {
  const ways = ["device", "browser", "paste", "apiKey"];
  const way = (flags: string, description: string) => {
    const option = new Option(flags, description);
    return option.conflicts(ways.filter((name) => name !== option.attributeName()));
  };
  program
    .command("login")
    .description("Log in with the browser, or with a code where there is none")
    .addOption(way("--device", "log in with a code, on any machine's browser"))
    .addOption(way("--browser", "use this machine's browser, even where none was noticed"))
    .addOption(way("--paste", "read a key from stdin"))
    .addOption(way("--api-key <key>", "store this key; other programs can see a command line"))
    .action((options: LoginOptions) => login(cli, options));
}

async function login(cli: Cli, options: LoginOptions): Promise<void> {
  if (options.apiKey !== undefined) cli.terminal.keepSecret(options.apiKey);
  const settings = await cli.settings();
  const given = options.paste ? await pastedKey(cli) : options.apiKey;
  const { key, ...who } =
    given === undefined
      ? await authorize(cli, settings, options)
      : { key: checkedKey(given), userId: undefined, handle: undefined };
  // Also a key from the server is tried before it replaces one that may have worked.
  const user = fieldsOf(
    await apiWithKey(cli, settings, key).ask({ method: "GET", path: "/users/me" }),
  );
  await store(cli, settings, key);
  const handle = withAt(user.handle ?? who.handle ?? user.user_id);
  const message = `Authorized as ${handle}`;
  const userId = user.user_id ?? who.userId;
  if (!cli.terminal.isHuman) cli.terminal.note(message);
  if (settings.sources.apiKey === "environment" && settings.apiKey !== key) {
    cli.terminal.note("LINKEDCLAW_API_KEY is set and wins over what was stored: unset it.");
  }
  cli.terminal.answer(
    { authorized: true, handle, user_id: userId, message, cloud_url: settings.cloudUrl },
    (_, page) => `${page.paint.good("✔")} ${message} at ${settings.cloudUrl}`,
  );
}

async function authorize(
  cli: Cli,
  settings: Settings,
  options: LoginOptions,
): Promise<Authorization> {
  const server = openServer(cli, settings);
  const endpoints = await findEndpoints(server);
  const label = `linkedclaw-cli/${cli.version} on ${process.platform} (host: ${hostname()})`;
  const why = options.browser ? undefined : whyNoBrowser(surroundings(cli.env));
  if (!options.device && why === undefined) {
    const authorization = await loginByLoopback(cli, server, endpoints, label);
    if (authorization !== undefined) return authorization;
    cli.terminal.note("No browser could be started, so here is a code instead.");
  } else if (why !== undefined && !options.device) {
    cli.terminal.note(`No browser is used: ${why}.`);
  }
  return loginByDevice(cli, server, endpoints, label);
}

async function pastedKey(cli: Cli): Promise<string> {
  if (!cli.terminal.isInteractive) return readStdin();
  const { password, isCancel } = await import("@clack/prompts");
  const { cloudUrl } = await cli.settings();
  const typed = await password({
    message: `Paste a key from ${cloudUrl}/settings/api-keys (it is not shown)`,
    output: process.stderr,
  });
  if (isCancel(typed)) throw usageFailure("No key was pasted.");
  return typed;
}

function checkedKey(text: string): string {
  const key = text.trim();
  if (!/\s/.test(key) && CONFIG_VALUE.test(key)) return key;
  throw usageFailure("That is no API key.", "Keys begin with lc_ and are one word.");
}

/** A key belongs to one server, so that server is stored with it. */
async function store(cli: Cli, settings: Settings, key: string): Promise<void> {
  await writeConfigValues(configDirectory(cli.env), {
    apiKey: key,
    cloudUrl: settings.cloudUrl,
    relayUrl: cli.env.LINKEDCLAW_RELAY_URL || relayUrlOf(settings.cloudUrl),
  });
}

function withAt(handle: unknown): string {
  const text = String(handle);
  return text.startsWith("@") || text.startsWith("usr_") ? text : `@${text}`;
}
