/** Settings about money: what comes in by card, what others are given, what a wire's unit is worth. */
import { MICROS_PER_USD, microsOfUsd } from "@guildhall/protocol";
import { ConfigError, wholeNumber } from "./config-values.ts";

type Get = (
  name:
    | "GUILDHALL_REFERRAL_REWARD_USD"
    | "STRIPE_SECRET_KEY"
    | "STRIPE_WEBHOOK_SECRET"
    | "STRIPE_API_URL"
    | "OPENMARLIN_CREDIT_MICROS",
) => string | undefined;

export interface StripeConfig {
  readonly secretKey: string;
  readonly webhookSecret: string;
  readonly apiUrl: string;
}

/**
 * `isPlay`: on a development server, where real money has no business beside play money. `isOpen`: where
 * anybody may sign up, and so make up accounts that bring and hire one another.
 */
export function readMoney(get: Get, isPlay: boolean, isOpen: boolean) {
  return {
    referralRewardMicros: readReferralReward(get, isOpen && !isPlay ? "0" : "1"),
    stripe: readStripe(get, isPlay),
    openmarlinCreditMicros: readCreditMicros(get),
  };
}

const REFERRAL_REWARD_MICROS_MAX = 1_000n * MICROS_PER_USD;

function readReferralReward(get: Get, fallback: string): bigint {
  const name = "GUILDHALL_REFERRAL_REWARD_USD";
  const micros = microsOfUsd(get(name) ?? fallback);
  if (micros !== undefined && micros >= 0n && micros <= REFERRAL_REWARD_MICROS_MAX) return micros;
  throw new ConfigError(`${name} must be an amount in US dollars from 0 to 1000.`);
}

function readStripe(get: Get, isPlay: boolean): StripeConfig | undefined {
  const secretKey = get("STRIPE_SECRET_KEY");
  const webhookSecret = get("STRIPE_WEBHOOK_SECRET");
  if (!secretKey && !webhookSecret) return undefined;
  if (!secretKey || !webhookSecret) {
    throw new ConfigError("STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET go together.");
  }
  if (isPlay && !/^[rs]k_test_/.test(secretKey)) {
    throw new ConfigError("GUILDHALL_MODE=development takes a test key of Stripe's only.");
  }
  const apiUrl = get("STRIPE_API_URL") ?? "https://api.stripe.com";
  if (!URL.canParse(apiUrl) || !/^https?:$/.test(new URL(apiUrl).protocol)) {
    throw new ConfigError("STRIPE_API_URL must be an http or https address.");
  }
  return { secretKey, webhookSecret, apiUrl };
}

/** A credit whose hundredth is whole micros, and of which no amount needs more than six decimals. */
function readCreditMicros(get: Get): bigint {
  const name = "OPENMARLIN_CREDIT_MICROS";
  const micros = wholeNumber(get(name) ?? "10000", name, 100, 1_000_000);
  if (micros % 100 === 0 && 1_000_000 % micros === 0) return BigInt(micros);
  throw new ConfigError(`${name} must be a multiple of 100 that divides 1000000.`);
}
