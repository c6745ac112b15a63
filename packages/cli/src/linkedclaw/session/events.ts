/** What happened in a session: a log that only grows, read from an offset on (LinkedClaw contract §6.7). */
import { fieldsOf } from "../../server.ts";
import type { Api } from "../api.ts";
import { sessionPath } from "./session.ts";

const PAGE_EVENTS_MAX = 200;
/** The longest session has fewer; a server that never comes to an end is not followed for ever. */
const PAGES_MAX = 500;

export interface SessionEvent {
  readonly offset: number;
  readonly type: string;
  readonly from: string;
  readonly seq: number | null;
  readonly payload: unknown;
  /** `false` where a provider has more to say to the same turn. */
  readonly final?: boolean;
  readonly created_at: string;
}

export interface EventPage {
  readonly events: readonly SessionEvent[];
  /** The first offset that was not read. */
  readonly nextOffset: number;
  readonly status: string;
  /** There may be more already. */
  readonly isFull: boolean;
}

/** One page of the log. The server answers at once: there is no waiting on its side. */
export async function fetchEvents(api: Api, sessionId: string, since: number): Promise<EventPage> {
  const answer = await api.ask({
    method: "GET",
    path: sessionPath(sessionId, "/events"),
    query: { since: String(since), limit: String(PAGE_EVENTS_MAX) },
  });
  const { events, next_offset: next, session_status: status } = fieldsOf(answer);
  const read = (Array.isArray(events) ? events : []).map(eventOf);
  return {
    events: read,
    nextOffset: typeof next === "number" ? next : (read.at(-1)?.offset ?? since - 1) + 1,
    status: String(status ?? ""),
    isFull: read.length >= PAGE_EVENTS_MAX,
  };
}

/** The whole log from an offset on. */
export async function fetchLog(api: Api, sessionId: string, since: number): Promise<EventPage> {
  const events: SessionEvent[] = [];
  let page = await fetchEvents(api, sessionId, since);
  events.push(...page.events);
  for (let pages = 1; page.isFull && pages < PAGES_MAX; pages++) {
    page = await fetchEvents(api, sessionId, page.nextOffset);
    events.push(...page.events);
  }
  return { ...page, events };
}

export function isReply({ type, from }: SessionEvent): boolean {
  return type === "message" && from === "provider";
}

function eventOf(value: unknown): SessionEvent {
  const { offset, type, from, seq, payload, final, created_at: createdAt } = fieldsOf(value);
  return {
    offset: Number(offset),
    type: String(type),
    from: String(from),
    seq: typeof seq === "number" ? seq : null,
    payload,
    ...(typeof final === "boolean" && { final }),
    created_at: String(createdAt),
  };
}
