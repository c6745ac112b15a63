import type { Command } from "commander";
import { usdAmount } from "../money.ts";

/** Spend limits as an operator gives them: US dollars as text. */
export interface LimitOptions {
  readonly dailyUsd?: string;
  readonly monthlyUsd?: string;
  readonly prepaidUsd?: string;
}

export function addLimitOptions(command: Command): Command {
  return command
    .option("--daily-usd <amount>", "the most to be spent in a UTC day", usdAmount)
    .option("--monthly-usd <amount>", "the most to be spent in a UTC month", usdAmount)
    .option("--prepaid-usd <amount>", "the most to be spent for good", usdAmount);
}

export function limitsJson({ dailyUsd, monthlyUsd, prepaidUsd }: LimitOptions): object {
  return { daily_usd: dailyUsd, monthly_usd: monthlyUsd, prepaid_usd: prepaidUsd };
}
