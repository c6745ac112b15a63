/**
 * Accounts: where money is. A workspace has one wallet, whose id is the workspace's own, so that
 * nobody has to look it up. The house's accounts have fixed ids.
 *
 * The sum over all accounts is zero at every moment: what wallets hold, issuance accounts owe.
 */

export type AccountKind = "wallet" | "issuance" | "fees" | "losses" | "payouts";

/** Where money comes from. Only bought and earned micros can be paid out. */
export type IssuanceKind = "bought" | "play" | "grant" | "voucher" | "referral";

/** Fixed ids of the house's own accounts. An id made by time cannot be this small. */
export const HOUSE_ACCOUNTS = {
  fees: "000000000000000000000001",
  losses: "000000000000000000000002",
  payouts: "000000000000000000000003",
  bought: "000000000000000000000011",
  play: "000000000000000000000012",
  grant: "000000000000000000000013",
  voucher: "000000000000000000000014",
  referral: "000000000000000000000015",
} as const satisfies Record<"fees" | "losses" | "payouts" | IssuanceKind, string>;

/** The account of a workspace's wallet. */
export function walletOf(workspaceId: string): string {
  return workspaceId;
}
