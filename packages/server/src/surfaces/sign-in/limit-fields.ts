import { microsOfUsd } from "@guildhall/protocol";
import type { SpendLimits } from "../../domain/budget.ts";
import type { LimitTexts } from "./pages/settings.ts";

/** What is wrong with an amount that cannot be read. */
export const BAD_AMOUNT =
  "An amount is a number of dollars such as 5 or 2.50, or nothing for no limit.";

/** Limits as they were typed. */
export function limitTexts(form: URLSearchParams): LimitTexts {
  return {
    daily: form.get("daily") ?? "",
    monthly: form.get("monthly") ?? "",
    prepaid: form.get("prepaid") ?? "",
  };
}

/** `undefined` where any of them is not an amount. */
export function readLimits(form: URLSearchParams): SpendLimits | undefined {
  const texts = limitTexts(form);
  const dailyMicros = readAmount(texts.daily);
  const monthlyMicros = readAmount(texts.monthly);
  const prepaidMicros = readAmount(texts.prepaid);
  if (dailyMicros === "wrong" || monthlyMicros === "wrong" || prepaidMicros === "wrong") {
    return undefined;
  }
  return { dailyMicros, monthlyMicros, prepaidMicros };
}

/** Dollars as a person types them to micros; nothing is no limit. */
export function readAmount(text: string): bigint | undefined | "wrong" {
  const typed = text.trim().replace(/^\$/, "");
  if (typed === "") return undefined;
  const micros = microsOfUsd(typed);
  return micros === undefined || micros < 0n ? "wrong" : micros;
}
