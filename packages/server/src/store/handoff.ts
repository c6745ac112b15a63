import type { Handoff } from "../domain/handoff.ts";
import type { Tx } from "./database.ts";

/** What finds a handoff and what proves it, as SHA-256: neither is kept as it came. */
export interface HandoffSecrets {
  readonly lookupHash: Buffer;
  readonly proofHash: Buffer;
}

/** `false`, and nothing is inserted, when another sign-in under way has the user code. */
export async function insertHandoff(
  tx: Tx,
  handoff: Handoff,
  { lookupHash, proofHash }: HandoffSecrets,
): Promise<boolean> {
  const rows = await tx.query(
    `insert into handoffs(id, kind, state, client_id, key_kind, label, address, user_code, redirect_uri,
                          lookup_hash, proof_hash, member_id, workspace_id, poll_seconds, created_at,
                          expires_at, referral_code)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
         on conflict (replace(user_code, '-', '')) where state = 'pending' do nothing
     returning id`,
    [
      handoff.id,
      handoff.kind,
      handoff.state,
      handoff.clientId,
      handoff.keyKind,
      handoff.label,
      handoff.address,
      handoff.userCode ?? null,
      handoff.redirectUri ?? null,
      lookupHash,
      proofHash,
      handoff.memberId ?? null,
      handoff.workspaceId ?? null,
      handoff.pollSeconds ?? null,
      handoff.createdAt,
      handoff.expiresAt,
      handoff.referralCode ?? null,
    ],
  );
  return rows.length > 0;
}

/** Locks the row until the transaction ends, so two redemptions cannot both be handed a key. */
export async function lockHandoffByLookup(
  tx: Tx,
  lookupHash: Buffer,
): Promise<{ handoff: Handoff; proofHash: Buffer } | undefined> {
  const rows = await tx.query<HandoffRow>(`${SELECT} where lookup_hash = $1 for update`, [
    lookupHash,
  ]);
  return rows[0] && { handoff: toHandoff(rows[0]), proofHash: rows[0].proof_hash };
}

/** The handoff that a program shows this of, and the SHA-256 of what proves it. */
export async function findHandoffByLookup(
  tx: Tx,
  lookupHash: Buffer,
): Promise<{ handoff: Handoff; proofHash: Buffer } | undefined> {
  const rows = await tx.query<HandoffRow>(`${SELECT} where lookup_hash = $1`, [lookupHash]);
  return rows[0] && { handoff: toHandoff(rows[0]), proofHash: rows[0].proof_hash };
}

/** Locks the row until the transaction ends, so that of two decisions one is made. */
export async function lockHandoff(tx: Tx, id: string): Promise<Handoff | undefined> {
  const rows = await tx.query<HandoffRow>(`${SELECT} where id = $1 for update`, [id]);
  return rows[0] && toHandoff(rows[0]);
}

export async function findHandoff(tx: Tx, id: string): Promise<Handoff | undefined> {
  return (await findProvenHandoff(tx, id))?.handoff;
}

/** A handoff by its id, and the SHA-256 of what proves it. */
export async function findProvenHandoff(
  tx: Tx,
  id: string,
): Promise<{ handoff: Handoff; proofHash: Buffer } | undefined> {
  const rows = await tx.query<HandoffRow>(`${SELECT} where id = $1`, [id]);
  return rows[0] && { handoff: toHandoff(rows[0]), proofHash: rows[0].proof_hash };
}

/** The sign-in under way with a user code, given without punctuation. */
export async function findPendingHandoff(
  tx: Tx,
  foldedUserCode: string,
): Promise<Handoff | undefined> {
  const rows = await tx.query<HandoffRow>(
    `${SELECT} where replace(user_code, '-', '') = $1 and state = 'pending'`,
    [foldedUserCode],
  );
  return rows[0] && toHandoff(rows[0]);
}

/** Writes what can change. */
export async function updateHandoff(tx: Tx, handoff: Handoff): Promise<void> {
  await tx.query(
    `update handoffs
        set state = $2, member_id = $3, workspace_id = $4, key_id = $5, wrong_proofs = $6,
            poll_seconds = $7, polled_at = $8, expires_at = $9
      where id = $1`,
    [
      handoff.id,
      handoff.state,
      handoff.memberId ?? null,
      handoff.workspaceId ?? null,
      handoff.keyId ?? null,
      handoff.wrongProofs,
      handoff.pollSeconds ?? null,
      handoff.polledAt ?? null,
      handoff.expiresAt,
    ],
  );
}

export async function deleteHandoffsBefore(tx: Tx, expiredBefore: Date): Promise<void> {
  await tx.query("delete from handoffs where expires_at < $1", [expiredBefore]);
}

const SELECT = `
  select id, kind, state, client_id, key_kind, label, address, user_code, redirect_uri, proof_hash,
         member_id, workspace_id, key_id, wrong_proofs, poll_seconds, polled_at, created_at, expires_at,
         referral_code
    from handoffs`;

interface HandoffRow {
  id: string;
  kind: Handoff["kind"];
  state: Handoff["state"];
  client_id: string;
  key_kind: Handoff["keyKind"];
  label: string;
  address: string;
  user_code: string | null;
  redirect_uri: string | null;
  referral_code: string | null;
  proof_hash: Buffer;
  member_id: string | null;
  workspace_id: string | null;
  key_id: string | null;
  wrong_proofs: number;
  poll_seconds: number | null;
  polled_at: Date | null;
  created_at: Date;
  expires_at: Date;
}

function toHandoff(row: HandoffRow): Handoff {
  return {
    id: row.id,
    kind: row.kind,
    state: row.state,
    clientId: row.client_id,
    keyKind: row.key_kind,
    label: row.label,
    address: row.address,
    userCode: row.user_code ?? undefined,
    redirectUri: row.redirect_uri ?? undefined,
    referralCode: row.referral_code ?? undefined,
    memberId: row.member_id ?? undefined,
    workspaceId: row.workspace_id ?? undefined,
    keyId: row.key_id ?? undefined,
    wrongProofs: row.wrong_proofs,
    pollSeconds: row.poll_seconds ?? undefined,
    polledAt: row.polled_at ?? undefined,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}
