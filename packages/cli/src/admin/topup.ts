import type { Command } from "commander";
import { pathPart } from "../linkedclaw/api.ts";
import type { Admin } from "./admin.ts";

export function addTopup(parent: Command, admin: Admin): void {
  parent
    .command("topup")
    .description("Top-ups of members' wallets")
    .command("pay")
    .description("Count a top-up as paid; on the dev rail of a development server only")
    .argument("<topup_id>", "from topup create")
    .action(async (topupId: string) => {
      const api = await admin.open();
      const path = `/topups/${pathPart(topupId)}/pay`;
      admin.cli.terminal.answer(await api.ask({ method: "POST", path, json: {} }));
    });
}
