/**
 * Sessions as rows: what was agreed (`sessions`), where it stands (`work`, which only the ledger writes) and
 * how its log stands (`session_logs`, see session-log.ts).
 */
import type { Budget } from "../domain/budget.ts";
import type { Session, SessionState } from "../domain/session.ts";
import type { SessionTerms } from "../domain/session-terms.ts";
import type { Tx } from "./database.ts";
import { priceText } from "./price.ts";
import {
  SELECT_VIEW,
  SESSION_COLUMNS,
  type SessionRow,
  type SessionView,
  toSession,
  toView,
  type ViewRow,
} from "./session-rows.ts";

/** A session about to open: its rows are written before its work and are nothing without it. */
export interface SessionRecord {
  readonly session: Session;
  /** Whether it begins its chain, whose row is then written as well. */
  readonly isRoot: boolean;
  /** The ceiling of the chain that begins with it. */
  readonly chainBudget: Budget | undefined;
}

/** Writes a session, the head of its log, and the chain that begins with it. */
export async function insertSession(
  tx: Tx,
  { session, isRoot, chainBudget }: SessionRecord,
): Promise<void> {
  const { terms } = session;
  await tx.query(
    `with root as (
            insert into chains(id, workspace_id, created_at)
            select $10, $2, $20 where $21),
          ceiling as (
            insert into budgets(id, scope, owner_id, limit_micros)
            select $22, 'chain', $10, $23 where $22::text is not null on conflict do nothing),
          head as (insert into session_logs(session_id, last_at) values ($1, $20))
     insert into sessions(id, workspace_id, agent_id, provider_workspace_id, capability, shape,
                          amount_micros, ceiling_micros, messages_max, chain_id, parent_id, previous_id,
                          key_id, tier_index, tier_name, schedule, fee_bp, referred_by, mandate_id,
                          created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)`,
    [
      session.id,
      session.workspaceId,
      session.agentId,
      session.providerWorkspaceId,
      session.capability,
      terms.shape,
      amountOf(terms),
      terms.shape === "open_quote" ? (terms.ceilingMicros ?? null) : null,
      session.messagesMax,
      session.chainId,
      session.parentId ?? null,
      session.previousId ?? null,
      session.keyId ?? null,
      "tierIndex" in terms ? (terms.tierIndex ?? null) : null,
      "tierName" in terms ? (terms.tierName ?? null) : null,
      priceText(session.schedule),
      session.feeBasisPoints,
      session.referredBy ?? null,
      session.mandateId ?? null,
      session.createdAt,
      isRoot,
      chainBudget?.id ?? null,
      chainBudget?.limitMicros ?? null,
    ],
  );
}

function amountOf(terms: SessionTerms): bigint {
  if (terms.shape === "free") return 0n;
  return terms.shape === "open_quote" ? terms.estimateMicros : terms.amountMicros;
}

/** What of a session does not change, by the rows alone: its work may not have opened. */
export async function findSessions(tx: Tx, ids: readonly string[]): Promise<Session[]> {
  const rows = await tx.query<SessionRow>(
    `select ${SESSION_COLUMNS} from sessions s join work w on w.id = s.id where s.id = any($1)`,
    [ids],
  );
  return rows.map(toSession);
}

/** A session that was opened; a row whose work never opened does not exist to anyone. */
export async function findSessionView(tx: Tx, id: string): Promise<SessionView | undefined> {
  const [view] = await findSessionViews(tx, [id]);
  return view;
}

export async function findSessionViews(tx: Tx, ids: readonly string[]): Promise<SessionView[]> {
  if (ids.length === 0) return [];
  const rows = await tx.query<ViewRow>(`${SELECT_VIEW} where s.id = any($1)`, [ids]);
  return rows.map(toView);
}

export interface SessionFilter {
  readonly workspaceId: string;
  readonly side: "requester" | "provider";
  readonly state: SessionState | undefined;
  /** Only those older than this one. */
  readonly beforeId: string | undefined;
  readonly limit: number;
}

/** Sessions of one side, newest first. */
export async function listSessionViews(tx: Tx, filter: SessionFilter): Promise<SessionView[]> {
  const column = filter.side === "requester" ? "workspace_id" : "provider_workspace_id";
  const rows = await tx.query<ViewRow>(
    `${SELECT_VIEW} where s.${column} = $1 and ($2::text is null or s.id < $2)
        and ($3::text is null or w.state = $3)
      order by s.id desc limit $4`,
    [filter.workspaceId, filter.beforeId ?? null, filter.state ?? null, filter.limit],
  );
  return rows.map(toView);
}

/** Sessions of an agent that are not over, oldest first. */
export async function listLiveSessionsOf(tx: Tx, agentId: string): Promise<SessionView[]> {
  const rows = await tx.query<ViewRow>(
    `${SELECT_VIEW} where w.shape = 'session' and w.deadline_at is not null and s.agent_id = $1
      order by s.id`,
    [agentId],
  );
  return rows.map(toView);
}

/** Sessions whose time to be looked at has come, the longest overdue first. */
export async function listDueSessions(tx: Tx, now: Date, limit: number): Promise<SessionView[]> {
  const rows = await tx.query<ViewRow>(
    `${SELECT_VIEW} where w.shape = 'session' and w.deadline_at <= $1 order by w.deadline_at limit $2`,
    [now, limit],
  );
  return rows.map(toView);
}

/** What an agent is asked about a session that it has not taken yet. */
export interface AskedSession {
  readonly sessionId: string;
  /** It is asked to take it; else to name a price for what was said last. */
  readonly isToTake: boolean;
  readonly lastSeq: number;
}

/** What agents that are connected to a process are being asked at `now`, the newest first. */
export async function listAskedSessions(
  tx: Tx,
  processId: string,
  now: Date,
  limit: number,
): Promise<AskedSession[]> {
  return tx.query<AskedSession & Record<string, unknown>>(
    `select s.id as "sessionId", l.last_seq as "lastSeq",
            coalesce(l.offered_until > $2, false) as "isToTake"
       from work w
       join sessions s on s.id = w.id
       join session_logs l on l.session_id = w.id
       join provider_links k on k.agent_id = s.agent_id
      where w.shape = 'session' and w.state = 'pending' and w.deadline_at is not null
        and l.closing is null and k.process_id = $1 and k.ended_at is null
        and (l.offered_until > $2
          or s.shape = 'open_quote' and s.ceiling_micros is null and l.last_seq > 0
             and not exists (select 1 from session_quotes q
                              where q.session_id = s.id and q.accepted_at is not null))
      order by s.id desc limit $3`,
    [processId, now, limit],
  );
}

/** Live sessions whose process has no lease any more. */
export async function listAbandonedSessions(
  tx: Tx,
  now: Date,
  limit: number,
): Promise<SessionView[]> {
  const rows = await tx.query<ViewRow>(
    `${SELECT_VIEW} left join processes p on p.id = w.process_id
      where w.shape = 'session' and w.deadline_at is not null
        and (p.id is null or p.lease_until <= $1)
      order by s.id limit $2`,
    [now, limit],
  );
  return rows.map(toView);
}

/** Sessions that stand otherwise than their agent's link: what a process that died left undone. */
export async function listStraySessions(
  tx: Tx,
  endedBefore: Date,
  limit: number,
): Promise<SessionView[]> {
  const rows = await tx.query<ViewRow>(
    `${SELECT_VIEW} left join provider_links k on k.agent_id = s.agent_id
      where w.shape = 'session' and w.deadline_at is not null
        and (w.state = 'active' and (k.agent_id is null or k.ended_at < $1)
          or w.state = 'interrupted' and k.ended_at is null and k.connected_at < $1)
      order by s.id limit $2`,
    [endedBefore, limit],
  );
  return rows.map(toView);
}

/**
 * Removes rows of requests that were refused: an hour's worth of them, which ended at `before`. Ids
 * begin with their time, so the range is one of the primary key.
 */
export async function deleteUnopenedSessions(tx: Tx, before: Date): Promise<void> {
  const hourMs = 3_600_000;
  await tx.query(
    `with gone as (
       delete from sessions s where s.id >= $1 and s.id < $2
          and not exists (select 1 from work w where w.id = s.id) returning s.id)
     delete from session_logs l using gone where l.session_id = gone.id`,
    [idPrefixOf(new Date(before.getTime() - hourMs)), idPrefixOf(before)],
  );
}

/** The first 12 characters of ids made at `at` (see lib/random.ts). */
function idPrefixOf(at: Date): string {
  return at.getTime().toString(16).padStart(12, "0");
}
