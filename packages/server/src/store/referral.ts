import type { Referral, ReferralCounts } from "../domain/referral.ts";
import type { Tx } from "./database.ts";

/** The code of a workspace, if it has one. */
export async function findReferralCode(tx: Tx, workspaceId: string): Promise<string | undefined> {
  const rows = await tx.query<{ code: string }>(
    "select code from referral_codes where workspace_id = $1",
    [workspaceId],
  );
  return rows[0]?.code;
}

/** Gives a workspace a code, unless it has one or somebody else has this one. */
export async function insertReferralCode(
  tx: Tx,
  workspaceId: string,
  code: string,
  at: Date,
): Promise<void> {
  await tx.query(
    `insert into referral_codes(workspace_id, code, created_at) values ($1, $2, $3)
     on conflict do nothing`,
    [workspaceId, code, at],
  );
}

/** The workspace whose code this is. */
export async function findReferrer(tx: Tx, code: string): Promise<string | undefined> {
  const rows = await tx.query<{ workspace_id: string }>(
    "select workspace_id from referral_codes where code = $1",
    [code],
  );
  return rows[0]?.workspace_id;
}

/** Notes who came by whom. Whoever was first stays. */
export async function insertReferral(tx: Tx, referral: Referral, at: Date): Promise<void> {
  await tx.query(
    `insert into referrals(workspace_id, referrer_id, reward_micros, created_at)
     values ($1, $2, $3, $4) on conflict (workspace_id) do nothing`,
    [referral.workspaceId, referral.referrerId, referral.rewardMicros, at],
  );
}

/** Referrals whose first paid work is in the books, and that nobody has noticed yet. */
export async function listQualifying(
  tx: Tx,
  referrerId: string | undefined,
  limit: number,
): Promise<Referral[]> {
  const rows = await tx.query<ReferralRow>(
    `select r.workspace_id, r.referrer_id, r.reward_micros from referrals r
      where r.qualified_at is null and ($1::text is null or r.referrer_id = $1)
        and exists (
            select 1 from (select id from runs where workspace_id = r.workspace_id union all
                           select id from sessions where workspace_id = r.workspace_id union all
                           select id from slots where workspace_id = r.workspace_id union all
                           select id from broadcasts where workspace_id = r.workspace_id) asked
              join transfers t on t.reference = asked.id
             where t.debit_id = r.workspace_id and t.credit_id <> r.workspace_id)
      limit $2`,
    [referrerId ?? null, limit],
  );
  return rows.map((row) => ({
    workspaceId: row.workspace_id,
    referrerId: row.referrer_id,
    rewardMicros: row.reward_micros,
  }));
}

export async function updateReferralQualified(
  tx: Tx,
  workspaceId: string,
  at: Date,
): Promise<void> {
  await tx.query(
    "update referrals set qualified_at = $2 where workspace_id = $1 and qualified_at is null",
    [workspaceId, at],
  );
}

export async function countReferrals(tx: Tx, referrerId: string): Promise<ReferralCounts> {
  const [row] = await tx.query<{ signed_up: number; qualified: number; rewarded: number }>(
    `select count(*)::int as signed_up, count(r.qualified_at)::int as qualified,
            count(t.name)::int as rewarded
       from referrals r
       left join transfers t on t.reference = 'referral' and t.name = r.workspace_id
      where r.referrer_id = $1`,
    [referrerId],
  );
  return {
    signedUp: row?.signed_up ?? 0,
    qualified: row?.qualified ?? 0,
    rewarded: row?.rewarded ?? 0,
  };
}

interface ReferralRow {
  workspace_id: string;
  referrer_id: string;
  reward_micros: bigint;
}
