import { type Command, InvalidArgumentError } from "commander";
import { usdAmount } from "../money.ts";
import type { Admin } from "./admin.ts";

export function addVoucher(parent: Command, admin: Admin): void {
  parent
    .command("voucher")
    .description("Codes that are worth money once")
    .command("create")
    .description("Make a code")
    .requiredOption("--usd <amount>", "what it is worth", usdAmount)
    .option("--code <code>", "the code; otherwise one is made up")
    .option("--expires <instant>", "until when it can be redeemed, e.g. 2030-01-31", instant)
    .action(async ({ usd, code, expires }: { usd: string; code?: string; expires?: string }) => {
      const api = await admin.open();
      const json = { usd, code, expires_at: expires };
      admin.cli.terminal.answer(await api.ask({ method: "POST", path: "/vouchers", json }));
    });
}

function instant(text: string): string {
  const at = Date.parse(text);
  if (/^\d{4}-/.test(text) && !Number.isNaN(at)) return new Date(at).toISOString();
  throw new InvalidArgumentError("It must be a date or an instant, like 2030-01-31T12:00:00Z.");
}
