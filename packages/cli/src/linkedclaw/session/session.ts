/** A session as the wire says it (LinkedClaw contract §6.7), and as people read it. */
import { fieldsOf } from "../../server.ts";
import { type Fact, facts, moment, type Page, type Style } from "../../terminal/layout.ts";
import { type Api, pathPart } from "../api.ts";
import { quoteText } from "../price.ts";

/** As far as our commands read it. The server may say more, and all of it is passed on. */
export interface Session {
  readonly session_id: string;
  readonly status: string;
  readonly agent_id: string;
  readonly capability: string;
  readonly messages_used: number;
  /** The highest number that a message of ours has; `undefined` where the server does not say. */
  readonly last_seq: number | undefined;
  readonly max_messages: number | undefined;
  readonly open_quote: boolean;
  readonly agreed_quote: unknown;
  readonly escrow_held: number | undefined;
  readonly termination_reason: string | undefined;
  readonly cap_hit_at: string | undefined;
  readonly resumable_until: string | undefined;
  readonly idle_warned_at: string | undefined;
  readonly idle_settles_at: string | undefined;
  readonly created_at: string | undefined;
}

/** Reads a session from an answer; what is missing is empty. */
export function sessionOf(value: unknown): Session {
  const fields = fieldsOf(value);
  const text = (name: string) => (typeof fields[name] === "string" ? fields[name] : undefined);
  const number = (name: string) => (typeof fields[name] === "number" ? fields[name] : undefined);
  return {
    session_id: text("session_id") ?? "",
    status: text("status") ?? "",
    agent_id: text("agent_id") ?? "",
    capability: text("capability") ?? "",
    messages_used: number("messages_used") ?? 0,
    last_seq: number("last_seq"),
    max_messages: number("max_messages"),
    open_quote: fields.open_quote === true,
    agreed_quote: fields.agreed_quote,
    escrow_held: number("escrow_held"),
    termination_reason: text("termination_reason"),
    cap_hit_at: text("cap_hit_at"),
    resumable_until: text("resumable_until"),
    idle_warned_at: text("idle_warned_at"),
    idle_settles_at: text("idle_settles_at"),
    created_at: text("created_at"),
  };
}

export function sessionPath(sessionId: string, below = ""): string {
  return `/sessions/${pathPart(sessionId)}${below}`;
}

export function fetchSession(api: Api, sessionId: string): Promise<unknown> {
  return api.ask({ method: "GET", path: sessionPath(sessionId) });
}

/** Whether anything may still be said in it. */
export function isOpen(status: string): boolean {
  return status === "pending" || status === "active" || status === "interrupted";
}

/** A session's facts, and what to do next where something is to be done. */
export function drawSession(page: Page, value: unknown, next?: string): string {
  const session = sessionOf(value);
  const { messages_used: used, max_messages: max } = session;
  const all: readonly Fact[] = [
    ["session", session.session_id, page.paint.accent],
    ["status", session.status, statusStyle(page, session.status)],
    ["why", session.termination_reason],
    ["agent", session.agent_id],
    ["for", session.capability],
    ["price", quoteText(session.agreed_quote, session.open_quote)],
    ["held", session.escrow_held === undefined ? undefined : `${session.escrow_held} credits`],
    ["messages", max === undefined ? String(used) : `${used} of ${max}`],
    ["resumable until", session.resumable_until && moment(session.resumable_until)],
  ];
  const idle = idleWarning(session);
  return [
    facts(page, all),
    ...(idle === undefined ? [] : [page.paint.warning(`! ${idle}`)]),
    ...(next === undefined ? [] : [nextStep(page, next)]),
  ].join("\n");
}

export function statusStyle(page: Page, status: string): Style {
  if (status === "active") return page.paint.good;
  return isOpen(status) || status === "awaiting_invoice" ? page.paint.warning : page.paint.dim;
}

/** What is said of a session that nobody used for a while; `undefined` where somebody did. */
export function idleWarning(session: Session): string | undefined {
  if (session.idle_warned_at === undefined) return undefined;
  const at = session.idle_settles_at;
  const when = at === undefined ? "soon" : `at ${moment(at)}`;
  return `Nobody uses it: ${when} what was answered is paid and the rest comes back.`;
}

/** The command that comes next, as people copy it. */
export function nextStep(page: Page, command: string): string {
  return `${page.paint.dim("next")}  ${command}`;
}
