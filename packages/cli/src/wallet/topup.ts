/** Putting money into one's wallet. */
import { type Command, Option } from "commander";
import type { Cli } from "../cli.ts";
import { pathPart } from "../linkedclaw/api.ts";
import { usdAmount, usdText } from "../money.ts";
import { openNative } from "../native.ts";
import { fieldsOf } from "../server.ts";
import { facts, moment, type Page, table } from "../terminal/layout.ts";

export function addTopup(program: Command, cli: Cli): void {
  const topup = program.command("topup").description("Put money into the wallet");
  topup
    .command("create")
    .description("Top up: by card on a page of Stripe's, or at once on a development server")
    .requiredOption("--usd <amount>", "how much", usdAmount)
    .addOption(
      new Option("--rail <rail>", "who takes the payment, where the server has both").choices([
        "stripe",
        "dev",
      ]),
    )
    .option("--pending", "on the dev rail: leave it unpaid, to be paid on its page")
    .action(async ({ usd, rail, pending }: { usd: string; rail?: string; pending?: boolean }) => {
      const api = await openNative(cli);
      const json = { usd, rail, pay: pending ? false : undefined };
      const answer = await api.ask({ method: "POST", path: "/topups", json });
      cli.terminal.answer(answer, drawnTopup);
    });
  topup
    .command("show")
    .description("Whether a top-up is paid")
    .argument("<topup_id>", "from topup create")
    .action(async (topupId: string) => {
      const api = await openNative(cli);
      const answer = await api.ask({ method: "GET", path: `/topups/${pathPart(topupId)}` });
      cli.terminal.answer(answer, drawnTopup);
    });
  topup
    .command("list")
    .description("List your top-ups, newest first")
    .option("--cursor <cursor>", "go on where an earlier page ended")
    .action(async ({ cursor }: { cursor?: string }) => {
      const api = await openNative(cli);
      const answer = await api.ask({ method: "GET", path: "/topups", query: { cursor } });
      cli.terminal.answer(answer, drawnTopups);
    });
}

function drawnTopup(answer: unknown, page: Page): string {
  const topup = fieldsOf(answer);
  const rows: Parameters<typeof facts>[1] = [
    ["topup", String(topup.topup_id)],
    ["amount", usdText(topup.usd), page.paint.bold],
    ["state", [topup.state, topup.failure].filter(Boolean).join(", ")],
  ];
  const isOpen = topup.state === "pending" && typeof topup.checkout_url === "string";
  return facts(page, isOpen ? [...rows, ["pay here", String(topup.checkout_url)]] : rows);
}

function drawnTopups(answer: unknown, page: Page): string {
  const { topups } = fieldsOf(answer);
  const rows = (Array.isArray(topups) ? topups : []).map(fieldsOf);
  if (rows.length === 0) return "There are no top-ups yet.";
  return table(
    page,
    [
      { title: "when", style: page.paint.dim },
      { title: "usd", align: "right", style: page.paint.bold },
      { title: "state" },
      { title: "rail" },
      { title: "topup", style: page.paint.dim },
    ],
    rows.map((row) => [
      moment(row.created_at),
      ...[row.usd, row.state, row.rail, row.topup_id].map(String),
    ]),
  );
}
