/**
 * Rows that are written for a command: what a work was asked for, and how it ended. Small ones travel
 * in the very statement that commits the command, large ones before it in a statement of their own.
 *
 * Either way a row may be there without its command having been done. It is nothing by itself.
 */
import type { Tx } from "./database.ts";

/** How records of one kind become rows. One object a kind, made once. */
export interface RowKind<Record> {
  readonly name: string;
  /**
   * Common table expressions that insert the rows, all of them or none where they are there already
   * (a batch whose answer was lost is sent again). The parameters are `$1` and following.
   */
  readonly sql: string;
  parametersOf(records: readonly Record[]): readonly unknown[];
  /** Rows are inserted in this order by every process, so that two cannot wait for each other. */
  orderOf(record: Record): string;
  /** Of what was written alone: about how many bytes. */
  weigh(record: Record): number;
  /** An expression of `sql` whose rows the command itself needs: they are inserted before it is done. */
  readonly needed?: string;
}

/** A record and what to do with it. */
export interface Row {
  readonly kind: RowKind<never>;
  readonly record: unknown;
}

/** Puts a record beside its kind, which it has to fit. */
export function rowOf<Record>(kind: RowKind<Record>, record: Record): Row {
  return { kind: kind as RowKind<never>, record };
}

/** About how many bytes a row comes to. */
export function weighRow({ kind, record }: Row): number {
  return kind.weigh(record as never);
}

/**
 * Writes rows of one kind in one statement that does not wait for the disk: the commit of their
 * command, which comes later, does, and the database's log is written in order.
 */
export async function insertRows<Record>(
  tx: Tx,
  kind: RowKind<Record>,
  records: readonly Record[],
): Promise<void> {
  await tx.query(
    `with quiet as materialized (select set_config('synchronous_commit', 'off', true)),
          ${kind.sql}
     select 1 from quiet`,
    kind.parametersOf(inOrder(kind, records)),
  );
}

/** What a statement says and takes to write rows along with what else it does. */
export interface RowsInStatement {
  /** `with …`, or nothing where there are no rows. */
  readonly head: string;
  /** `where …`, which has the database insert what the statement itself needs first. */
  readonly tail: string;
  readonly parameters: readonly unknown[];
}

const NO_ROWS: RowsInStatement = { head: "", tail: "", parameters: [] };

/** Rows of any kinds for a statement that has `before` parameters of its own. */
export function rowsInStatement(rows: readonly Row[], before: number): RowsInStatement {
  if (rows.length === 0) return NO_ROWS;
  const byKind = new Map<RowKind<never>, unknown[]>();
  for (const { kind, record } of rows) {
    const records = byKind.get(kind);
    if (records) records.push(record);
    else byKind.set(kind, [record]);
  }
  // In one order, so that few different statements are prepared.
  const kinds = [...byKind].sort(([a], [b]) => (a.name < b.name ? -1 : 1));
  const expressions: string[] = [];
  const needed: string[] = [];
  const parameters: unknown[] = [];
  for (const [kind, records] of kinds) {
    expressions.push(shifted(kind, before + parameters.length));
    if (kind.needed) needed.push(`(select count(*) from ${kind.needed}) >= 0`);
    parameters.push(...kind.parametersOf(inOrder(kind, records as never[])));
  }
  return {
    head: `with ${expressions.join(",\n")}\n`,
    tail: needed.length > 0 ? ` where ${needed.join(" and ")}` : "",
    parameters,
  };
}

const shiftedTexts = new Map<string, string>();

function shifted(kind: RowKind<never>, by: number): string {
  const key = `${kind.name} ${by}`;
  let text = shiftedTexts.get(key);
  if (text === undefined) {
    text = kind.sql.replace(/\$(\d+)/g, (_, position) => `$${Number(position) + by}`);
    shiftedTexts.set(key, text);
  }
  return text;
}

function inOrder<Record>(kind: RowKind<Record>, records: readonly Record[]): readonly Record[] {
  if (records.length < 2) return records;
  const ordered = records.map((record) => ({ record, key: kind.orderOf(record) }));
  ordered.sort((a, b) => (a.key < b.key ? -1 : 1));
  return ordered.map(({ record }) => record);
}
