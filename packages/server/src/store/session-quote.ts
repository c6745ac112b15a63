/** Proposals, bills and complaints of sessions. */
import type { Tx } from "./database.ts";

/** What a provider proposes for an open quote. A later one replaces it until one is accepted. */
export interface SessionQuote {
  readonly sessionId: string;
  readonly revision: number;
  readonly amountMicros: bigint;
  readonly ceilingMicros: bigint;
  /** JSON text. */
  readonly lines: string | undefined;
  readonly note: string | undefined;
  readonly proposedAt: Date;
  readonly acceptedAt: Date | undefined;
  /** A bill up to this is paid without being looked at. */
  readonly silentBoundMicros: bigint | undefined;
}

/** Writes a proposal over the one before. `undefined` where one was accepted already. */
export async function upsertQuote(
  tx: Tx,
  quote: Omit<SessionQuote, "revision" | "acceptedAt" | "silentBoundMicros">,
): Promise<SessionQuote | undefined> {
  const rows = await tx.query<QuoteRow>(
    `insert into session_quotes as q (session_id, revision, amount_micros, ceiling_micros, lines, note,
                                      proposed_at)
     values ($1, 1, $2, $3, $4, $5, $6)
     on conflict (session_id) do update
       set revision = q.revision + 1, amount_micros = excluded.amount_micros,
           ceiling_micros = excluded.ceiling_micros, lines = excluded.lines, note = excluded.note,
           proposed_at = excluded.proposed_at
      where q.accepted_at is null
     returning q.*`,
    [
      quote.sessionId,
      quote.amountMicros,
      quote.ceilingMicros,
      quote.lines ?? null,
      quote.note ?? null,
      quote.proposedAt,
    ],
  );
  return rows[0] && toQuote(rows[0]);
}

export async function findQuote(tx: Tx, sessionId: string): Promise<SessionQuote | undefined> {
  const rows = await tx.query<QuoteRow>("select * from session_quotes where session_id = $1", [
    sessionId,
  ]);
  return rows[0] && toQuote(rows[0]);
}

/** Accepts one revision: from here on it stays. `false` where it is another one, or was accepted. */
export async function acceptQuote(
  tx: Tx,
  sessionId: string,
  accepted: {
    readonly revision: number;
    readonly at: Date;
    readonly silentBoundMicros: bigint | undefined;
  },
): Promise<boolean> {
  const rows = await tx.query(
    `update session_quotes set accepted_at = $3, silent_bound_micros = $4
      where session_id = $1 and revision = $2 and accepted_at is null returning session_id`,
    [sessionId, accepted.revision, accepted.at, accepted.silentBoundMicros ?? null],
  );
  return rows.length > 0;
}

/** Takes an acceptance back that could not be paid for. */
export async function withdrawAcceptance(tx: Tx, sessionId: string, at: Date): Promise<void> {
  await tx.query(
    `update session_quotes set accepted_at = null, silent_bound_micros = null
      where session_id = $1 and accepted_at = $2`,
    [sessionId, at],
  );
}

export interface SessionInvoice {
  readonly id: string;
  readonly sessionId: string;
  readonly totalMicros: bigint;
  /** JSON text. */
  readonly lines: string | undefined;
  readonly note: string | undefined;
  readonly submittedAt: Date;
}

/** Writes a session's one bill. `false` where there is one already. */
export async function insertInvoice(tx: Tx, invoice: SessionInvoice): Promise<boolean> {
  const rows = await tx.query(
    `insert into session_invoices(session_id, id, total_micros, lines, note, submitted_at)
     values ($1, $2, $3, $4, $5, $6) on conflict do nothing returning session_id`,
    [
      invoice.sessionId,
      invoice.id,
      invoice.totalMicros,
      invoice.lines ?? null,
      invoice.note ?? null,
      invoice.submittedAt,
    ],
  );
  return rows.length > 0;
}

/** Removes a bill that came too late. */
export async function deleteInvoice(tx: Tx, id: string): Promise<void> {
  await tx.query("delete from session_invoices where id = $1", [id]);
}

export async function findInvoice(tx: Tx, sessionId: string): Promise<SessionInvoice | undefined> {
  const [row] = await tx.query<{
    session_id: string;
    id: string;
    total_micros: bigint;
    lines: string | null;
    note: string | null;
    submitted_at: Date;
  }>("select * from session_invoices where session_id = $1", [sessionId]);
  return (
    row && {
      id: row.id,
      sessionId: row.session_id,
      totalMicros: row.total_micros,
      lines: row.lines ?? undefined,
      note: row.note ?? undefined,
      submittedAt: row.submitted_at,
    }
  );
}

/** Keeps a complaint, unless the session has `most` of them. */
export async function insertFlag(
  tx: Tx,
  flag: {
    readonly id: string;
    readonly sessionId: string;
    readonly reason: string;
    readonly note: string | undefined;
    readonly at: Date;
  },
  most: number,
): Promise<boolean> {
  const rows = await tx.query(
    `insert into session_flags(id, session_id, reason, note, at)
     select $1, $2, $3, $4, $5
      where (select count(*) from session_flags where session_id = $2) < $6 returning id`,
    [flag.id, flag.sessionId, flag.reason, flag.note ?? null, flag.at, most],
  );
  return rows.length > 0;
}

interface QuoteRow {
  session_id: string;
  revision: number;
  amount_micros: bigint;
  ceiling_micros: bigint;
  lines: string | null;
  note: string | null;
  proposed_at: Date;
  accepted_at: Date | null;
  silent_bound_micros: bigint | null;
}

function toQuote(row: QuoteRow): SessionQuote {
  return {
    sessionId: row.session_id,
    revision: row.revision,
    amountMicros: row.amount_micros,
    ceilingMicros: row.ceiling_micros,
    lines: row.lines ?? undefined,
    note: row.note ?? undefined,
    proposedAt: row.proposed_at,
    acceptedAt: row.accepted_at ?? undefined,
    silentBoundMicros: row.silent_bound_micros ?? undefined,
  };
}
