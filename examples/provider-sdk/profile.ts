/** What is in the columns of a CSV file (RFC 4180: quotes, doubled quotes, line breaks within quotes). */

export interface Column {
  readonly name: string;
  readonly empty: number;
  readonly distinct: number;
  /** Only where every field that is not empty is a number. */
  readonly numbers?: { readonly min: number; readonly max: number; readonly mean: number };
}

export interface Profile {
  readonly rows: number;
  readonly columns: readonly Column[];
}

/** Throws a `RangeError` where rows have more fields than the head has names. */
export function profileOf(csv: string): Profile {
  const [head = [], ...rows] = parse(csv);
  if (rows.some((row) => row.length > head.length)) {
    throw new RangeError("A row has more fields than the head has names.");
  }
  const columns = head.map((name, index) =>
    columnOf(
      name,
      rows.map((row) => row[index] ?? ""),
    ),
  );
  return { rows: rows.length, columns };
}

function columnOf(name: string, fields: readonly string[]): Column {
  const full = fields.map((field) => field.trim()).filter((field) => field !== "");
  const column = { name, empty: fields.length - full.length, distinct: new Set(full).size };
  const numbers = full.map(Number);
  if (numbers.length === 0 || !numbers.every(Number.isFinite)) return column;
  let [min, max, sum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (const number of numbers) {
    min = Math.min(min, number);
    max = Math.max(max, number);
    sum += number;
  }
  return { ...column, numbers: { min, max, mean: sum / numbers.length } };
}

/** One field and what ends it; a quoted one holds whatever is between its quotes. */
const FIELD = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|\r|$)/y;

function parse(csv: string): string[][] {
  const text = csv.replace(/^\uFEFF/, "").replace(/(?:\r?\n)+$/, "");
  const rows: string[][] = [[]];
  FIELD.lastIndex = 0;
  while (FIELD.lastIndex <= text.length) {
    const at = FIELD.lastIndex;
    const found = FIELD.exec(text);
    if (!found) throw new RangeError(`The file is no CSV from character ${at} on.`);
    const [, quoted, bare = "", end] = found;
    rows.at(-1)?.push(quoted === undefined ? bare : quoted.replaceAll('""', '"'));
    if (end === "") break;
    if (end !== ",") rows.push([]);
  }
  return rows;
}
