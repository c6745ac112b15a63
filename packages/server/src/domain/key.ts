/**
 * Keys: secrets that act for a workspace, or for one agent of it.
 *
 * Each kind looks as its wire spells it. The end of a key is a checksum of what stands before it, so
 * that a typing error, a truncated paste or a guess is told from a key without asking the database.
 */

import type { SpendLimits } from "./budget.ts";

export type KeyKind = "lc" | "claw_wsk" | "mrg" | "cllk_live" | "shk" | "gld";

/** A key as its owner sees it: everything but the secret, which was shown once. */
export interface Key {
  readonly id: string;
  readonly workspaceId: string;
  /** Set where the key acts for one agent only. */
  readonly agentId: string | undefined;
  readonly kind: KeyKind;
  readonly hint: string;
  readonly label: string;
  readonly createdAt: Date;
  readonly expiresAt: Date | undefined;
  readonly revokedAt: Date | undefined;
  /** To the minute. */
  readonly lastUsedAt: Date | undefined;
  readonly limits: SpendLimits;
}

interface KeyShape {
  readonly prefix: string;
  readonly alphabet: "base62" | "hex";
  /** Chance in a key, beside which its checksum tells nothing: at least 16 bytes. */
  readonly randomBytes: number;
  /** What the random bytes are written in; the checksum of six (base62) or eight (hex) follows. */
  readonly bodyLength: number;
}

/** Base62 also where a wire allows `-` and `_`: such a key is selected by one double click. */
// biome-ignore format: read as a table
export const KEY_SHAPES: Readonly<Record<KeyKind, KeyShape>> = {
  lc:        { prefix: "lc_",        alphabet: "base62", randomBytes: 19, bodyLength: 26 },
  claw_wsk:  { prefix: "claw_wsk_",  alphabet: "base62", randomBytes: 32, bodyLength: 43 },
  mrg:       { prefix: "mrg_",       alphabet: "hex",    randomBytes: 28, bodyLength: 56 },
  cllk_live: { prefix: "cllk_live_", alphabet: "base62", randomBytes: 19, bodyLength: 26 },
  shk:       { prefix: "shk_",       alphabet: "hex",    randomBytes: 16, bodyLength: 32 },
  gld:       { prefix: "gld_",       alphabet: "base62", randomBytes: 19, bodyLength: 26 },
};

export const KEY_KINDS = Object.keys(KEY_SHAPES) as readonly KeyKind[];

const DIGITS = {
  base62: "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
  hex: "0123456789abcdef",
} as const;
const SUM_LENGTH = { base62: 6, hex: 8 } as const;

/** A key's secret, from exactly `KEY_SHAPES[kind].randomBytes` bytes of chance. */
export function composeKey(kind: KeyKind, random: Uint8Array): string {
  const { prefix, alphabet, randomBytes, bodyLength } = KEY_SHAPES[kind];
  if (random.length !== randomBytes) throw new RangeError(`${kind} takes ${randomBytes} bytes`);
  const number = random.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  const front = prefix + digitsOf(number, alphabet, bodyLength);
  return front + sumOf(front, alphabet);
}

/** The kind of a key that is well formed, or `undefined`. Says nothing about whether it exists. */
export function parseKey(text: string): KeyKind | undefined {
  return KEY_KINDS.find((kind) => hasShape(text, KEY_SHAPES[kind]));
}

/** What people tell keys apart by once the secret is gone: `lc_…4fQz`. */
export function keyHintOf(secret: string): string {
  return secret.slice(-4);
}

function hasShape(text: string, { prefix, alphabet, bodyLength }: KeyShape): boolean {
  const frontLength = prefix.length + bodyLength;
  if (!text.startsWith(prefix) || text.length !== frontLength + SUM_LENGTH[alphabet]) return false;
  const digits = DIGITS[alphabet];
  for (const digit of text.slice(prefix.length)) if (!digits.includes(digit)) return false;
  return text.slice(frontLength) === sumOf(text.slice(0, frontLength), alphabet);
}

function sumOf(text: string, alphabet: KeyShape["alphabet"]): string {
  return digitsOf(BigInt(crc32(text)), alphabet, SUM_LENGTH[alphabet]);
}

function digitsOf(number: bigint, alphabet: KeyShape["alphabet"], length: number): string {
  const digits = DIGITS[alphabet];
  const base = BigInt(digits.length);
  let text = "";
  for (let rest = number; text.length < length; rest /= base) {
    text = digits.charAt(Number(rest % base)) + text;
  }
  return text;
}

/** CRC-32 as in zlib and PNG (reflected polynomial 0xEDB88320), of ASCII text. */
function crc32(text: string): number {
  let sum = 0xffffffff;
  for (let index = 0; index < text.length; index++) {
    sum ^= text.charCodeAt(index);
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  }
  return ~sum >>> 0;
}
