/** Amounts as people type and read them. */
import { microsOfUsd } from "@guildhall/protocol";
import { InvalidArgumentError } from "commander";

/** A parser for options that are amounts above zero, in US dollars. Kept as text: it is exact. */
export function usdAmount(text: string): string {
  const micros = microsOfUsd(text);
  if (micros !== undefined && micros > 0n) return text;
  throw new InvalidArgumentError("It must be an amount above zero, like 10 or 0.5.");
}

/** `10.5` as `10.50 USD`, and smaller parts of a cent where there are any. */
export function usdText(usd: unknown): string {
  const [whole = "", fraction = ""] = String(usd).split(".");
  return `${whole}.${fraction.padEnd(2, "0")} USD`;
}
