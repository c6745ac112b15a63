/** Top-ups: a payment is noted, and counts once it is paid. The transfer says that it is. */
import type { Caller } from "../domain/caller.ts";
import { Fault } from "../domain/fault.ts";
import {
  checkRailAmount,
  isPaymentId,
  type Topup,
  type TopupRail,
  topupAsOf,
  topupExpiry,
} from "../domain/topup.ts";
import { checkOperationAmount } from "../domain/wallet.ts";
import { newId, type Random } from "../lib/random.ts";
import {
  countPendingTopups,
  findTopup,
  findTopupByPayment,
  insertTopup,
  listTopups,
} from "../store/topup.ts";
import type { CardPayments } from "./ports.ts";
import { failTopup, payTopup, type TopupTools } from "./topup-settling.ts";

export interface OpenTopup {
  readonly amountMicros: bigint;
  /** Who takes the payment; whoever this server has where it is not said, Stripe before the development rail. */
  readonly rail?: TopupRail | undefined;
  /** On the development rail, the payment's name where it is paid; the top-up's own id where none is given. */
  readonly paymentId?: string | undefined;
  /** On the development rail: leaves it pending, for somebody to pay on its page. */
  readonly isPaidLater?: boolean | undefined;
}

export interface Topups {
  /** Whether this server has any rail. */
  readonly isOffered: boolean;
  /**
   * Opens a top-up. The development rail pays at once unless told otherwise, and the same payment again is
   * the same top-up; Stripe waits for a person on a page of its own.
   *
   * @throws {Fault} `forbidden` where this server has no such rail; `idempotency_conflict` where the
   * payment is of another amount or another's; `conflict` where too many are unpaid; `invalid_request`;
   * `overloaded` where the rail does not answer
   */
  open(caller: Caller, command: OpenTopup): Promise<Topup>;
  /** One of the caller's. Throws `not_found`. */
  require(caller: Caller, id: string): Promise<Topup>;
  /** The caller's, newest first. */
  list(
    caller: Caller,
    page: { readonly beforeId: string | undefined; readonly limit: number },
  ): Promise<readonly Topup[]>;
  /** For the operator: pays one on the development rail. Throws `not_found`, `forbidden`, `conflict`. */
  pay(id: string): Promise<Topup>;
  /**
   * The page of the development rail, which anybody on this machine may see and press the buttons of.
   *
   * @throws {Fault} `not_found` on a production server; `conflict` where it was decided otherwise
   */
  showUnpaid(id: string): Promise<Topup>;
  decideUnpaid(id: string, decision: "pay" | "fail"): Promise<Topup>;
}

interface Dependencies extends TopupTools {
  readonly random: Random;
  /** On a development server, and nowhere else: it pays without money. */
  readonly hasDevRail: boolean;
  readonly cards: CardPayments | undefined;
  /** Where clients reach this server. */
  readonly baseUrl: () => string;
}

/** Unpaid top-ups of one workspace. Each may be a page at Stripe. */
const PENDING_MAX = 100;

export function createTopups(deps: Dependencies): Topups {
  const { database, clock } = deps;

  async function findOnDevRail(id: string): Promise<Topup> {
    const topup = deps.hasDevRail ? await findTopup(database, id) : undefined;
    if (topup?.rail === "dev") return topupAsOf(topup, clock.now());
    throw noSuchTopup(id);
  }

  return {
    isOffered: deps.hasDevRail || deps.cards !== undefined,

    async open(caller, command) {
      const rail = railOf(deps, command.rail);
      checkOperationAmount(command.amountMicros);
      checkRailAmount(rail, command.amountMicros);
      await checkPending(deps, caller);
      return rail === "dev"
        ? openOnDevRail(deps, caller, command)
        : openCheckout(deps, caller, command);
    },

    async require({ workspaceId }, id) {
      const topup = await findTopup(database, id);
      if (topup?.workspaceId === workspaceId) return topupAsOf(topup, clock.now());
      throw noSuchTopup(id);
    },

    async list(caller, { beforeId, limit }) {
      const topups = await listTopups(database, caller.workspaceId, beforeId, limit);
      return topups.map((topup) => topupAsOf(topup, clock.now()));
    },

    async pay(id) {
      const topup = await findTopup(database, id);
      if (!topup) throw noSuchTopup(id);
      if (!deps.hasDevRail || topup.rail !== "dev") throw noDevRail();
      return decide(deps, topupAsOf(topup, clock.now()), "pay");
    },

    showUnpaid: findOnDevRail,
    decideUnpaid: async (id, decision) => decide(deps, await findOnDevRail(id), decision),
  };
}

/** On the development rail what was decided stays: nobody's money arrives late there. */
async function decide(deps: Dependencies, topup: Topup, decision: "pay" | "fail"): Promise<Topup> {
  const decided = decision === "pay" ? "paid" : "failed";
  if (topup.state === decided) return topup;
  if (topup.state !== "pending") throw new Fault("conflict", `The top-up is ${topup.state}.`);
  const done = await (decision === "pay"
    ? payTopup(deps, topup)
    : failTopup(deps, topup, "declined"));
  if (done.state !== decided) throw new Fault("conflict", `The top-up is ${done.state}.`);
  return done;
}

function railOf({ hasDevRail, cards }: Dependencies, wanted: TopupRail | undefined): TopupRail {
  const rail = wanted ?? (cards ? "stripe" : "dev");
  if (rail === "stripe" && !cards) throw new Fault("forbidden", "This server takes no cards.");
  if (rail === "dev" && !hasDevRail) throw noDevRail();
  return rail;
}

async function checkPending({ database, clock }: Dependencies, caller: Caller): Promise<void> {
  const now = clock.now();
  const since = new Date(2 * now.getTime() - topupExpiry({ createdAt: now }).getTime());
  if ((await countPendingTopups(database, caller.workspaceId, since)) < PENDING_MAX) return;
  throw new Fault("conflict", `There are ${PENDING_MAX} unpaid top-ups. Pay one, or wait a day.`);
}

async function openOnDevRail(
  deps: Dependencies,
  { workspaceId, keyId }: Caller,
  { amountMicros, paymentId, isPaidLater = false }: OpenTopup,
): Promise<Topup> {
  const { database, clock, random } = deps;
  if (paymentId !== undefined && !isPaymentId(paymentId)) {
    throw new Fault("invalid_request", "This is no payment's id.", { field: "payment_id" });
  }
  const id = newId(clock, random);
  const payment = { rail: "dev", paymentId: paymentId ?? id } as const;
  const checkoutUrl = `${deps.baseUrl()}/dev/topup/${id}`;
  const createdAt = clock.now();
  await insertTopup(database, {
    id,
    workspaceId,
    ...payment,
    amountMicros,
    checkoutUrl,
    createdAt,
  });
  const topup = await findTopupByPayment(database, payment.rail, payment.paymentId);
  if (topup?.workspaceId !== workspaceId || topup.amountMicros !== amountMicros) {
    throw new Fault("idempotency_conflict", "This payment is another top-up's.");
  }
  const known = topupAsOf(topup, clock.now());
  return isPaidLater || known.state !== "pending" ? known : payTopup(deps, known, keyId);
}

/** The page is made first: a top-up that nobody was told of is nothing, and nobody can pay it. */
async function openCheckout(
  { database, clock, random, cards, baseUrl }: Dependencies,
  { workspaceId }: Caller,
  { amountMicros, paymentId: named }: OpenTopup,
): Promise<Topup> {
  if (!cards) throw new Error("there are no cards");
  if (named !== undefined) {
    throw new Fault("invalid_request", "Stripe names its payments itself.", {
      field: "payment_id",
    });
  }
  const id = newId(clock, random);
  const { paymentId, url } = await cards.openCheckout({
    topupId: id,
    amountMicros,
    paidUrl: `${baseUrl()}/app/topup/paid`,
    cancelledUrl: `${baseUrl()}/app/topup/cancelled`,
  });
  const payment = { rail: "stripe", paymentId, checkoutUrl: url, createdAt: clock.now() } as const;
  await insertTopup(database, { id, workspaceId, amountMicros, ...payment });
  const topup = await findTopup(database, id);
  if (!topup) throw new Error(`Stripe named two payments ${paymentId}`);
  return topup;
}

function noDevRail(): Fault {
  return new Fault(
    "forbidden",
    "Top-ups by the development rail exist on development servers only.",
  );
}

function noSuchTopup(id: string): Fault {
  return new Fault("not_found", "There is no such top-up.", { kind: "topup", id });
}
