import type { Command } from "commander";
import { pathPart } from "../linkedclaw/api.ts";
import type { Admin } from "./admin.ts";

export function addDispute(parent: Command, admin: Admin): void {
  const dispute = parent
    .command("dispute")
    .description("Payments by card that a payer has called back");
  dispute
    .command("list")
    .description("List disputed payments, newest first")
    .action(async () => {
      const api = await admin.open();
      admin.cli.terminal.answer(await api.ask({ method: "GET", path: "/disputes" }));
    });
  dispute
    .command("release")
    .description("Let a wallet go that is frozen because the house lost by it")
    .argument("<dispute_id>", "from dispute list")
    .action(async (disputeId: string) => {
      const api = await admin.open();
      const path = `/disputes/${pathPart(disputeId)}/release`;
      admin.cli.terminal.answer(await api.ask({ method: "POST", path, json: {} }));
    });
}
