/**
 * Links that work for whoever has them, for a short time, for one path: HMAC-SHA256 over both.
 */
import { createHmac, timingSafeEqual } from "node:crypto";

/** The query parameters that make a link work. */
export interface LinkSignature {
  /** Seconds since 1970; the link works before that moment. */
  readonly expires: string;
  readonly signature: string;
}

/** `path` with the query parameters that let it be read until `expiresAt`, rounded up to a second. */
export function signPath(secret: Uint8Array, path: string, expiresAt: Date): string {
  const expires = String(Math.ceil(expiresAt.getTime() / 1000));
  return `${path}?expires=${expires}&signature=${macOf(secret, path, expires)}`;
}

/** Whether these parameters were made for this path, and still work at `now`. */
export function isSignatureValid(
  secret: Uint8Array,
  path: string,
  { expires, signature }: LinkSignature,
  now: Date,
): boolean {
  if (!/^\d{1,12}$/.test(expires)) return false;
  // As text: the last of the 43 characters has two bits that decoding drops, and a link has one text.
  const expected = Buffer.from(macOf(secret, path, expires));
  const given = Buffer.from(signature);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return false;
  return now.getTime() < Number(expires) * 1000;
}

function macOf(secret: Uint8Array, path: string, expires: string): string {
  return createHmac("sha256", secret).update(`${path}\n${expires}`).digest("base64url");
}
