import type { SpendLimits } from "../domain/budget.ts";
import type { Caller } from "../domain/caller.ts";
import type { Member, MemberRole } from "../domain/member.ts";
import type { Tx } from "./database.ts";
import { limitColumns } from "./key.ts";

/** An arbitrary number that is ours: the advisory lock that makers of members queue on. */
const MEMBERS_LOCK = 7_203_143;

/**
 * Until the transaction ends, nobody else makes a member: a free handle stays free. A row lock
 * would not do, as the row is not there yet.
 */
export async function lockMembers(tx: Tx): Promise<void> {
  await tx.query("select pg_advisory_xact_lock($1)", [MEMBERS_LOCK]);
}

/** Makes a member, the workspace that it starts with, and an empty wallet: the ledger alone fills it. */
export async function insertMember(tx: Tx, member: Member): Promise<void> {
  await tx.query(
    `with workspace as (
       insert into workspaces(id, name, created_at) values ($2, $4, $6)
     ), wallet as (
       insert into accounts(id, kind, created_at) values ($2, 'wallet', $6)
     )
     insert into members(id, workspace_id, email, handle, role, created_at)
     values ($1, $2, $3, $4, $5, $6)`,
    [member.id, member.workspaceId, member.email, member.handle, member.role, member.createdAt],
  );
}

export async function findMember(tx: Tx, id: string): Promise<Member | undefined> {
  const rows = await tx.query<MemberRow>(`${SELECT} where m.id = $1`, [id]);
  return rows[0] && toMember(rows[0]);
}

export async function findMemberByEmail(tx: Tx, email: string): Promise<Member | undefined> {
  const rows = await tx.query<MemberRow>(`${SELECT} where m.email = $1`, [email]);
  return rows[0] && toMember(rows[0]);
}

/** The member that a workspace was made for. */
export async function findMemberOfWorkspace(
  tx: Tx,
  workspaceId: string,
): Promise<Member | undefined> {
  const rows = await tx.query<MemberRow>(
    `${SELECT} where m.workspace_id = $1 order by m.id limit 1`,
    [workspaceId],
  );
  return rows[0] && toMember(rows[0]);
}

/** Handles in use that are `base` or begin with `base-`. A base has no character special to `like`. */
export async function listHandles(tx: Tx, base: string): Promise<string[]> {
  const rows = await tx.query<{ handle: string }>(
    "select handle from members where handle = $1 or handle like $1 || '-%'",
    [base],
  );
  return rows.map(({ handle }) => handle);
}

export async function updateMemberRole(tx: Tx, id: string, role: MemberRole): Promise<void> {
  await tx.query("update members set role = $2 where id = $1", [id, role]);
}

/** Suspends a workspace, or resumes it. One suspended before keeps the time at which it was. */
export async function updateWorkspaceSuspension(
  tx: Tx,
  workspaceId: string,
  suspendedAt: Date | undefined,
): Promise<void> {
  await tx.query(
    `update workspaces
        set suspended_at = case when $2::timestamptz is null then null else coalesce(suspended_at, $2) end
      where id = $1`,
    [workspaceId, suspendedAt ?? null],
  );
}

export async function updateWorkspaceLimits(
  tx: Tx,
  workspaceId: string,
  limits: SpendLimits,
  chainCeilingMicros: bigint,
): Promise<void> {
  await tx.query(
    `update workspaces set daily_limit_micros = $2, monthly_limit_micros = $3,
            prepaid_limit_micros = $4, chain_ceiling_micros = $5
      where id = $1`,
    [workspaceId, ...limitColumns(limits), chainCeilingMicros],
  );
}

/** A person as a caller: what a key of theirs could do, without a key's limits. */
export async function findMemberCaller(
  tx: Tx,
  memberId: string,
): Promise<{ member: Member; caller: Caller } | undefined> {
  const rows = await tx.query<MemberRow>(`${SELECT} where m.id = $1`, [memberId]);
  return rows[0] && { member: toMember(rows[0]), caller: toCaller(rows[0]) };
}

const SELECT = `
  select m.id, m.workspace_id, m.email, m.handle, m.role, m.created_at, w.suspended_at,
         w.daily_limit_micros, w.monthly_limit_micros, w.prepaid_limit_micros, w.chain_ceiling_micros
    from members m join workspaces w on w.id = m.workspace_id`;

interface MemberRow {
  id: string;
  workspace_id: string;
  email: string;
  handle: string;
  role: MemberRole;
  created_at: Date;
  suspended_at: Date | null;
  daily_limit_micros: bigint | null;
  monthly_limit_micros: bigint | null;
  prepaid_limit_micros: bigint | null;
  chain_ceiling_micros: bigint;
}

function toMember(row: MemberRow): Member {
  return {
    id: row.id,
    workspaceId: row.workspace_id,
    email: row.email,
    handle: row.handle,
    role: row.role,
    createdAt: row.created_at,
    suspendedAt: row.suspended_at ?? undefined,
  };
}

function toCaller(row: MemberRow): Caller {
  return {
    workspaceId: row.workspace_id,
    keyId: undefined,
    agentId: undefined,
    memberId: row.id,
    isOperator: row.role === "operator",
    keyLimits: { dailyMicros: undefined, monthlyMicros: undefined, prepaidMicros: undefined },
    workspaceLimits: {
      dailyMicros: row.daily_limit_micros ?? undefined,
      monthlyMicros: row.monthly_limit_micros ?? undefined,
      prepaidMicros: row.prepaid_limit_micros ?? undefined,
    },
    chainCeilingMicros: row.chain_ceiling_micros,
  };
}
