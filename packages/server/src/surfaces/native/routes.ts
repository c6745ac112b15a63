/** Our own API, `/api/guildhall/v1`: method and path -> one use case. */
import { LIMITS, prefixed, usdOfMicros } from "@guildhall/protocol";
import { type Context, Hono } from "hono";
import type { Core } from "../../core/index.ts";
import { authenticated, callerOf } from "../shared/caller.ts";
import { check } from "../shared/check.ts";
import { wordFault } from "../shared/fault-table.ts";
import { readJson, readQuery, readText } from "../shared/json-body.ts";
import { readUpload } from "../shared/multipart.ts";
import type { createRateLimiter } from "../shared/rate-limit.ts";
import { requestIdOf } from "../shared/request-id.ts";
import { adminRoutes } from "./admin-routes.ts";
import { decodeId, OpenTopup, Page, RedeemVoucher, RequestPayout, TransferPage } from "./decode.ts";
import {
  encodeBalance,
  encodePayout,
  encodeReferrals,
  encodeTopup,
  encodeTransfer,
} from "./encode.ts";
import { NATIVE_STATUS } from "./errors.ts";

type Limited = ReturnType<typeof createRateLimiter>;

export interface NativeOptions {
  readonly limited: Limited;
  /** Without a slash at its end. */
  readonly publicUrl: string;
}

export function nativeRoutes(core: Core, options: NativeOptions): Hono {
  const routes = new Hono();
  routes.onError(refuse);
  routes.route("/admin", adminRoutes(core));
  // A route each, not one for all paths: what there is not is not found, with or without a key.
  const member = [authenticated(core.callers), options.limited("wallet")] as const;
  walletRoutes(routes, core, member);
  topupRoutes(routes, core, member);
  routes.get("/referrals", ...member, async (c) => {
    return c.json(encodeReferrals(await core.referrals.mine(callerOf(c)), options.publicUrl));
  });
  payoutRoutes(routes, core, member);
  // By providers, of what they made for a run (docs/providers.md).
  const uploader = [authenticated(core.callers), options.limited("files")] as const;
  routes.post("/runs/:id/files", ...uploader, async (c) => {
    const id = decodeId(c.req.param("id"), "run", "run");
    const caller = callerOf(c);
    const asset = await readUpload(c, (file) => core.assets.uploadForRun(caller, id, file));
    return c.json({ file_id: prefixed("fil", asset.id) }, 201);
  });
  return routes;
}

type Member = readonly [ReturnType<typeof authenticated>, ReturnType<Limited>];

function walletRoutes(routes: Hono, core: Core, member: Member): void {
  routes.get("/wallet", ...member, async (c) => {
    return c.json(encodeBalance(await core.wallets.balance(callerOf(c))));
  });
  routes.get("/wallet/transfers", ...member, async (c) => {
    const { limit, cursor } = check(TransferPage, readQuery(c));
    const page = await core.wallets.listTransfers(callerOf(c), { limit, cursor });
    return c.json({ transfers: page.transfers.map(encodeTransfer), cursor: page.cursor ?? null });
  });
  routes.post("/vouchers/redeem", ...member, async (c) => {
    const { code } = check(RedeemVoucher, await readJson(c));
    const redeemed = await core.vouchers.redeem(callerOf(c), code);
    return c.json({
      transfer_id: redeemed.transferId,
      amount_usd: usdOfMicros(redeemed.amountMicros),
      available_usd: usdOfMicros(redeemed.balance?.availableMicros ?? 0n),
    });
  });
}

function topupRoutes(routes: Hono, core: Core, member: Member): void {
  routes.post("/topups", ...member, async (c) => {
    const command = check(OpenTopup, await readJson(c));
    return c.json(encodeTopup(await core.topups.open(callerOf(c), command)), 201);
  });
  routes.get("/topups", ...member, async (c) => {
    const { limit, cursor } = check(Page, readQuery(c));
    const topups = await core.topups.list(callerOf(c), { limit, beforeId: cursor });
    const next = topups.length === limit ? (topups.at(-1)?.id ?? null) : null;
    return c.json({ topups: topups.map(encodeTopup), cursor: next });
  });
  routes.get("/topups/:id", ...member, async (c) => {
    const id = decodeId(c.req.param("id"), "topup", "topup");
    return c.json(encodeTopup(await core.topups.require(callerOf(c), id)));
  });
  // Stripe signs what it says, so the text has to stay as it came.
  routes.post("/webhooks/stripe", async (c) => {
    const body = await readText(c, LIMITS.bodyBytesMax);
    await core.payments.receive(body, c.req.header("stripe-signature"));
    return c.json({ received: true });
  });
}

function payoutRoutes(routes: Hono, core: Core, member: Member): void {
  routes.post("/payouts", ...member, async (c) => {
    const { usd } = check(RequestPayout, await readJson(c));
    return c.json(encodePayout(await core.payouts.request(callerOf(c), usd)), 201);
  });
  routes.get("/payouts", ...member, async (c) => {
    const { limit, cursor } = check(Page, readQuery(c));
    const page = { limit, beforeId: cursor };
    const { payouts, payableMicros } = await core.payouts.list(callerOf(c), page);
    return c.json({
      payable_usd: usdOfMicros(payableMicros),
      payouts: payouts.map(encodePayout),
      cursor: payouts.length === limit ? (payouts.at(-1)?.id ?? null) : null,
    });
  });
}

/** `{"error":{"code","message","request_id",…}}`: the inner codes are this API's own. */
function refuse(error: Error, c: Context): Response {
  const { word, fault, retryAfterSeconds } = wordFault(NATIVE_STATUS, error);
  if (retryAfterSeconds !== undefined) c.header("retry-after", String(retryAfterSeconds));
  const { code, message } = fault;
  const field = fault.facts && "field" in fault.facts ? { field: fault.facts.field } : {};
  const body = { error: { code, message, request_id: requestIdOf(c), ...field } };
  // Bugs are logged by the handler of all surfaces, which looks here for what was thrown.
  c.set("thrown", error);
  return c.json(body, word);
}
