/** Values as PostgreSQL writes and as this codebase reads them, where the driver would do otherwise. */
import pg from "pg";

const INT8 = 20;
const INT8_ARRAY: number = 1016;

type Nested<T> = (T | Nested<T>)[];

const PARSERS = new Map<number, (text: string) => unknown>([
  [INT8, BigInt],
  [INT8_ARRAY, (text) => toBigints(parseArray(text))],
]);
// The driver knows this type, and leaves its elements text.
const parseArray: (text: string) => Nested<string | null> = pg.types.getTypeParser(INT8_ARRAY);

function toBigints(values: Nested<string | null>): Nested<bigint | null> {
  return values.map((value) => {
    if (Array.isArray(value)) return toBigints(value);
    return value === null ? null : BigInt(value);
  });
}

/** For the driver: which parser reads which type. */
export const TYPES: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: "text" | "binary") =>
    (format !== "binary" && PARSERS.get(oid)) || pg.types.getTypeParser(oid, format ?? "text"),
};

/**
 * An array as PostgreSQL writes one. The driver's own form differs for bytes, and for what is JSON.
 */
export function arrayLiteral(values: readonly unknown[]): string {
  return `{${values.map(elementLiteral).join(",")}}`;
}

function elementLiteral(value: unknown): string {
  if (value === null || value === undefined) return "NULL";
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") {
    return String(value);
  }
  if (value instanceof Date) return `"${value.toISOString()}"`;
  if (Buffer.isBuffer(value)) return `"\\\\x${value.toString("hex")}"`;
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return `"${text.replace(/[\\"]/g, "\\$&")}"`;
}
