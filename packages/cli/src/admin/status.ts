import type { Command } from "commander";
import type { Admin } from "./admin.ts";

export function addStatus(parent: Command, admin: Admin): void {
  parent
    .command("status")
    .description("Versions, storage, providers online, queue, holds")
    .action(async () => {
      const api = await admin.open();
      admin.cli.terminal.answer(await api.ask({ method: "GET", path: "/status" }));
    });
}
