import type { Mandate } from "../domain/mandate.ts";
import type { Tx } from "./database.ts";

/** A mandate as it was signed. */
export interface MandateRecord extends Mandate {
  /** RFC 8785 text. */
  readonly body: string;
  readonly signingKeyId: string;
  readonly signature: string;
  readonly idempotencyKey: string | undefined;
  readonly requestHash: string | undefined;
}

/** `false` where the idempotency key gave another mandate before. */
export async function insertMandate(tx: Tx, mandate: MandateRecord): Promise<boolean> {
  const rows = await tx.query(
    `insert into mandates(id, workspace_id, principal_agent_id, delegate_agent_id, max_micros,
                          created_at, expires_at, body, key_id, signature, idempotency_key,
                          request_hash)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
     on conflict on constraint mandates_idempotency do nothing
     returning id`,
    [
      mandate.id,
      mandate.workspaceId,
      mandate.principalAgentId,
      mandate.delegateAgentId ?? null,
      mandate.maxMicros,
      mandate.createdAt,
      mandate.expiresAt,
      mandate.body,
      mandate.signingKeyId,
      mandate.signature,
      mandate.idempotencyKey ?? null,
      mandate.requestHash ?? null,
    ],
  );
  return rows.length > 0;
}

export async function findMandate(tx: Tx, id: string): Promise<MandateRecord | undefined> {
  const [row] = await tx.query<MandateRow>(`${SELECT} where id = $1`, [id]);
  return row && toMandate(row);
}

export async function findMandateByKey(
  tx: Tx,
  workspaceId: string,
  idempotencyKey: string,
): Promise<MandateRecord | undefined> {
  const [row] = await tx.query<MandateRow>(
    `${SELECT} where workspace_id = $1 and idempotency_key = $2`,
    [workspaceId, idempotencyKey],
  );
  return row && toMandate(row);
}

/** The first revocation stays. */
export async function updateMandateRevoked(tx: Tx, id: string, at: Date): Promise<void> {
  await tx.query("update mandates set revoked_at = $2 where id = $1 and revoked_at is null", [
    id,
    at,
  ]);
}

const SELECT = `
  select id, workspace_id, principal_agent_id, delegate_agent_id, max_micros, created_at, expires_at,
         revoked_at, body, key_id, signature, idempotency_key, request_hash
    from mandates`;

interface MandateRow {
  id: string;
  workspace_id: string;
  principal_agent_id: string;
  delegate_agent_id: string | null;
  max_micros: bigint;
  created_at: Date;
  expires_at: Date;
  revoked_at: Date | null;
  body: string;
  key_id: string;
  signature: string;
  idempotency_key: string | null;
  request_hash: string | null;
}

function toMandate(row: MandateRow): MandateRecord {
  return {
    id: row.id,
    workspaceId: row.workspace_id,
    principalAgentId: row.principal_agent_id,
    delegateAgentId: row.delegate_agent_id ?? undefined,
    maxMicros: row.max_micros,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at ?? undefined,
    body: row.body,
    signingKeyId: row.key_id,
    signature: row.signature,
    idempotencyKey: row.idempotency_key ?? undefined,
    requestHash: row.request_hash ?? undefined,
  };
}
