import type { Command } from "commander";
import { pathPart } from "../linkedclaw/api.ts";
import { usdAmount } from "../money.ts";
import type { Admin } from "./admin.ts";

interface CreditOptions {
  readonly email: string;
  readonly usd: string;
  readonly reason?: string;
  readonly reference?: string;
}

export function addCredit(parent: Command, admin: Admin): void {
  parent
    .command("credit")
    .description("Give a member money; it can be spent, not paid out")
    .requiredOption("--email <address>", "the member")
    .requiredOption("--usd <amount>", "how much", usdAmount)
    .option("--reason <text>", "why; kept with the transfer")
    .option("--reference <text>", "your own name for it: the same one gives only once")
    .action(async (json: CreditOptions) => {
      const api = await admin.open();
      admin.cli.terminal.answer(await api.ask({ method: "POST", path: "/credits", json }));
    });
}

export function addTransfer(parent: Command, admin: Admin): void {
  parent
    .command("transfer")
    .description("What was moved between accounts")
    .command("reverse")
    .description("Move a transfer's amount back, once")
    .argument("<transfer_id>", "from credit, or from a list of transfers")
    .requiredOption("--reason <text>", "why; kept with the transfer")
    .action(async (transferId: string, json: { reason: string }) => {
      const api = await admin.open();
      const path = `/transfers/${pathPart(transferId)}/reverse`;
      admin.cli.terminal.answer(await api.ask({ method: "POST", path, json }));
    });
}
