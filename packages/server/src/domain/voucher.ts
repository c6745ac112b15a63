/** Vouchers: codes that are worth money once, for whoever types one in first. */
import { Fault } from "./fault.ts";

export interface Voucher {
  readonly id: string;
  readonly amountMicros: bigint;
  readonly createdAt: Date;
  readonly expiresAt: Date | undefined;
}

/** Without the letters and digits that people take for one another. */
const LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
/** 80 bits of chance: guessing costs more than any code is worth. */
export const VOUCHER_RANDOM_BYTES = 16;
const GROUP_LENGTH = 4;
const CODE = /^[A-Z0-9]{6,64}$/;

/** A code from `VOUCHER_RANDOM_BYTES` bytes of chance, in groups that can be read out. */
export function voucherCodeOf(random: Uint8Array): string {
  // 32 letters divide 256, so each is as likely as any other.
  const letters = Array.from(random, (byte) => LETTERS.charAt(byte % LETTERS.length)).join("");
  const groups = letters.match(new RegExp(`.{1,${GROUP_LENGTH}}`, "g")) ?? [];
  return groups.join("-");
}

/** A code as it is compared: case, dashes and spaces do not count. Throws `invalid_request`. */
export function foldVoucherCode(text: string): string {
  const code = text.replace(/[\s-]+/g, "").toUpperCase();
  if (CODE.test(code)) return code;
  throw new Fault("invalid_request", "A code has 6 to 64 letters and digits.", { field: "code" });
}
