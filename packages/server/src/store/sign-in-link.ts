import type { SignInLink } from "../domain/sign-in-link.ts";
import type { Tx } from "./database.ts";

export async function insertSignInLink(tx: Tx, link: SignInLink, tokenHash: Buffer): Promise<void> {
  await tx.query(
    `insert into sign_in_links(id, email, purpose, token_hash, created_at, expires_at)
     values ($1, $2, $3, $4, $5, $6)`,
    [link.id, link.email, link.purpose, tokenHash, link.createdAt, link.expiresAt],
  );
}

export async function findSignInLink(tx: Tx, tokenHash: Buffer): Promise<SignInLink | undefined> {
  const rows = await tx.query<LinkRow>(`${SELECT} where token_hash = $1`, [tokenHash]);
  return rows[0] && toLink(rows[0]);
}

/** Locks the row until the transaction ends, so that a link is used once. */
export async function lockSignInLink(tx: Tx, tokenHash: Buffer): Promise<SignInLink | undefined> {
  const rows = await tx.query<LinkRow>(`${SELECT} where token_hash = $1 for update`, [tokenHash]);
  return rows[0] && toLink(rows[0]);
}

/** Uses up every open link of an address: who came in by one needs no other. */
export async function useSignInLinks(tx: Tx, email: string, at: Date): Promise<void> {
  await tx.query("update sign_in_links set used_at = $2 where email = $1 and used_at is null", [
    email,
    at,
  ]);
}

/** Whether an invitation to this address is open at `at`. */
export async function isInvited(tx: Tx, email: string, at: Date): Promise<boolean> {
  const rows = await tx.query(
    `select id from sign_in_links
      where email = $1 and purpose = 'invite' and used_at is null and expires_at > $2 limit 1`,
    [email, at],
  );
  return rows.length > 0;
}

export async function deleteSignInLinksBefore(tx: Tx, expiredBefore: Date): Promise<void> {
  await tx.query("delete from sign_in_links where expires_at < $1", [expiredBefore]);
}

/** What better-auth leaves behind: sessions and half-finished sign-ins that are over. */
export async function deleteSessionsBefore(tx: Tx, expiredBefore: Date): Promise<void> {
  await tx.query("delete from auth_sessions where expires_at < $1", [expiredBefore]);
  await tx.query("delete from auth_verifications where expires_at < $1", [expiredBefore]);
}

const SELECT = "select id, email, purpose, created_at, expires_at, used_at from sign_in_links";

interface LinkRow {
  id: string;
  email: string;
  purpose: SignInLink["purpose"];
  created_at: Date;
  expires_at: Date;
  used_at: Date | null;
}

function toLink(row: LinkRow): SignInLink {
  return {
    id: row.id,
    email: row.email,
    purpose: row.purpose,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    usedAt: row.used_at ?? undefined,
  };
}
