/**
 * Micros and the units people read. A micro is a millionth of a US dollar and the only unit inside;
 * this is the one place with a decimal point.
 */

/** Micros in one US dollar. */
export const MICROS_PER_USD = 1_000_000n;

const DECIMAL = /^(-?)(\d{1,12})(?:\.(\d{1,6}))?$/;

/** `"1.5"` US dollars to `1_500_000n` micros. Exact; `undefined` when it is not an amount. */
export function microsOfUsd(text: string): bigint | undefined {
  const match = DECIMAL.exec(text);
  if (!match) return undefined;
  const [, sign, whole = "0", fraction = ""] = match;
  const micros = BigInt(whole) * MICROS_PER_USD + BigInt(fraction.padEnd(6, "0"));
  return sign ? -micros : micros;
}

/** Micros to US dollars as exact decimal text without trailing zeros: `1_500_000n` is `"1.5"`. */
export function usdOfMicros(micros: bigint): string {
  const size = micros < 0n ? -micros : micros;
  const fraction = (size % MICROS_PER_USD).toString().padStart(6, "0").replace(/0+$/, "");
  const whole = (size / MICROS_PER_USD).toString();
  return `${micros < 0n ? "-" : ""}${whole}${fraction ? `.${fraction}` : ""}`;
}

/** Micros to a wire's unit, for balances: rounds down, so nobody sees what is not there. */
export function unitsDown(micros: bigint, microsPerUnit: bigint): bigint {
  const units = micros / microsPerUnit;
  return micros < 0n && units * microsPerUnit !== micros ? units - 1n : units;
}

/** Micros to a wire's unit, for prices and charges: rounds up, so nothing costs more than was shown. */
export function unitsUp(micros: bigint, microsPerUnit: bigint): bigint {
  return -unitsDown(-micros, microsPerUnit);
}
