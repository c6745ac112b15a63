import { randomBytes } from "node:crypto";
import type { Clock } from "./clock.ts";

/** The only source of chance. A test hands in a seeded one. */
export interface Random {
  bytes(count: number): Buffer;
}

/** Bytes drawn from the system at once: asking it for six at a time costs more than what they are for. */
const POOL_BYTES = 4_096;
let pool = Buffer.alloc(0);

export const systemRandom: Random = {
  bytes(count) {
    if (count > POOL_BYTES) return randomBytes(count);
    if (count > pool.length) pool = randomBytes(POOL_BYTES);
    // Each byte is handed out once, and the pool forgets it.
    const drawn = Buffer.from(pool.subarray(0, count));
    pool.fill(0, 0, count);
    pool = pool.subarray(count);
    return drawn;
  },
};

/** A new id: 6 bytes of time, so that ids sort by age, and 6 of chance; 24 lower-case hex. */
export function newId(clock: Clock, random: Random): string {
  const time = clock.now().getTime().toString(16).padStart(12, "0");
  return time + random.bytes(6).toString("hex");
}

/** A random UUID (RFC 9562, version 4), for where others expect one. */
export function newUuid(random: Random): string {
  const bytes = random.bytes(16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** A uniformly random integer from 0 up to, not including, `end` (at most 2^32). */
export function randomBelow(random: Random, end: number): number {
  // Values from the last, incomplete run of `end` would make small results likelier.
  const fair = 2 ** 32 - (2 ** 32 % end);
  for (;;) {
    const drawn = random.bytes(4).readUInt32BE();
    if (drawn < fair) return drawn % end;
  }
}
