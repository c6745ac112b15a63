/**
 * Referrals: somebody came by another's code.
 *
 *   signed up   a member who is new came by it
 *   qualified   that member's work was paid for, once
 *   rewarded    the one who brought them was given the reward
 *
 * Who has come stays with whoever brought them first, and nobody brings oneself.
 */

export interface Referral {
  /** Who came. */
  readonly workspaceId: string;
  readonly referrerId: string;
  /** Frozen when they came. */
  readonly rewardMicros: bigint;
}

export interface ReferralCounts {
  readonly signedUp: number;
  readonly qualified: number;
  readonly rewarded: number;
}

/** Without those that are taken for one another: 32 of them, five bits each. */
const ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const CODE = /^[A-HJ-NP-Z2-9]{8}$/;

/** A code has 40 bits of chance. It is no secret, but nobody guesses another's. */
export const REFERRAL_RANDOM_BYTES = 5;

/** Rewards that one workspace may come to: who brings more is running a mill. */
export const REFERRAL_REWARDS_MAX = 100;

/** A code of eight characters from five bytes. */
export function referralCodeOf(random: Uint8Array): string {
  let bits = random.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  let code = "";
  for (let index = 0; index < 8; index++) {
    code = `${ALPHABET[Number(bits % 32n)]}${code}`;
    bits /= 32n;
  }
  return code;
}

/** A code as people type it, as it is kept; `undefined` where it can be none. */
export function foldReferralCode(text: string): string | undefined {
  const folded = text.trim().toUpperCase();
  return CODE.test(folded) ? folded : undefined;
}

/** Whether a referral counts: a new member's, by somebody else. */
export function isAttributable(
  came: { readonly workspaceId: string; readonly createdAt: Date },
  by: { readonly referrerId: string; readonly since: Date },
): boolean {
  return came.createdAt >= by.since && came.workspaceId !== by.referrerId;
}
