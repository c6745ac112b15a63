/** The operator's commands: `/api/guildhall/v1/admin`, for whoever holds the operator's key. */
import { prefixed, usdOfMicros } from "@guildhall/protocol";
import { Hono } from "hono";
import type { Core } from "../../core/index.ts";
import { bearerOf } from "../shared/caller.ts";
import { check } from "../shared/check.ts";
import { readJson, readQuery } from "../shared/json-body.ts";
import {
  ApproveHandoff,
  CreateKey,
  CreateMember,
  CreateVoucher,
  CreditMember,
  decodeId,
  KeysOfMember,
  LimitMember,
  Nothing,
  OfMember,
  Page,
  PayoutPage,
  Reverse,
  RoleOfMember,
  Verify,
} from "./decode.ts";
import {
  encodeDispute,
  encodeKey,
  encodeLimits,
  encodeMember,
  encodePayout,
  encodeStatus,
  encodeVerdict,
} from "./encode.ts";
import { modelRoutes } from "./model-routes.ts";
import { nodeRoutes } from "./node-routes.ts";

export function adminRoutes(core: Core): Hono {
  const routes = new Hono();
  routes.use(async (c, next) => {
    core.operator.authenticate(bearerOf(c));
    await next();
  });
  peopleRoutes(routes, core);
  moneyRoutes(routes, core);
  modelRoutes(routes, core);
  routes.get("/ledger/verify", async (c) => {
    const { full } = check(Verify, c.req.query());
    return c.json(encodeVerdict(await core.books.verify({ isFull: full })));
  });
  routes.get("/status", async (c) => c.json(encodeStatus(await core.operator.status())));
  return routes;
}

function peopleRoutes(routes: Hono, core: Core): void {
  routes.post("/members", async (c) => {
    const command = check(CreateMember, await readJson(c));
    const { workspaceId } = await core.members.create(command);
    const body = { user_id: prefixed("usr", workspaceId), workspace_id: workspaceId };
    return c.json(body, 201);
  });
  routes.post("/members/invite", async (c) => {
    const { email } = check(OfMember, await readJson(c));
    const { url, expiresAt, isMailed } = await core.signInLinks.invite(email);
    return c.json({ email, url, expires_at: expiresAt.toISOString(), is_mailed: isMailed }, 201);
  });
  routes.post("/members/suspend", async (c) => {
    const { email } = check(OfMember, await readJson(c));
    return c.json(encodeMember(await core.members.suspend(email)));
  });
  routes.post("/members/resume", async (c) => {
    const { email } = check(OfMember, await readJson(c));
    return c.json(encodeMember(await core.members.resume(email)));
  });
  routes.post("/members/role", async (c) => {
    const { email, role } = check(RoleOfMember, await readJson(c));
    return c.json(encodeMember(await core.members.setRole(email, role)));
  });
  routes.post("/members/limits", async (c) => {
    const { email, limits, chainCeilingMicros } = check(LimitMember, await readJson(c));
    const limited = await core.operator.limitMember(email, limits, chainCeilingMicros);
    return c.json(encodeLimits(limited.member, limits, limited.chainCeilingMicros));
  });
  routes.post("/agents/:id/suspend", async (c) => {
    check(Nothing, await readJson(c));
    const id = decodeId(c.req.param("id"), "agent", "agt");
    await core.agents.suspend(id);
    return c.json({ agent_id: prefixed("agt", id), state: "suspended" });
  });
  routes.post("/agents/:id/resume", async (c) => {
    check(Nothing, await readJson(c));
    const id = decodeId(c.req.param("id"), "agent", "agt");
    await core.agents.resume(id);
    return c.json({ agent_id: prefixed("agt", id), state: "active" });
  });
  nodeRoutes(routes, core);
  routes.post("/keys", async (c) => {
    const command = check(CreateKey, await readJson(c));
    const { key, secret } = await core.operator.createKey(command);
    return c.json({ key: secret, key_id: key.id }, 201);
  });
  routes.get("/keys", async (c) => {
    const { email } = check(KeysOfMember, readQuery(c));
    return c.json({ keys: (await core.operator.listKeys(email)).map(encodeKey) });
  });
  routes.post("/keys/:id/revoke", async (c) => {
    check(Nothing, await readJson(c));
    return c.json(encodeKey(await core.operator.revokeKey(decodeId(c.req.param("id"), "key"))));
  });
  routes.post("/handoffs/approve", async (c) => {
    const { email, code } = check(ApproveHandoff, await readJson(c));
    const { kind, state } = await core.handoffs.approveAs(email, code);
    return c.json({ kind, state });
  });
}

function moneyRoutes(routes: Hono, core: Core): void {
  routes.post("/credits", async (c) => {
    const command = check(CreditMember, await readJson(c));
    const { transferId, balance } = await core.wallets.credit(command);
    const balanceMicros = balance?.postedMicros ?? 0n;
    return c.json({ transfer_id: transferId, balance_usd: usdOfMicros(balanceMicros) }, 201);
  });
  routes.post("/transfers/:id/reverse", async (c) => {
    const { reason } = check(Reverse, await readJson(c));
    const { transferId } = await core.wallets.reverse({ transferId: c.req.param("id"), reason });
    return c.json({ transfer_id: transferId, reversed: c.req.param("id") });
  });
  routes.post("/vouchers", async (c) => {
    const { code } = await core.vouchers.create(check(CreateVoucher, await readJson(c)));
    return c.json({ code }, 201);
  });
  routes.post("/topups/:id/pay", async (c) => {
    check(Nothing, await readJson(c));
    const { state } = await core.topups.pay(decodeId(c.req.param("id"), "topup"));
    return c.json({ state });
  });
  routes.get("/disputes", async (c) => {
    const { limit } = check(Page, readQuery(c));
    const found = await core.disputes.list(limit);
    return c.json({ disputes: found.map(({ dispute, email }) => encodeDispute(dispute, email)) });
  });
  routes.post("/disputes/:id/release", async (c) => {
    check(Nothing, await readJson(c));
    const id = decodeId(c.req.param("id"), "dispute");
    return c.json(encodeDispute(await core.disputes.release(id)));
  });
  routes.get("/payouts", async (c) => {
    const { limit, cursor, state } = check(PayoutPage, readQuery(c));
    const found = await core.payouts.listAll({ limit, afterId: cursor, state });
    return c.json({
      payouts: found.map(({ payout, email, isFrozen }) => ({
        ...encodePayout(payout),
        ...{ email, is_frozen: isFrozen },
      })),
      cursor: found.length === limit ? (found.at(-1)?.payout.id ?? null) : null,
    });
  });
  routes.post("/payouts/:id/mark-paid", async (c) => {
    check(Nothing, await readJson(c));
    const id = decodeId(c.req.param("id"), "payout");
    return c.json(encodePayout(await core.payouts.markPaid(id)));
  });
}
