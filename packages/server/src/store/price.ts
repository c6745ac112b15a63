import type { Price } from "../domain/price.ts";

/** A price as JSON. It knows no bigint: micros are text, named so that they are read back as such. */
export function priceText(price: Price): string {
  return JSON.stringify(price, (_key, value: unknown) =>
    typeof value === "bigint" ? value.toString() : value,
  );
}

/** A price as `priceText` wrote it, parsed by the database or not. */
export function priceOf(json: unknown): Price {
  const text = typeof json === "string" ? json : JSON.stringify(json);
  return JSON.parse(text, (key, value) =>
    key.endsWith("Micros") && typeof value === "string" ? BigInt(value) : value,
  ) as Price;
}
