/** A member's own money: what is there, codes, top-ups, and getting earnings paid out. */
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { usdAmount, usdText } from "../money.ts";
import { openNative } from "../native.ts";
import { fieldsOf } from "../server.ts";
import { facts, moment, type Page, table } from "../terminal/layout.ts";

export function addWallet(program: Command, cli: Cli): void {
  const wallet = program.command("wallet").description("Show the wallet in US dollars");
  wallet
    .command("show", { isDefault: true })
    .description("What is there, and what of it is held for work")
    .action(async () => {
      const api = await openNative(cli);
      const answer = await api.ask({ method: "GET", path: "/wallet" });
      cli.terminal.answer(answer, (value, page) => {
        const said = fieldsOf(value);
        return facts(page, [
          ["available", usdText(said.available_usd), page.paint.bold],
          ["held", usdText(said.held_usd)],
          ["balance", usdText(said.posted_usd)],
        ]);
      });
    });
  wallet
    .command("transfers")
    .description("What came in and went out, newest first")
    .option("--cursor <cursor>", "go on where an earlier page ended")
    .action(async ({ cursor }: { cursor?: string }) => {
      const api = await openNative(cli);
      const answer = await api.ask({ method: "GET", path: "/wallet/transfers", query: { cursor } });
      cli.terminal.answer(answer, drawnTransfers);
    });
}

export function addRedeem(program: Command, cli: Cli): void {
  program
    .command("redeem")
    .description("Turn a voucher's code into money in the wallet")
    .argument("<code>", "the code")
    .action(async (code: string) => {
      const api = await openNative(cli);
      const json = { code };
      const answer = await api.ask({ method: "POST", path: "/vouchers/redeem", json });
      cli.terminal.answer(answer, (value, page) => {
        const { amount_usd: amount, available_usd: available } = fieldsOf(value);
        const sign = page.paint.good("✔");
        return `${sign} ${usdText(amount)} came in; ${usdText(available)} are available.`;
      });
    });
}

export function addReferrals(program: Command, cli: Cli): void {
  program
    .command("referrals")
    .description("Your code to bring others by, and who came")
    .action(async () => {
      const api = await openNative(cli);
      const answer = await api.ask({ method: "GET", path: "/referrals" });
      cli.terminal.answer(answer, (value, page) => {
        const said = fieldsOf(value);
        return facts(page, [
          ["code", String(said.code), page.paint.bold],
          ["link", String(said.link)],
          ["signed up", String(said.signed_up)],
          ["paid for work", String(said.qualified)],
          ["rewarded", String(said.rewarded)],
        ]);
      });
    });
}

export function addPayouts(program: Command, cli: Cli): void {
  const payout = program.command("payout").description("Have earnings paid out");
  payout
    .command("request")
    .description("Ask for a payout of earned or bought money")
    .requiredOption("--usd <amount>", "how much", usdAmount)
    .action(async ({ usd }: { usd: string }) => {
      const api = await openNative(cli);
      const answer = await api.ask({ method: "POST", path: "/payouts", json: { usd } });
      cli.terminal.answer(answer, (value, page) => {
        const { payout_id: id, state, usd: amount } = fieldsOf(value);
        const sign = page.paint.good("✔");
        return `${sign} ${usdText(amount)} left the wallet for payout ${String(id)} (${String(state)}).`;
      });
    });
  payout
    .command("list")
    .description("List your payouts, and what could be paid out now")
    .action(async () => {
      const api = await openNative(cli);
      cli.terminal.answer(await api.ask({ method: "GET", path: "/payouts" }), drawnPayouts);
    });
}

function drawnTransfers(answer: unknown, page: Page): string {
  const { transfers } = fieldsOf(answer);
  const rows = (Array.isArray(transfers) ? transfers : []).map(fieldsOf);
  if (rows.length === 0) return "Nothing came in or went out yet.";
  return table(
    page,
    [
      { title: "when", style: page.paint.dim },
      { title: "usd", align: "right", style: page.paint.bold },
      { title: "what" },
      { title: "transfer", isFlexible: true, style: page.paint.dim },
    ],
    rows.map((row) => [
      moment(row.at),
      `${row.direction === "out" ? "-" : "+"}${String(row.amount_usd)}`,
      String(row.kind),
      String(row.transfer_id),
    ]),
  );
}

function drawnPayouts(answer: unknown, page: Page): string {
  const { payouts, payable_usd: payable } = fieldsOf(answer);
  const rows = (Array.isArray(payouts) ? payouts : []).map(fieldsOf);
  const head = facts(page, [["could be paid out", usdText(payable), page.paint.bold]]);
  if (rows.length === 0) return head;
  const columns = [
    { title: "when", style: page.paint.dim },
    { title: "usd", align: "right" as const, style: page.paint.bold },
    { title: "state" },
    { title: "payout", style: page.paint.dim },
  ];
  const cells = rows.map((row) => [
    moment(row.created_at),
    ...[row.usd, row.state, row.payout_id].map(String),
  ]);
  return `${head}\n\n${table(page, columns, cells)}`;
}
