import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { Failure } from "../../failure.ts";
import { fieldsOf } from "../../server.ts";
import { facts } from "../../terminal/layout.ts";
import { openApi } from "../api.ts";

export function addWhoami(program: Command, cli: Cli): void {
  program
    .command("whoami")
    .description("Show who is logged in, and where the configuration is")
    .action(async () => {
      const settings = await cli.settings();
      const where = { config_exists: settings.configExists, config_path: settings.configPath };
      const user = await identify(cli, where);
      cli.terminal.answer({ ...user, ...where, cloud_url: settings.cloudUrl }, (_, page) =>
        facts(page, [
          ["user", String(user.handle ?? user.user_id), page.paint.bold],
          ["id", String(user.user_id)],
          ["server", settings.cloudUrl],
          ["config", settings.configPath],
        ]),
      );
    });
}

/** Who the key belongs to. A refusal says where the configuration is, too: it is what to look at. */
async function identify(cli: Cli, where: object): Promise<Readonly<Record<string, unknown>>> {
  try {
    const api = await openApi(cli);
    return fieldsOf(await api.ask({ method: "GET", path: "/users/me" }));
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { code, message, hint, facts: known, exitCode } = error;
    throw new Failure(code, message, { exitCode, hint, facts: { ...known, ...where } });
  }
}
