/** Billing (contract §8): what is there, what it was spent on, and putting more in. */
import type { Hono } from "hono";
import { authenticated, callerOf } from "../shared/caller.ts";
import type { Credits } from "./credits.ts";
import { encodeBalance, encodeLedgerEntry, encodeUsage } from "./encode-billing.ts";
import type { OpenmarlinCore, OpenmarlinOptions } from "./routes.ts";

/** Lists on this wire have no pages (contract §8.4). */
const LISTED_MAX = 200;

export function billingRoutes(
  routes: Hono,
  { callers, wallets, statements }: OpenmarlinCore,
  { clock }: OpenmarlinOptions,
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
}
