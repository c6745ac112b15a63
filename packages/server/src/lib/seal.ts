/**
 * Sealed secrets: AES-256-GCM, so that a copy of the database alone reveals and changes nothing.
 *
 * A sealed text is `v1.<key id>.<nonce>.<ciphertext and tag>`, the last two in base64url. The record
 * that it belongs to is authenticated with it: moved to another record, it does not open.
 */
import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";
import type { Random } from "./random.ts";

export interface Sealer {
  /** `record` names what the secret belongs to, for ever: `connection/<id>/token`. */
  seal(plain: string | Uint8Array, record: string): string;
  /** @throws {SealError} */
  open(sealed: string, record: string): Buffer;
}

export type SealReason =
  /** Not a sealed text of ours. */
  | "malformed"
  /** Sealed with a key that this server does not have. */
  | "unknown_key"
  /** Changed since, or sealed for another record. */
  | "not_authentic";

export class SealError extends Error {
  override readonly name = "SealError";
  readonly reason: SealReason;

  constructor(reason: SealReason, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.reason = reason;
  }
}

const VERSION = "v1";
const CIPHER = "aes-256-gcm";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_ID_BYTES = 6;
const SECRET_BYTES = 32;
const SEALED = /^v1\.([0-9a-f]{12})\.([A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]{22,})$/;

/**
 * A secret for one purpose, from the server's one secret key (HKDF-SHA256, RFC 5869). The label
 * names the purpose: secrets of different labels tell nothing of each other, nor of the key.
 */
export function deriveSecret(master: string | Uint8Array, label: string): Buffer {
  return Buffer.from(hkdfSync("sha256", master, "guildhall", label, SECRET_BYTES));
}

/**
 * @param current the server's secret key; what is sealed from now on is sealed under it.
 * @param earlier keys that were current before: what they sealed still opens.
 */
export function createSealer(
  random: Random,
  current: string | Uint8Array,
  earlier: readonly (string | Uint8Array)[] = [],
): Sealer {
  const sealingKey = toSealKey(current);
  const keys = new Map([...earlier.map(toSealKey), sealingKey].map((key) => [key.id, key]));
  return {
    seal: (plain, record) => seal(random, sealingKey, plain, record),
    open: (sealed, record) => open(keys, sealed, record),
  };
}

interface SealKey {
  readonly id: string;
  readonly secret: Buffer;
}

/** The id is derived as well, so a key brings its own and no operator has to number them. */
function toSealKey(master: string | Uint8Array): SealKey {
  return {
    id: deriveSecret(master, "seal key id").subarray(0, KEY_ID_BYTES).toString("hex"),
    secret: deriveSecret(master, "seal key"),
  };
}

function seal(random: Random, key: SealKey, plain: string | Uint8Array, record: string): string {
  const nonce = random.bytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key.secret, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(associatedData(key.id, record));
  const text = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  return [VERSION, key.id, nonce.toString("base64url"), text.toString("base64url")].join(".");
}

function open(keys: ReadonlyMap<string, SealKey>, sealed: string, record: string): Buffer {
  const [, keyId, nonceText, bodyText] = SEALED.exec(sealed) ?? [];
  if (keyId === undefined || nonceText === undefined || bodyText === undefined) {
    throw new SealError("malformed", "This is not a sealed secret.");
  }
  const key = keys.get(keyId);
  if (!key) throw new SealError("unknown_key", `No key with id ${keyId} is configured.`);
  const body = Buffer.from(bodyText, "base64url");
  const nonce = Buffer.from(nonceText, "base64url");
  const decipher = createDecipheriv(CIPHER, key.secret, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(associatedData(keyId, record));
  decipher.setAuthTag(body.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(body.subarray(0, -TAG_BYTES)), decipher.final()]);
  } catch (error) {
    throw new SealError("not_authentic", "The secret was changed, or belongs elsewhere.", {
      cause: error,
    });
  }
}

function associatedData(keyId: string, record: string): Buffer {
  return Buffer.from(`${VERSION}\0${keyId}\0${record}`);
}
