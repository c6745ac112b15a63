/**
 * A payment server on loopback that speaks the part of Stripe's API that top-ups use, and signs its reports
 * as Stripe does, by the library's own means. What it was asked is there to be looked at.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import Stripe from "stripe";
import type { Environment } from "./guildhall.ts";

export interface FakeSession {
  readonly id: string;
  object: "checkout.session";
  url: string;
  status: "open" | "complete" | "expired";
  payment_status: "paid" | "unpaid";
  amount_total: number;
  currency: string;
  payment_intent: string | null;
  client_reference_id: string | null;
}

export interface StripeServer {
  readonly url: string;
  /** What a server needs to know to take its cards. */
  readonly environment: Environment;
  /** Bodies that pages were asked for with, as they came. */
  readonly asked: readonly URLSearchParams[];
  readonly sessions: ReadonlyMap<string, FakeSession>;
  /** From now on it answers everything with this status; `undefined` is as usual. */
  fail(status: number | undefined): void;
  /** A person pays. Nobody is told. */
  pay(sessionId: string, other?: Partial<FakeSession>): FakeSession;
  expire(sessionId: string): FakeSession;
  stop(): Promise<void>;
}

export const STRIPE_SECRET_KEY = "sk_test_0123456789abcdef";
const WEBHOOK_SECRET = "whsec_0123456789abcdef";
const ENDPOINT = "/api/guildhall/v1/webhooks/stripe";
const SIGNER = new Stripe(STRIPE_SECRET_KEY);

export async function startStripe(t: TestContext): Promise<StripeServer> {
  const sessions = new Map<string, FakeSession>();
  const asked: URLSearchParams[] = [];
  let failure: number | undefined;
  const server = createServer((request, response) => {
    void readBody(request).then((body) => {
      const isKnown = request.headers.authorization === `Bearer ${STRIPE_SECRET_KEY}`;
      if (failure !== undefined) answer(response, [failure, problem("api_error", "down")]);
      else if (isKnown) answer(response, route(request, body, { sessions, asked }));
      else answer(response, [401, problem("invalid_request_error", "no such key")]);
    });
  });
  const url = await listen(server);
  const stop = () =>
    new Promise<void>((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  t.after(stop);
  const change = (id: string, to: Partial<FakeSession>): FakeSession => {
    const session = sessions.get(id);
    if (!session) throw new Error(`no session ${id}`);
    return Object.assign(session, to);
  };
  return {
    url,
    asked,
    sessions,
    environment: {
      STRIPE_SECRET_KEY,
      STRIPE_WEBHOOK_SECRET: WEBHOOK_SECRET,
      STRIPE_API_URL: url,
    },
    fail: (status) => {
      failure = status;
    },
    pay: (id, other) =>
      change(id, {
        ...{ status: "complete", payment_status: "paid", payment_intent: id.replace("cs_", "pi_") },
        ...other,
      }),
    expire: (id) => change(id, { status: "expired" }),
    stop,
  };
}

/** What Stripe reports, as a body. */
export function eventOf(type: string, object: object): string {
  const id = `evt_${type.replaceAll(".", "_")}_${Math.random().toString(36).slice(2)}`;
  return JSON.stringify({
    id,
    object: "event",
    api_version: "2026-10-28.endive",
    type,
    data: { object },
  });
}

/** The header with which a body is signed; `at` in seconds, now where it is not said. */
export function signatureOf(payload: string, at?: number, secret = WEBHOOK_SECRET): string {
  return SIGNER.webhooks.generateTestHeaderString({
    ...{ payload, secret },
    ...(at !== undefined && { timestamp: at }),
  });
}

/** Hands a report to a server; gives its status. */
export async function report(
  server: { readonly url: string },
  payload: string,
  signature: string | undefined = signatureOf(payload),
): Promise<number> {
  const response = await fetch(server.url + ENDPOINT, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(signature !== "" && { "stripe-signature": signature }),
    },
    body: payload,
  });
  await response.arrayBuffer();
  return response.status;
}

export function disputeOf(
  session: FakeSession,
  status: string,
  other: { readonly id?: string; readonly amount?: number } = {},
): object {
  return {
    id: other.id ?? session.id.replace("cs_", "dp_"),
    object: "dispute",
    amount: other.amount ?? session.amount_total,
    currency: session.currency,
    payment_intent: session.id.replace("cs_", "pi_"),
    status,
  };
}

interface Known {
  readonly sessions: Map<string, FakeSession>;
  readonly asked: URLSearchParams[];
}

/** Status and body of an answer. */
type Said = readonly [status: number, body: object];

function route(request: IncomingMessage, body: string, { sessions, asked }: Known): Said {
  const { pathname, searchParams } = new URL(request.url ?? "", "http://stripe");
  const [isKnown, id, action] =
    /^\/v1\/checkout\/sessions(?:\/(\w+))?(?:\/(expire))?$/.exec(pathname) ?? [];
  if (isKnown === undefined) return [404, problem("invalid_request_error", "unrecognized request")];
  if (id === undefined && request.method === "GET") {
    const intent = searchParams.get("payment_intent");
    const data = [...sessions.values()].filter((session) => session.payment_intent === intent);
    return [200, { object: "list", has_more: false, url: pathname, data }];
  }
  if (id === undefined) {
    const asking = new URLSearchParams(body);
    asked.push(asking);
    const made = sessionOf(asking, sessions.size + 1);
    sessions.set(made.id, made);
    return [200, made];
  }
  const session = sessions.get(id);
  if (!session)
    return [404, problem("invalid_request_error", "no such session", "resource_missing")];
  if (action === "expire") {
    if (session.status !== "open") return [400, problem("invalid_request_error", "not open")];
    session.status = "expired";
  }
  return [200, session];
}

function sessionOf(asking: URLSearchParams, number: number): FakeSession {
  const id = `cs_test_${String(number).padStart(8, "0")}`;
  return {
    ...{ id, object: "checkout.session", url: `https://checkout.stripe.example/${id}` },
    ...{ status: "open", payment_status: "unpaid", payment_intent: null },
    amount_total: Number(asking.get("line_items[0][price_data][unit_amount]")),
    currency: asking.get("line_items[0][price_data][currency]") ?? "",
    client_reference_id: asking.get("client_reference_id"),
  };
}

function problem(type: string, message: string, code?: string): object {
  return { error: { type, message, ...(code && { code }) } };
}

function answer(response: ServerResponse, [status, body]: Said): void {
  response.writeHead(status, { "content-type": "application/json", "request-id": "req_test" });
  response.end(JSON.stringify(body));
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
