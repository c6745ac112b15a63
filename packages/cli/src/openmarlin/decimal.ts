/** Amounts, exactly: what is missing of 0.3 when there is 0.1 is 0.2, and no more. */
import { type Json, type JsonObject, Numeral } from "./json.ts";

/** A number with so many places behind its point. */
export class Decimal {
  readonly #units: bigint;
  readonly #places: number;

  constructor(units: bigint, places: number) {
    this.#units = units;
    this.#places = places;
  }

  static readonly zero = new Decimal(0n, 0);

  /** The number that `text` says; `undefined` where it says none, or one of absurd size. */
  static of(text: string): Decimal | undefined {
    const [, sign = "", whole = "", part = "", power = "0"] =
      /^([+-]?)(\d{1,40})(?:\.(\d{0,40}))?(?:[eE]([+-]?\d{1,3}))?$/.exec(text.trim()) ?? [];
    if (whole === "") return undefined;
    const places = part.length - Number(power);
    const units = BigInt(`${sign === "-" ? "-" : ""}${whole}${part}`);
    return places < 0 ? new Decimal(units * 10n ** BigInt(-places), 0) : new Decimal(units, places);
  }

  plus(other: Decimal): Decimal {
    const places = Math.max(this.#places, other.#places);
    return new Decimal(this.#at(places) + other.#at(places), places);
  }

  minus(other: Decimal): Decimal {
    return this.plus(new Decimal(-other.#units, other.#places));
  }

  get isAboveZero(): boolean {
    return this.#units > 0n;
  }

  /** The next number that has no more than so many places. */
  roundedUp(places: number): Decimal {
    if (this.#places <= places) return this;
    const step = 10n ** BigInt(this.#places - places);
    const whole = this.#units / step;
    return new Decimal(this.#units > whole * step ? whole + 1n : whole, places);
  }

  /** `10`, `2.5`, `-0.07`. */
  toString(): string {
    const sign = this.#units < 0n ? "-" : "";
    const digits = String(this.#units < 0n ? -this.#units : this.#units);
    const padded = digits.padStart(this.#places + 1, "0");
    const cut = padded.length - this.#places;
    const part = padded.slice(cut).replace(/0+$/, "");
    return `${sign}${padded.slice(0, cut)}${part === "" ? "" : `.${part}`}`;
  }

  /** As the clients' files have it: never without a point. */
  toFloat(): Numeral {
    const text = this.toString();
    return new Numeral(text.includes(".") ? text : `${text}.0`);
  }

  #at(places: number): bigint {
    return this.#units * 10n ** BigInt(places - this.#places);
  }
}

export interface Amount {
  readonly amount: Decimal;
  readonly unit: string;
}

/** The amount that an answer or a file tells: `{"amount": 1, "unit": "credits"}`. */
export function amountOf(value: Json | undefined): Amount | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { amount, unit } = value as JsonObject;
  const decimal = decimalOf(amount);
  return decimal && typeof unit === "string" ? { amount: decimal, unit } : undefined;
}

export function decimalOf(value: Json | undefined): Decimal | undefined {
  if (value instanceof Numeral) return Decimal.of(value.text);
  return typeof value === "number" ? Decimal.of(String(value)) : undefined;
}

export function amountText({ amount, unit }: Amount): string {
  return `${amount} ${unit}`;
}

/** An amount for `--json`. */
export function amountJson({ amount, unit }: Amount): JsonObject {
  return { amount: new Numeral(amount.toString()), unit };
}
