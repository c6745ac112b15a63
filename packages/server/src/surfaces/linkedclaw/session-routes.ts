/** Sessions on LinkedClaw's REST interface (contract §6.7): method and path -> one use case. */
import { prefixed } from "@guildhall/protocol";
import type { Context, Hono } from "hono";
import type { Core, SessionView } from "../../core/index.ts";
import { callerOf } from "../shared/caller.ts";
import { readJson, readQuery } from "../shared/json-body.ts";
import type { createRateLimiter } from "../shared/rate-limit.ts";
import { decodeId } from "./decode.ts";
import {
  decodeAcceptInvoice,
  decodeAcceptQuote,
  decodeBill,
  decodeCancel,
  decodeEnd,
  decodeEvents,
  decodeExtend,
  decodeFlag,
  decodeList,
  decodeMessage,
  decodeOpenSession,
  decodePropose,
} from "./decode-session.ts";
import {
  encodeEvents,
  encodeInvoice,
  encodeProposal,
  encodeSession,
  encodeSettlement,
  hashOfProposal,
  receiptIdOf,
} from "./encode-session.ts";

type Limited = ReturnType<typeof createRateLimiter>;

const CHAIN_HEADER = "x-linkedclaw-chain-id";

export function sessionRoutes(
  routes: Hono,
  core: Core,
  limited: Limited,
  codeOf: (code: string) => string,
): void {
  const { sessions } = core;
  const encode = (view: SessionView): object => encodeSession(view, sessions.idleUntil(view));
  const ofSession = (c: Context): string => c.req.param("id") ?? "";

  routes.post("/sessions", limited("sessions"), async (c) => {
    const command = decodeOpenSession(await readJson(c), {
      chainId: c.req.header(CHAIN_HEADER),
      idempotencyKey: c.req.header("idempotency-key"),
    });
    const view = await sessions.open(callerOf(c), command);
    nameChain(c, view);
    return c.json(encode(view), 201);
  });
  routes.get("/sessions", async (c) => {
    const page = await sessions.list(callerOf(c), decodeList(readQuery(c)));
    const cursor = page.cursor === undefined ? null : prefixed("ses", page.cursor);
    return c.json({ sessions: page.sessions.map(encode), next_cursor: cursor });
  });
  routes.get("/sessions/:id", async (c) =>
    c.json(encode(await sessions.require(callerOf(c), idOf(c)))),
  );
  routes.post("/sessions/:id/activate", limited("sessions"), async (c) => {
    const view = await sessions.activate(callerOf(c), idOf(c));
    nameChain(c, view);
    return c.json(encode(view));
  });
  routes.post("/sessions/:id/messages", limited("messages", ofSession), async (c) => {
    const sent = await sessions.send(callerOf(c), idOf(c), decodeMessage(await readJson(c)));
    const { seq, position: offset, used, messagesMax } = sent;
    const counts = { messages_used: used, max_messages: messagesMax };
    return c.json({ accepted: true, seq, offset, ...counts }, 202);
  });
  routes.get("/sessions/:id/events", limited("events", ofSession), async (c) => {
    const { since, limit } = decodeEvents(readQuery(c));
    const page = await sessions.read(callerOf(c), idOf(c), since, limit);
    return c.json(encodeEvents(page, since, codeOf));
  });
  routes.post("/sessions/:id/end", async (c) => {
    const detail = decodeEnd(await readBody(c));
    const view = await sessions.end(callerOf(c), idOf(c), detail);
    const settlement = encodeSettlement(view);
    return c.json({ session: encode(view), settlement, receipt_id: receiptIdOf(view) });
  });
  routes.post("/sessions/:id/cancel", async (c) => {
    const command = decodeCancel(await readBody(c), c.req.header("idempotency-key"));
    return c.json(encode(await sessions.cancel(callerOf(c), idOf(c), command)));
  });
  routes.post("/sessions/:id/extend", limited("sessions"), async (c) => {
    const command = decodeExtend(await readJson(c), c.req.header("idempotency-key"));
    const { view, previousId, isActivated } = await sessions.extend(callerOf(c), idOf(c), command);
    nameChain(c, view);
    const activation = isActivated ? { activated: true } : { pending: true };
    const parent_session_id = prefixed("ses", previousId);
    return c.json({ session: encode(view), parent_session_id, activation }, 201);
  });
  routes.post("/sessions/:id/flag", limited("sessions"), async (c) => {
    await sessions.flag(callerOf(c), idOf(c), decodeFlag(await readJson(c)));
    return c.json({ flagged: true });
  });
  quoteRoutes(routes, core, limited, encode);
}

function quoteRoutes(
  routes: Hono,
  { sessions }: Core,
  limited: Limited,
  encode: (view: SessionView) => object,
): void {
  routes.get("/sessions/:id/quote-proposal", async (c) =>
    c.json(encodeProposal(await sessions.proposal(callerOf(c), idOf(c)))),
  );
  routes.post("/sessions/:id/quote-proposal", limited("sessions"), async (c) => {
    const draft = decodePropose(await readJson(c));
    return c.json(encodeProposal(await sessions.propose(callerOf(c), idOf(c), draft)), 201);
  });
  routes.post("/sessions/:id/accept-quote", limited("sessions"), async (c) => {
    const { hash, silentBoundMicros } = decodeAcceptQuote(await readJson(c));
    const view = await sessions.acceptProposal(callerOf(c), idOf(c), {
      isMeant: (quote) => hashOfProposal(quote) === hash,
      silentBoundMicros,
    });
    return c.json(encode(view));
  });
  routes.get("/sessions/:id/invoice", async (c) => {
    const { invoice, view } = await sessions.invoice(callerOf(c), idOf(c));
    return c.json(encodeInvoice(invoice, view));
  });
  routes.post("/sessions/:id/invoice", limited("sessions"), async (c) => {
    const caller = callerOf(c);
    await sessions.bill(caller, idOf(c), decodeBill(await readJson(c)));
    const { invoice, view } = await sessions.invoice(caller, idOf(c));
    return c.json(encodeInvoice(invoice, view), 201);
  });
  routes.post("/sessions/:id/accept-invoice", limited("sessions"), async (c) => {
    const invoiceId = decodeAcceptInvoice(await readJson(c));
    const view = await sessions.acceptInvoice(callerOf(c), idOf(c), invoiceId);
    return c.json({ ...encodeSettlement(view), receipt_id: receiptIdOf(view) });
  });
}

function idOf(c: Context): string {
  return decodeId("ses", c.req.param("id") ?? "", "session");
}

/** Where everything in a body is optional, so is the body. */
async function readBody(c: Context): Promise<unknown> {
  const isEmpty = (c.req.header("content-length") ?? "0") === "0";
  return isEmpty && !c.req.header("transfer-encoding") ? {} : readJson(c);
}

function nameChain(c: Context, { session }: SessionView): void {
  c.header(CHAIN_HEADER, prefixed("chn", session.chainId));
}
