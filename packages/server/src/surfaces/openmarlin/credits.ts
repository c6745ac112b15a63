/** This wire's unit of money: the one place where micros become credits and credits micros. */
import { MICROS_PER_USD, usdOfMicros } from "@guildhall/protocol";

/** An amount as this wire shows it. */
export interface Amount {
  readonly amount: number;
  readonly unit: "credits" | "usd";
}

export interface Credits {
  /** What one credit is worth, in US dollars. */
  readonly usdPerCredit: number;
  /** Exact: a credit is such a part of a dollar that no amount needs more than six decimals. */
  amount(micros: bigint): Amount;
  /** `undefined` where it has more than two decimals. */
  micros(credits: number): bigint | undefined;
}

/** Hundredths of a credit are the least that can be bought. */
const HUNDREDTHS = 100;

/** `microsPerCredit` divides 1,000,000 and is a multiple of 100: the configuration sees to it. */
export function createCredits(microsPerCredit: bigint): Credits {
  const perDollar = MICROS_PER_USD / microsPerCredit;
  return {
    usdPerCredit: Number(usdOfMicros(microsPerCredit)),
    // Decimal text first: a double holds each amount of up to fifteen digits as it is written.
    amount: (micros) => ({ amount: Number(usdOfMicros(micros * perDollar)), unit: "credits" }),
    micros(credits) {
      const hundredths = Math.round(credits * HUNDREDTHS);
      if (hundredths / HUNDREDTHS !== credits) return undefined;
      return (BigInt(hundredths) * microsPerCredit) / BigInt(HUNDREDTHS);
    },
  };
}

/** An amount in US dollars. */
export function usdAmount(micros: bigint): Amount {
  return { amount: Number(usdOfMicros(micros)), unit: "usd" };
}
