/** Payments by card: what the rail reports, and what it is asked where it stayed silent. */
import { Fault } from "../domain/fault.ts";
import { type Topup, topupExpiry } from "../domain/topup.ts";
import { findTopupByReference, listUnclosedTopups, updateTopupClosed } from "../store/topup.ts";
import type { DisputeReport, Disputes } from "./dispute.ts";
import type { CardPayments } from "./ports.ts";
import { failTopup, settleCheckout, type TopupTools } from "./topup-settling.ts";

export interface Payments {
  /**
   * Takes over a report of Stripe's, as it came. Whatever is none of ours changes nothing.
   *
   * @throws {Fault} `not_found` where this server takes no cards; `invalid_request` where Stripe did not
   * sign it; `overloaded` where it has to come again
   */
  receive(body: string, signature: string | undefined): Promise<void>;
  /** Goes through top-ups of which nothing was heard: asks for them, and lets go those of yesterday. */
  tidy(): Promise<void>;
}

interface Dependencies extends TopupTools {
  readonly cards: CardPayments | undefined;
  readonly disputes: Pick<Disputes, "settle">;
}

const RAIL = "stripe";
/** A report takes seconds. What is not there by then may have been lost. */
const SILENCE_MS = 5 * 60_000;
const TIDY_PAGE = 100;
/** Top-ups that one round asks for: those of a busy server's day. */
const TIDY_MAX = 2_000;

export function createPayments(deps: Dependencies): Payments {
  const { cards, clock, database, log } = deps;
  return {
    async receive(body, signature) {
      if (!cards) throw new Fault("not_found", "There is nothing here.", { kind: "page", id: "" });
      const report = await cards.readReport(body, signature, clock.now());
      if (report?.kind === "checkout") await settleCheckout(deps, RAIL, report.checkout);
      if (report?.kind === "dispute") await dispute(deps, cards, report);
    },

    async tidy() {
      const before = new Date(clock.now().getTime() - SILENCE_MS);
      let afterId = "";
      for (let seen = 0; seen < TIDY_MAX; seen += TIDY_PAGE) {
        const page = { before, afterId, limit: TIDY_PAGE };
        const topups = await listUnclosedTopups(database, page);
        for (const topup of topups) await tidyOne(deps, topup);
        afterId = topups.at(-1)?.id ?? "";
        if (topups.length < TIDY_PAGE) return;
      }
      log.warn({ topups: TIDY_MAX }, "there are more unpaid top-ups than one round looks at");
    },
  };
}

/** A dispute names the money. Where its payment was not reported yet, it is taken over first. */
async function dispute(
  deps: Dependencies,
  cards: CardPayments,
  report: DisputeReport,
): Promise<void> {
  const { reference } = report;
  let topup = await findTopupByReference(deps.database, RAIL, reference);
  if (topup?.state !== "paid") {
    const checkout = await cards.findCheckoutByReference(reference);
    topup = checkout && (await settleCheckout(deps, RAIL, checkout));
  }
  // Not ours, or never credited: there is nothing to take back.
  if (topup?.state === "paid") await deps.disputes.settle(topup, report);
}

async function tidyOne(deps: Dependencies, topup: Topup): Promise<void> {
  const { clock, database, cards } = deps;
  if (topup.state === "paid") {
    const at = topup.completedAt ?? clock.now();
    return updateTopupClosed(database, topup.id, { failure: undefined, at });
  }
  const isLate = clock.now() >= topupExpiry(topup);
  if (topup.rail === RAIL && cards) {
    const { paymentId } = topup;
    const checkout = await cards.findCheckout(paymentId);
    const last =
      isLate && checkout?.state === "open" ? await cards.closeCheckout(paymentId) : checkout;
    if (last) {
      await settleCheckout(deps, RAIL, last);
      return;
    }
  }
  // Nobody takes this payment any more, as where the operator has gone to another account at the rail.
  if (isLate) await failTopup(deps, topup, "expired");
}
