import { type Command, Option } from "commander";
import type { Cli } from "../../cli.ts";
import { wholeNumber } from "../../input.ts";
import { fieldsOf } from "../../server.ts";
import { moment, type Page, table } from "../../terminal/layout.ts";
import { openApi, pathPart } from "../api.ts";

interface ReceiptsOptions {
  readonly role: string;
  readonly limit?: number;
  readonly cursor?: string;
}

/** Returned, because `guildhall` adds a subcommand to it. */
export function addReceipt(program: Command, cli: Cli): Command {
  return program
    .command("receipt")
    .description("Show one receipt: what was done, by whom, for how much")
    .argument("<receipt_id>", "rct_…")
    .action(async (receiptId: string) => {
      const api = await openApi(cli);
      const path = `/receipts/${pathPart(receiptId)}`;
      cli.terminal.answer(await api.ask({ method: "GET", path }));
    });
}

export function addReceipts(program: Command, cli: Cli): void {
  program
    .command("receipts")
    .description("List receipts, newest first")
    .addOption(
      new Option("--role <role>", "for work you did, or for work you had done")
        .choices(["provider", "requester"])
        .default("provider"),
    )
    .option("--limit <n>", "at most so many", wholeNumber(1))
    .option("--cursor <cursor>", "go on where an earlier page ended")
    .action(async (options: ReceiptsOptions) => {
      const api = await openApi(cli);
      const query = {
        role: options.role,
        limit: options.limit?.toString(),
        cursor: options.cursor,
      };
      const answer = await api.ask({ method: "GET", path: "/receipts", query });
      cli.terminal.answer(answer, (value, page) => drawn(value, page, options.role));
    });
}

function drawn(answer: unknown, page: Page, role: string): string {
  const { receipts, total_credits: total } = fieldsOf(answer);
  const rows = (Array.isArray(receipts) ? receipts : [])
    .map(fieldsOf)
    .map((receipt) => [
      moment(receipt.created_at),
      String(receipt.receipt_id ?? ""),
      String(receipt.kind ?? ""),
      String(receipt.capability ?? ""),
      String(receipt.status ?? ""),
      String(receipt.credits_charged ?? ""),
    ]);
  if (rows.length === 0) {
    return role === "requester"
      ? "No receipts yet for work that you had done."
      : "No receipts yet for work that you did. What you had done: --role requester";
  }
  const columns = [
    { title: "when", style: page.paint.dim },
    { title: "receipt", style: page.paint.accent },
    { title: "kind" },
    { title: "capability", isFlexible: true },
    { title: "status" },
    { title: "credits", align: "right" as const, style: page.paint.bold },
  ];
  return `${table(page, columns, rows)}\n\n${page.paint.dim("total")}  ${total} credits`;
}
