import type { SpendLimits } from "../domain/budget.ts";
import type { Caller } from "../domain/caller.ts";
import type { Key } from "../domain/key.ts";
import type { Tx } from "./database.ts";

/** What a key's hash leads to: whom it acts for, and what may stand in the way. */
export interface KeyHolder {
  readonly caller: Caller;
  readonly expiresAt: Date | undefined;
  readonly revokedAt: Date | undefined;
  readonly suspendedAt: Date | undefined;
}

export async function insertKey(tx: Tx, key: Key, secretHash: Buffer): Promise<void> {
  await tx.query(
    `insert into keys(id, workspace_id, agent_id, kind, secret_hash, hint, label, created_at, expires_at,
                      daily_limit_micros, monthly_limit_micros, prepaid_limit_micros)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
    [
      key.id,
      key.workspaceId,
      key.agentId ?? null,
      key.kind,
      secretHash,
      key.hint,
      key.label,
      key.createdAt,
      key.expiresAt ?? null,
      ...limitColumns(key.limits),
    ],
  );
}

/** The holders of many keys at once, in the order of `hashes`; `undefined` where there is none. */
export async function findKeyHolders(
  tx: Tx,
  hashes: readonly Buffer[],
): Promise<(KeyHolder | undefined)[]> {
  const rows = await tx.query<HolderRow>(
    `select u.position::int, ${HOLDER_COLUMNS}
       from unnest($1::bytea[]) with ordinality u(hash, position)
       join keys k on k.secret_hash = u.hash
       join workspaces w on w.id = k.workspace_id`,
    [hashes],
  );
  const holders: (KeyHolder | undefined)[] = hashes.map(() => undefined);
  for (const row of rows) holders[row.position - 1] = toHolder(row);
  return holders;
}

/** Who an agent's connection acts for; `undefined` where a newer one has taken over, or it has ended. */
export async function findLinkHolder(
  tx: Tx,
  agentId: string,
  epoch: number,
): Promise<KeyHolder | undefined> {
  const [row] = await tx.query<HolderRow>(
    `select 1 as position, ${HOLDER_COLUMNS}
       from provider_links l
       join keys k on k.id = l.key_id
       join workspaces w on w.id = k.workspace_id
      where l.agent_id = $1 and l.epoch = $2 and l.ended_at is null`,
    [agentId, epoch],
  );
  return row && toHolder(row);
}

/** Keys of a workspace that still work or once did, newest first. */
export async function listKeys(tx: Tx, workspaceId: string, limit: number): Promise<Key[]> {
  const rows = await tx.query<KeyRow>(
    `select ${COLUMNS} from keys where workspace_id = $1 order by id desc limit $2`,
    [workspaceId, limit],
  );
  return rows.map(toKey);
}

export async function findKey(tx: Tx, id: string): Promise<Key | undefined> {
  const rows = await tx.query<KeyRow>(`select ${COLUMNS} from keys where id = $1`, [id]);
  return rows[0] && toKey(rows[0]);
}

/** How many keys of a workspace work at `at`. */
export async function countKeys(tx: Tx, workspaceId: string, at: Date): Promise<number> {
  const rows = await tx.query<{ count: number }>(
    `select count(*)::int as count from keys
      where workspace_id = $1 and revoked_at is null and (expires_at is null or expires_at > $2)`,
    [workspaceId, at],
  );
  return rows[0]?.count ?? 0;
}

export async function updateKey(
  tx: Tx,
  id: string,
  { label, limits }: { label: string; limits: SpendLimits },
): Promise<void> {
  await tx.query(
    `update keys set label = $2, daily_limit_micros = $3, monthly_limit_micros = $4,
            prepaid_limit_micros = $5
      where id = $1`,
    [id, label, ...limitColumns(limits)],
  );
}

/** A key that was revoked before keeps the time at which it was. */
export async function revokeKey(tx: Tx, id: string, at: Date): Promise<void> {
  await tx.query("update keys set revoked_at = coalesce(revoked_at, $2) where id = $1", [id, at]);
}

/** Records when keys were used last. Never sets a time back: processes report in any order. */
export async function updateKeyUses(
  tx: Tx,
  uses: readonly { readonly keyId: string; readonly at: Date }[],
): Promise<void> {
  await tx.query(
    `update keys k set last_used_at = u.at
       from unnest($1::text[], $2::timestamptz[]) u(id, at)
      where k.id = u.id and (k.last_used_at is null or k.last_used_at < u.at)`,
    [uses.map(({ keyId }) => keyId), uses.map(({ at }) => at)],
  );
}

/** Spend limits as the three columns that keys and workspaces have for them. */
export function limitColumns(limits: SpendLimits): (bigint | null)[] {
  return [limits.dailyMicros ?? null, limits.monthlyMicros ?? null, limits.prepaidMicros ?? null];
}

const COLUMNS = `id, workspace_id, agent_id, kind, hint, label, created_at, expires_at, revoked_at,
  last_used_at, daily_limit_micros, monthly_limit_micros, prepaid_limit_micros`;

interface KeyRow {
  id: string;
  workspace_id: string;
  agent_id: string | null;
  kind: Key["kind"];
  hint: string;
  label: string;
  created_at: Date;
  expires_at: Date | null;
  revoked_at: Date | null;
  last_used_at: Date | null;
  daily_limit_micros: bigint | null;
  monthly_limit_micros: bigint | null;
  prepaid_limit_micros: bigint | null;
}

function toKey(row: KeyRow): Key {
  return {
    id: row.id,
    workspaceId: row.workspace_id,
    agentId: row.agent_id ?? undefined,
    kind: row.kind,
    hint: row.hint,
    label: row.label,
    createdAt: row.created_at,
    expiresAt: row.expires_at ?? undefined,
    revokedAt: row.revoked_at ?? undefined,
    lastUsedAt: row.last_used_at ?? undefined,
    limits: {
      dailyMicros: row.daily_limit_micros ?? undefined,
      monthlyMicros: row.monthly_limit_micros ?? undefined,
      prepaidMicros: row.prepaid_limit_micros ?? undefined,
    },
  };
}

const HOLDER_COLUMNS = `
  k.id, k.workspace_id, k.agent_id, k.expires_at, k.revoked_at, k.daily_limit_micros,
  k.monthly_limit_micros, k.prepaid_limit_micros, w.suspended_at,
  w.daily_limit_micros as workspace_daily_limit_micros,
  w.monthly_limit_micros as workspace_monthly_limit_micros,
  w.prepaid_limit_micros as workspace_prepaid_limit_micros, w.chain_ceiling_micros`;

interface HolderRow {
  position: number;
  id: string;
  workspace_id: string;
  agent_id: string | null;
  expires_at: Date | null;
  revoked_at: Date | null;
  suspended_at: Date | null;
  daily_limit_micros: bigint | null;
  monthly_limit_micros: bigint | null;
  prepaid_limit_micros: bigint | null;
  workspace_daily_limit_micros: bigint | null;
  workspace_monthly_limit_micros: bigint | null;
  workspace_prepaid_limit_micros: bigint | null;
  chain_ceiling_micros: bigint;
}

function toHolder(row: HolderRow): KeyHolder {
  return {
    caller: {
      workspaceId: row.workspace_id,
      keyId: row.id,
      agentId: row.agent_id ?? undefined,
      memberId: undefined,
      // An operator is a person: no key of theirs carries the role, so a leaked one cannot use it.
      isOperator: false,
      keyLimits: {
        dailyMicros: row.daily_limit_micros ?? undefined,
        monthlyMicros: row.monthly_limit_micros ?? undefined,
        prepaidMicros: row.prepaid_limit_micros ?? undefined,
      },
      workspaceLimits: {
        dailyMicros: row.workspace_daily_limit_micros ?? undefined,
        monthlyMicros: row.workspace_monthly_limit_micros ?? undefined,
        prepaidMicros: row.workspace_prepaid_limit_micros ?? undefined,
      },
      chainCeilingMicros: row.chain_ceiling_micros,
    },
    expiresAt: row.expires_at ?? undefined,
    revokedAt: row.revoked_at ?? undefined,
    suspendedAt: row.suspended_at ?? undefined,
  };
}
