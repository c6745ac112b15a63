/** What was said in a session: it only grows. `append_events` (migration 0012) decides what is added. */
import type { SessionClosing, SessionReason, SessionState } from "../domain/session.ts";
import type { Tx } from "./database.ts";
import { turnsOf } from "./session-rows.ts";

/** What somebody adds to a session's log. */
export type LogItem =
  | {
      readonly sessionId: string;
      readonly author: "requester";
      /** The requester's own number of the message. */
      readonly seq: number;
      /** JSON text. */
      readonly payload: string;
    }
  | {
      readonly sessionId: string;
      readonly author: "provider";
      readonly kind: "message" | "failed";
      /** The turn that it answers; 0 for none. */
      readonly turn: number;
      /** The provider's own number of the message; 0 lets the log count. */
      readonly number: number;
      readonly isFinal: boolean;
      readonly agentId: string;
      /** The connection that it came by. */
      readonly epoch: number;
      readonly payload: string;
    }
  | {
      readonly sessionId: string;
      readonly author: "system";
      readonly kind: SystemEvent;
      readonly payload: string;
    };

export type SystemEvent =
  | "activated"
  | "disconnected"
  | "reconnected"
  | "ended"
  | "cancelled"
  | "settled"
  | "quoted"
  | "invoiced"
  | "idle";

export type EventKind = "message" | "brief" | "failed" | SystemEvent;

/** What became of an item, in the order in which they were handed in. */
export interface LogAnswer {
  readonly outcome: LogOutcome;
  readonly position: number;
  /** Messages that count against the cap, with this one. */
  readonly used: number;
}

// In the order of the codes that the function answers.
const OUTCOMES = [
  "added",
  "repeated",
  "unknown",
  "number_taken",
  "not_active",
  "cap_reached",
  "too_many_turns",
  "full",
  "stale",
  "late",
  "gap",
  "undecided",
] as const;
export type LogOutcome = (typeof OUTCOMES)[number];

export interface LogLimits {
  /** Of one session's whole log. */
  readonly bytesMax: number;
  /** Turns that may wait for a reply. */
  readonly turnsMax: number;
  /** What may be said before an open quote is accepted. */
  readonly briefsMax: number;
}

/** Adds items to logs, each or not at all, and answers each. What this resolves is on the disk. */
export async function appendEvents(
  tx: Tx,
  items: readonly LogItem[],
  at: Date,
  limits: LogLimits,
): Promise<LogAnswer[]> {
  const ids = [...new Set(items.map(({ sessionId }) => sessionId))].sort();
  const positionOf = new Map(ids.map((id, index) => [id, index + 1]));
  const [row] = await tx.query<{ answers: string }>(
    "select append_events($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) as answers",
    [
      ids,
      at,
      limits.bytesMax,
      limits.turnsMax,
      limits.briefsMax,
      items.map(({ sessionId }) => positionOf.get(sessionId)),
      items.map(({ author }) => author),
      items.map((item) => ("kind" in item ? item.kind : "message")),
      items.map((item) => (item.author === "requester" ? item.seq : turnOf(item))),
      items.map((item) => (item.author === "provider" ? item.number : 0)),
      items.map((item) => item.author === "provider" && item.isFinal),
      items.map((item) => (item.author === "provider" ? item.agentId : "")),
      items.map((item) => (item.author === "provider" ? item.epoch : 0)),
      items.map(({ payload }) => payload),
    ],
  );
  return readAnswers(row?.answers ?? "");
}

function turnOf(item: LogItem): number {
  return item.author === "provider" ? item.turn : 0;
}

function readAnswers(answers: string): LogAnswer[] {
  const [codes = "", positions = "", useds = ""] = answers
    .split(";")
    .map((list) => list.split(","));
  return [...codes].map((code, index) => {
    const outcome = OUTCOMES[Number(code)];
    if (outcome === undefined) throw new Error(`append_events answered ${code}`);
    return { outcome, position: Number(positions[index]), used: Number(useds[index]) };
  });
}

export interface LoggedEvent {
  readonly position: number;
  /** The requester's number of the message, or the turn that it answers. */
  readonly seq: number | undefined;
  readonly isFinal: boolean;
  readonly author: "requester" | "provider" | "system";
  readonly kind: EventKind;
  readonly at: Date;
  /** JSON text. */
  readonly payload: string;
}

export interface PageRequest {
  readonly sessionId: string;
  readonly from: number;
  readonly limit: number;
}

export interface EventPage {
  readonly state: SessionState;
  /** How long the log is: the position of what is added next. */
  readonly length: number;
  readonly events: readonly LoggedEvent[];
}

/** Pages of several sessions' logs in one query, each at most `bytesMax` of payloads long, or one event. */
export async function listEvents(
  tx: Tx,
  pages: readonly PageRequest[],
  bytesMax: number,
): Promise<EventPage[]> {
  const rows = await tx.query<EventRow>(
    `select u.at as page, w.state, l.next_position as length, e.position, e.seq, e.is_final, e.author, e.kind, e.at, e.payload
       from unnest($1::text[], $2::int[], $3::int[]) with ordinality u(id, start, most, at)
       join work w on w.id = u.id
       join session_logs l on l.session_id = u.id
       left join lateral (
         select t.*, sum(octet_length(t.payload)) over (order by t.position) as total
           from (select x.* from session_events x
                  where x.session_id = u.id and x.position >= u.start
                  order by x.position limit u.most) t) e
         on e.total <= $4 or e.position = u.start
      order by u.at, e.position`,
    [
      pages.map(({ sessionId }) => sessionId),
      pages.map(({ from }) => from),
      pages.map(({ limit }) => limit),
      bytesMax,
    ],
  );
  const found = pages.map(() => ({
    state: "ended" as SessionState,
    length: 0,
    events: [] as LoggedEvent[],
  }));
  for (const row of rows) {
    const page = found[Number(row.page) - 1];
    if (!page) continue;
    page.state = row.state;
    page.length = row.length;
    if (row.position !== null) page.events.push(toEvent(row));
  }
  return found;
}

export interface SaidMessage {
  readonly sessionId: string;
  readonly seq: number;
  readonly kind: EventKind;
  /** JSON text. */
  readonly payload: string;
}

/** Messages of requesters by their numbers, in the order in which they were said. */
export async function findMessages(
  tx: Tx,
  wanted: readonly { readonly sessionId: string; readonly seq: number }[],
): Promise<SaidMessage[]> {
  return tx.query<SaidMessage>(
    `select e.session_id as "sessionId", e.seq, e.kind, e.payload
       from unnest($1::text[], $2::int[]) u(id, seq)
       join session_events e on e.session_id = u.id and e.seq = u.seq and e.author = 'requester'
      order by e.session_id, e.position`,
    [wanted.map(({ sessionId }) => sessionId), wanted.map(({ seq }) => seq)],
  );
}

/** The last thing that was said before each of these was accepted. */
export async function findLastBriefs(
  tx: Tx,
  sessionIds: readonly string[],
): Promise<SaidMessage[]> {
  return tx.query<SaidMessage>(
    `select e.session_id as "sessionId", e.seq, e.kind, e.payload
       from unnest($1::text[]) u(id)
      cross join lateral (select t.* from session_events t
                           where t.session_id = u.id and t.kind = 'brief'
                           order by t.position desc limit 1) e`,
    [sessionIds],
  );
}

/** How live sessions stand for whoever talks to their provider: over, or with turns to be answered. */
export async function listOpenTurns(
  tx: Tx,
  sessionIds: readonly string[],
): Promise<{ readonly sessionId: string; readonly isClosed: boolean; readonly turns: number[] }[]> {
  const rows = await tx.query<{ session_id: string; is_closed: boolean; open_turns: string }>(
    `select l.session_id, l.told in ('over', 'settled') as is_closed, l.open_turns
       from unnest($1::text[]) u(id) join session_logs l on l.session_id = u.id
      where l.told in ('over', 'settled') or l.open_turns <> ','`,
    [sessionIds],
  );
  return rows.map((row) => ({
    sessionId: row.session_id,
    isClosed: row.is_closed,
    turns: turnsOf(row.open_turns),
  }));
}

export interface CloseLog {
  readonly sessionId: string;
  readonly closing: SessionClosing;
  readonly declaredCount?: number | undefined;
  readonly finalOutput?: string | undefined;
  readonly continuationId?: string | undefined;
  readonly note?: string | undefined;
  readonly at: Date;
  /** Only where nothing was said since then. */
  readonly onlyIfLastAt?: Date | undefined;
}

/**
 * Closes a log: nothing is added to it any more. Whoever comes first does; `false` for all others.
 * Why the session ends, given that its cap was reached, and given that it was not.
 */
export async function closeLog(
  tx: Tx,
  close: CloseLog,
  reasons: { readonly usedUp: SessionReason; readonly otherwise: SessionReason },
): Promise<boolean> {
  const rows = await tx.query(
    `with closed as (
       update session_logs set closing = $2, closing_at = $3
        where session_id = $1 and closing is null and ($4::timestamptz is null or last_at = $4)
       returning session_id, cap_hit_at)
     insert into session_endings(session_id, event, reason, declared_count, final_output,
                                 continuation_id, note, at)
     select c.session_id, $2, case when c.cap_hit_at is not null then $5 else $6 end, $7, $8, $9,
            $10, $3
       from closed c
     returning session_id`,
    [
      close.sessionId,
      close.closing,
      close.at,
      close.onlyIfLastAt ?? null,
      reasons.usedUp,
      reasons.otherwise,
      close.declaredCount ?? null,
      close.finalOutput ?? null,
      close.continuationId ?? null,
      close.note ?? null,
    ],
  );
  return rows.length > 0;
}

/** Opens a log again whose extension by this leg came to nothing. */
export async function reopenLog(tx: Tx, sessionId: string, continuationId: string): Promise<void> {
  await tx.query(
    `with undone as (
       delete from session_endings where session_id = $1 and continuation_id = $2
          and event = 'extend' returning session_id)
     update session_logs l set closing = null, closing_at = null
       from undone
      where l.session_id = undone.session_id and l.closing = 'extend'`,
    [sessionId, continuationId],
  );
}

/** Says which leg goes on from one that was over. */
export async function noteContinuation(tx: Tx, sessionId: string, nextId: string): Promise<void> {
  await tx.query("update session_endings set continuation_id = $2 where session_id = $1", [
    sessionId,
    nextId,
  ]);
}

/** Sessions whose log was closed before this and whose end is not told yet. */
export async function listUnfinishedClosings(
  tx: Tx,
  before: Date,
  limit: number,
): Promise<string[]> {
  const rows = await tx.query<{ session_id: string }>(
    `select session_id from session_logs
      where closing is not null and told <> 'over' and told <> 'settled' and closing_at < $1
      order by closing_at limit $2`,
    [before, limit],
  );
  return rows.map((row) => row.session_id);
}

/** Live sessions whose last turn was answered before this. */
export async function listCappedSessions(tx: Tx, before: Date, limit: number): Promise<string[]> {
  const rows = await tx.query<{ session_id: string }>(
    `select session_id from session_logs
      where cap_hit_at is not null and closing is null and cap_hit_at <= $1
      order by cap_hit_at limit $2`,
    [before, limit],
  );
  return rows.map((row) => row.session_id);
}

interface EventRow {
  page: bigint;
  state: SessionState;
  length: number;
  position: number | null;
  seq: number | null;
  is_final: boolean;
  author: LoggedEvent["author"];
  kind: EventKind;
  at: Date;
  payload: string;
}

function toEvent(row: EventRow): LoggedEvent {
  return {
    position: row.position ?? 0,
    seq: row.seq ?? undefined,
    isFinal: row.is_final,
    author: row.author,
    kind: row.kind,
    at: row.at,
    payload: row.payload,
  };
}
