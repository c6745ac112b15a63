import type { Command } from "commander";
import { Failure } from "../failure.ts";
import { fieldsOf } from "../server.ts";
import type { Admin } from "./admin.ts";

/** The books are read in short slices, so that work goes on meanwhile: large ones take long. */
const TIMEOUT_MS = 30 * 60_000;

export function addLedger(parent: Command, admin: Admin): void {
  const { terminal } = admin.cli;
  parent
    .command("ledger")
    .description("The books")
    .command("verify")
    .description("Recompute every balance from transfers and holds; fails on any difference")
    .option("--full", "from the first transfer on, not from where the last check ended")
    .action(async ({ full = false }: { full?: boolean }) => {
      const api = await admin.open();
      const query = { full: full ? "1" : "0" };
      const request = { method: "GET", path: "/ledger/verify", query } as const;
      const asked = api.ask({ ...request, timeoutMs: TIMEOUT_MS });
      const answer = fieldsOf(await terminal.waiting("reading the books", asked));
      if (answer.ok !== true) {
        throw new Failure("ledger_drift", "The books do not add up.", { facts: answer });
      }
      terminal.answer(answer, ({ accounts, transfers, holds }, page) => {
        const sign = page.paint.good("✔");
        return `${sign} The books add up: ${accounts} accounts, ${transfers} transfers, ${holds} holds.`;
      });
    });
}
