/** Looks every few seconds whether somebody who was referred has paid for work. */
import type { Log } from "../lib/log.ts";
import type { Referrals } from "./referral.ts";

export interface ReferralKeeper {
  stop(): Promise<void>;
}

const SETTLE_MS = 10_000;

export function startReferralKeeper(
  referrals: Pick<Referrals, "settle">,
  log: Log,
): ReferralKeeper {
  let settling: Promise<void> | undefined;
  const timer = setInterval(() => {
    settling ??= referrals
      .settle()
      .catch((error: unknown) => log.warn({ error }, "could not settle referrals; trying again"))
      .finally(() => {
        settling = undefined;
      });
  }, SETTLE_MS);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      await settling;
    },
  };
}
