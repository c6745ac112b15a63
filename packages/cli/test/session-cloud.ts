/**
 * A small HTTP server that keeps sessions as the wire says (LinkedClaw contract §6.7): messages are
 * taken once by number, events have dense offsets. What cannot be had from a whole server at will –
 * refusals, lines that break – is scripted.
 */
import type { TestContext } from "node:test";
import { type Answer, type Received, type Shell, shell, startCloud } from "./support.ts";

export const KEY = "lc_aVeryLongKeyThatNobodyMaySee0123456789";

interface Event {
  readonly offset: number;
  readonly type: string;
  readonly from: string;
  readonly seq: number | null;
  readonly payload: unknown;
  readonly created_at: string;
}

export interface CloudSession {
  readonly session_id: string;
  status: string;
  readonly events: Event[];
  /** Adds to its log, as a provider or the server would. */
  happens(type: string, from: string, payload: unknown, seq?: number): void;
}

export interface SessionCloud extends Shell {
  readonly url: string;
  readonly received: readonly Received[];
  readonly sessions: Map<string, CloudSession>;
  /** A session that is there already. */
  session(status?: string): CloudSession;
  /** Answers in the server's place while it is set; `undefined` leaves it to the server. */
  script: ((received: Received) => Answer | undefined | Promise<Answer | undefined>) | undefined;
  /** Requests to a path that ends like this. */
  asked(method: string, ending: string): readonly Received[];
}

export async function openSessionCloud(t: TestContext): Promise<SessionCloud> {
  const sessions = new Map<string, CloudSession>();
  const add = (status: string): CloudSession => {
    const session_id = `ses_${sessions.size + 1}`;
    const events: Event[] = [];
    const happens: CloudSession["happens"] = (type, from, payload, seq) => {
      const created_at = "2026-03-01T12:00:00Z";
      events.push({ offset: events.length, type, from, seq: seq ?? null, payload, created_at });
    };
    const session = { session_id, status, events, happens };
    sessions.set(session_id, session);
    return session;
  };
  const cloud = await startCloud(t, async (received) => {
    const scripted = await hall.script?.(received);
    return scripted ?? answer(sessions, add, received);
  });
  const one = shell(t, { LINKEDCLAW_CLOUD_URL: cloud.url, LINKEDCLAW_API_KEY: KEY });
  const hall: SessionCloud = {
    ...cloud,
    ...one,
    sessions,
    session: (status = "active") => add(status),
    script: undefined,
    asked: (method, ending) =>
      cloud.received.filter((each) => each.method === method && each.url.pathname.endsWith(ending)),
  };
  return hall;
}

function answer(
  sessions: ReadonlyMap<string, CloudSession>,
  add: (status: string) => CloudSession,
  { method, url, body }: Received,
): Answer {
  const [, id = "", verb = ""] = /^\/api\/v1\/sessions\/?([^/]*)\/?(.*)$/.exec(url.pathname) ?? [];
  const json = body === "" ? {} : (JSON.parse(body) as Record<string, unknown>);
  if (id === "" && method === "POST") return { status: 201, body: shown(add("pending")) };
  if (id === "") return { body: { sessions: [...sessions.values()].map(shown) } };
  const session = sessions.get(id);
  if (session === undefined) return refused(404, "invalid_session_id");
  switch (`${method} ${verb}`) {
    case "GET ":
      return { body: shown(session) };
    case "GET events":
      return { body: pageOf(session, Number(url.searchParams.get("since"))) };
    case "POST activate":
      if (session.status !== "pending") {
        const detail = `Session is not pending (status='${session.status}')`;
        return { status: 409, body: { detail } };
      }
      session.status = "active";
      return { body: shown(session) };
    case "POST messages":
      return taken(session, json);
    case "POST end":
      session.status = "ended";
      return { body: { session: shown(session), settlement: {}, receipt_id: "rct_1" } };
    case "POST cancel":
      session.status = "cancelled";
      return { body: shown(session) };
    case "POST extend":
      session.status = "ended";
      return { status: 201, body: { session: shown(add("pending")), parent_session_id: id } };
    default:
      return refused(404, "not_found");
  }
}

function taken(session: CloudSession, { seq, payload }: Record<string, unknown>): Answer {
  if (session.status !== "active") return refused(409, "session_not_active");
  const known = session.events.find((event) => event.from === "requester" && event.seq === seq);
  if (known && JSON.stringify(known.payload) !== JSON.stringify(payload)) {
    return refused(409, "seq_conflict");
  }
  if (!known) session.happens("message", "requester", payload, Number(seq));
  return { status: 202, body: { accepted: true, seq, ...counts(session) } };
}

function pageOf({ events, status }: CloudSession, since: number): object {
  const page = events.slice(since, since + 200);
  return { events: page, next_offset: since + page.length, session_status: status };
}

function shown(session: CloudSession): object {
  const { session_id, status } = session;
  return {
    ...{ session_id, status, agent_id: "agt_1", capability: "chat.v1", ...counts(session) },
    ...{ agreed_quote: { shape: "per_message", amount_credits: 5 }, escrow_held: 100 },
  };
}

function counts({ events }: CloudSession): { messages_used: number; max_messages: number } {
  const used = events.filter(({ from }) => from === "requester").length;
  return { messages_used: used, max_messages: 20 };
}

export function refused(status: number, code: string, facts: object = {}): Answer {
  return { status, body: { detail: `Refused: ${code}.`, code, ...facts } };
}
