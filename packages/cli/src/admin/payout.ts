import type { Command } from "commander";
import { pathPart } from "../linkedclaw/api.ts";
import { fieldsOf } from "../server.ts";
import { moment, table } from "../terminal/layout.ts";
import type { Admin } from "./admin.ts";

export function addPayout(parent: Command, admin: Admin): void {
  const { terminal } = admin.cli;
  const payout = parent.command("payout").description("Money that members asked to have paid out");
  payout
    .command("list")
    .description("List payouts, oldest first, unless all only those that wait")
    .option("--all", "also those that are paid or were refused")
    .action(async ({ all }: { all?: boolean }) => {
      const api = await admin.open();
      const query = { state: all ? undefined : "requested" };
      const answer = await api.ask({ method: "GET", path: "/payouts", query });
      terminal.answer(answer, (value, page) => {
        const payouts = fieldsOf(value).payouts;
        const rows = (Array.isArray(payouts) ? payouts : []).map(fieldsOf);
        if (rows.length === 0) return "No payouts wait.";
        return table(
          page,
          [
            { title: "payout", style: page.paint.accent },
            { title: "usd", align: "right", style: page.paint.bold },
            { title: "state" },
            { title: "member" },
            { title: "wallet" },
            { title: "asked for", style: page.paint.dim },
          ],
          rows.map(({ payout_id, usd, state, email, is_frozen, created_at }) => {
            const wallet = is_frozen ? "frozen" : "";
            return [payout_id, usd, state, email, wallet, moment(created_at)].map(String);
          }),
        );
      });
    });
  payout
    .command("mark-paid")
    .description("Note that the money was sent")
    .argument("<payout_id>", "from payout list")
    .action(async (payoutId: string) => {
      const api = await admin.open();
      const path = `/payouts/${pathPart(payoutId)}/mark-paid`;
      terminal.answer(await api.ask({ method: "POST", path, json: {} }));
    });
}
