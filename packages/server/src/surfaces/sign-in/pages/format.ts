import { MICROS_PER_USD, unitsDown } from "@guildhall/protocol";

const MICROS_PER_CENT = MICROS_PER_USD / 100n;

/** Dollars and cents, rounded down so that nobody sees what is not there: `$1,234.50`. */
export function dollars(micros: bigint): string {
  const cents = unitsDown(micros, MICROS_PER_CENT);
  const size = cents < 0n ? -cents : cents;
  const whole = (size / 100n).toString().replace(/\B(?=(\d{3})+$)/g, ",");
  return `${cents < 0n ? "−" : ""}$${whole}.${(size % 100n).toString().padStart(2, "0")}`;
}

/** `21 Nov 2026, 03:59 UTC`: the same for every reader, as the server does not know their clock. */
export function instant(at: Date): string {
  const [, day, month, year, time] =
    /(\d\d) (\w{3}) (\d{4}) (\d\d:\d\d)/.exec(at.toUTCString()) ?? [];
  return `${Number(day)} ${month} ${year}, ${time} UTC`;
}
