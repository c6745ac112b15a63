/** Billing (contract §8): what is there, what it was spent on, and putting more in. */
import type { Hono } from "hono";
import { Fault } from "../../domain/fault.ts";
import { authenticated, callerOf } from "../shared/caller.ts";
import { check } from "../shared/check.ts";
import type { Credits } from "./credits.ts";
import { decodeTopupId, OpenTopup, readObject } from "./decode.ts";
import {
  encodeBalance,
  encodeLedgerEntry,
  encodeReferrals,
  encodeTopup,
  encodeUsage,
} from "./encode-billing.ts";
import type { OpenmarlinCore, OpenmarlinOptions } from "./routes.ts";

/** Lists on this wire have no pages (contract §8.4). */
const LISTED_MAX = 200;

export function billingRoutes(
  routes: Hono,
  { callers, referrals, wallets, statements, topups }: OpenmarlinCore,
  { clock, publicUrl }: OpenmarlinOptions,
  credits: Credits,
): void {
  // Not limited: clients ask every two seconds whether a payment has arrived, and give up at a refusal.
  const member = authenticated(callers);

  routes.get("/v1/balance", member, async (c) => {
    const caller = callerOf(c);
    const balance = await wallets.balance(caller);
    return c.json(encodeBalance(caller.workspaceId, balance, clock.now(), credits));
  });

  routes.get("/v1/usage-events", member, async (c) => {
    const uses = await statements.listUses(callerOf(c), LISTED_MAX);
    return c.json({ data: uses.map((use) => encodeUsage(use, credits)) });
  });

  routes.get("/v1/ledger", member, async (c) => {
    const lines = await statements.read(callerOf(c), LISTED_MAX);
    return c.json({ data: lines.map((line) => encodeLedgerEntry(line, credits)) });
  });

  routes.get("/v1/referrals/me", member, async (c) => {
    return c.json(encodeReferrals(await referrals.mine(callerOf(c)), publicUrl));
  });

  routes.post("/v1/topup/sessions", member, async (c) => {
    const { amount } = check(OpenTopup, await readObject(c));
    const amountMicros = credits.micros(amount);
    if (amountMicros === undefined) {
      const message = "amount: at most two decimals";
      throw new Fault("invalid_request", message, { field: "amount" });
    }
    // A person pays, on the page that the answer names.
    const topup = await topups.open(callerOf(c), { amountMicros, isPaidLater: true });
    return c.json(encodeTopup(topup, credits, publicUrl), 201);
  });

  routes.get("/v1/topup/sessions/:id", member, async (c) => {
    const topup = await topups.require(callerOf(c), decodeTopupId(c.req.param("id")));
    return c.json(encodeTopup(topup, credits, publicUrl));
  });
}
