/**
 * Referrals: everyone has a code, and is rewarded for bringing people who pay for work.
 *
 * Work is paid for many thousand times a second, and a first payment happens once a member. So nobody looks
 * when work settles: those who have not paid yet are looked at every few seconds, and whoever asks after
 * their own referrals looks at once.
 */
import { HOUSE_ACCOUNTS, walletOf } from "../domain/account.ts";
import type { Caller } from "../domain/caller.ts";
import { Fault } from "../domain/fault.ts";
import {
  foldReferralCode,
  isAttributable,
  REFERRAL_RANDOM_BYTES,
  REFERRAL_REWARDS_MAX,
  type Referral,
  type ReferralCounts,
  referralCodeOf,
} from "../domain/referral.ts";
import type { Clock } from "../lib/clock.ts";
import type { Random } from "../lib/random.ts";
import type { Database, Tx } from "../store/database.ts";
import { findMemberOfWorkspace } from "../store/member.ts";
import {
  countReferrals,
  findReferralCode,
  findReferrer,
  insertReferral,
  insertReferralCode,
  listQualifying,
  updateReferralQualified,
} from "../store/referral.ts";
import { type OperationLedger, transferOnce } from "./operation.ts";

export interface MyReferrals {
  readonly code: string;
  readonly counts: ReferralCounts;
}

/** Somebody who came by a code. */
export interface Arrival {
  readonly code: string;
  /** Who came: their workspace, and since when they are members. */
  readonly came: { readonly workspaceId: string; readonly createdAt: Date };
  /** When they were told the code: who was a member before then is not new. */
  readonly since: Date;
}

export interface Referrals {
  /** The caller's code, made where there is none, and who came by it. Throws `not_found`. */
  mine(caller: Caller): Promise<MyReferrals>;
  /** Whether somebody has this code. */
  isKnown(code: string): Promise<boolean>;
  /** Notes who came by a code. What does not count is ignored: nobody is kept out for a wrong code. */
  attribute(arrival: Arrival): Promise<void>;
  /** Notices first payments, and rewards whoever brought them. */
  settle(): Promise<void>;
}

interface Dependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly ledger: OperationLedger;
  /** What a referral is worth from now on; 0 is nothing. */
  readonly rewardMicros: bigint;
}

/** With 40 bits, two workspaces draw the same code once in a lifetime. */
const DRAWS_MAX = 5;
const SETTLED_AT_ONCE = 100;

export function createReferrals(deps: Dependencies): Referrals {
  const { database } = deps;
  return {
    async mine({ workspaceId }) {
      const member = await findMemberOfWorkspace(database, workspaceId);
      if (!member) {
        const facts = { kind: "account", id: workspaceId };
        throw new Fault("not_found", "This workspace has no member any more.", facts);
      }
      await settle(deps, workspaceId);
      const code = await ensureCode(deps, workspaceId);
      return { code, counts: await countReferrals(database, workspaceId) };
    },

    async isKnown(code) {
      const folded = foldReferralCode(code);
      return folded !== undefined && (await findReferrer(database, folded)) !== undefined;
    },

    attribute: (arrival) => attributeReferral(database, deps, arrival),
    settle: () => settle(deps, undefined),
  };
}

/** The same, as a part of a transaction. */
export async function attributeReferral(
  tx: Tx,
  { clock, rewardMicros }: Pick<Dependencies, "clock" | "rewardMicros">,
  { code, came, since }: Arrival,
): Promise<void> {
  const folded = foldReferralCode(code);
  const referrerId = folded && (await findReferrer(tx, folded));
  if (!referrerId || !isAttributable(came, { referrerId, since })) return;
  const { workspaceId } = came;
  await insertReferral(tx, { workspaceId, referrerId, rewardMicros }, clock.now());
}

async function ensureCode(
  { database, clock, random }: Dependencies,
  workspaceId: string,
): Promise<string> {
  for (let draw = 0; draw < DRAWS_MAX; draw++) {
    const known = await findReferralCode(database, workspaceId);
    if (known !== undefined) return known;
    const code = referralCodeOf(random.bytes(REFERRAL_RANDOM_BYTES));
    await insertReferralCode(database, workspaceId, code, clock.now());
  }
  throw new Error("every code that was drawn is taken");
}

async function settle(deps: Dependencies, referrerId: string | undefined): Promise<void> {
  for (const referral of await listQualifying(deps.database, referrerId, SETTLED_AT_ONCE)) {
    await reward(deps, referral);
    await updateReferralQualified(deps.database, referral.workspaceId, deps.clock.now());
  }
}

/** The transfer has the name of who came, so it is made once, whoever notices, and however often. */
async function reward({ database, ledger }: Dependencies, referral: Referral): Promise<void> {
  const { workspaceId, referrerId, rewardMicros } = referral;
  if (rewardMicros === 0n) return;
  const { rewarded } = await countReferrals(database, referrerId);
  if (rewarded >= REFERRAL_REWARDS_MAX) return;
  await transferOnce(ledger, {
    reference: "referral",
    name: workspaceId,
    fromAccountId: HOUSE_ACCOUNTS.referral,
    toAccountId: walletOf(referrerId),
    amountMicros: rewardMicros,
  });
}
