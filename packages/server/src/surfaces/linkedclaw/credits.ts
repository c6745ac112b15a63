import { unitsDown, unitsUp } from "@guildhall/protocol";

/** This wire's unit: 10,000 credits are one US dollar. */
export const MICROS_PER_CREDIT = 100n;

/** Micros as credits of a balance: rounded down. */
export function balanceCredits(micros: bigint): number {
  return Number(unitsDown(micros, MICROS_PER_CREDIT));
}

/** Micros as credits of a price or a charge: rounded up. */
export function chargeCredits(micros: bigint): number {
  return Number(unitsUp(micros, MICROS_PER_CREDIT));
}
