/**
 * What time alone does to a session, as a pure function of how it stands (LinkedClaw contract §10, R2, A-8,
 *
 */
import type { SessionEvent, SessionLog, SessionStanding } from "./session.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

export const SESSION_CLOCK = {
  /** A provider has this long to take a session that it is asked to take. */
  acceptMs: 30_000,
  /** A session that nobody activates is refunded after this long. */
  pendingMs: 15 * MINUTE_MS,
  /** So is an open quote that nobody accepts; nothing is held for it meanwhile. */
  unquotedMs: 24 * HOUR_MS,
  /** A leg whose last turn was answered is settled after this long, should nobody close it. */
  capMs: 15 * MINUTE_MS,
  /** A leg that ended at its cap can be gone on from for this long. */
  resumeMs: 24 * HOUR_MS,
  /** A bill has to come within this long. */
  invoiceMs: 24 * HOUR_MS,
  /** A bill that nobody looks at is paid after this long. */
  reviewMs: 72 * HOUR_MS,
  /** How long a session waits for its provider to come back, where nothing ends idle ones before. */
  interruptedMs: 30 * 24 * HOUR_MS,
  /** Live sessions are looked at this often at least, so that a changed setting takes effect. */
  lookMs: HOUR_MS,
} as const;

/** What is due now, if anything, and when to look again if nothing comes before. */
export interface SessionDue {
  readonly event:
    | Extract<SessionEvent, "expire" | "cap" | "abandon" | "leave" | "lapse" | "settle">
    | "warn"
    | undefined;
  readonly lookAt: Date;
}

/** `idleMs` is how long nobody may touch a live session; 0 is for ever. */
export function sessionDue(standing: SessionStanding, idleMs: number, now: Date): SessionDue {
  switch (standing.work.state) {
    case "pending":
      return duePending(standing, idleMs, now);
    case "active":
    case "interrupted":
      return dueLive(standing, idleMs, now);
    case "awaiting_invoice":
      return dueBill(standing, now);
    default:
      return { event: undefined, lookAt: now };
  }
}

function duePending(
  { session, log, hold, agreedAt }: SessionStanding,
  idleMs: number,
  now: Date,
): SessionDue {
  const spanMs = hold ? SESSION_CLOCK.pendingMs : idleMs || SESSION_CLOCK.unquotedMs;
  const sinceMs = Math.max(session.createdAt.getTime(), log.lastAt.getTime(), timeOf(agreedAt));
  // Its provider is being asked just now, and may still take it.
  const untilMs = Math.max(sinceMs + spanMs, timeOf(log.offeredUntil));
  return at(untilMs, "expire", now);
}

function dueLive({ work, log }: SessionStanding, idleMs: number, now: Date): SessionDue {
  const lastMs = log.lastAt.getTime();
  const due: SessionDue[] = [];
  if (log.capHitAt) due.push(at(log.capHitAt.getTime() + SESSION_CLOCK.capMs, "cap", now));
  if (idleMs > 0) {
    // Nobody's session is ended without a warning, also after the server was away for long.
    if (log.warnedAt) due.push(at(abandonedMs(log, log.warnedAt, idleMs), "abandon", now));
    else due.push(at(lastMs + idleMs / 2, "warn", now));
  } else if (work.state === "interrupted") {
    due.push(at(lastMs + SESSION_CLOCK.interruptedMs, "leave", now));
  }
  const [first] = due.filter(({ event }) => event !== undefined);
  if (first) return first;
  const lookMs = Math.min(...due.map(({ lookAt }) => lookAt.getTime()), later(now).getTime());
  return { event: undefined, lookAt: new Date(lookMs) };
}

function dueBill({ invoice, closedAt }: SessionStanding, now: Date): SessionDue {
  if (invoice) return at(invoice.submittedAt.getTime() + SESSION_CLOCK.reviewMs, "settle", now);
  return at(timeOf(closedAt) + SESSION_CLOCK.invoiceMs, "lapse", now);
}

function at(ms: number, event: NonNullable<SessionDue["event"]>, now: Date): SessionDue {
  if (ms <= now.getTime()) return { event, lookAt: later(now) };
  return { event: undefined, lookAt: new Date(Math.min(ms, later(now).getTime())) };
}

/** When to look at a session that begins to be live: before it could have been idle for too long. */
export function firstLook(idleMs: number, now: Date): Date {
  const halfMs = idleMs > 0 ? idleMs / 2 : SESSION_CLOCK.lookMs;
  return new Date(now.getTime() + Math.min(halfMs, SESSION_CLOCK.lookMs));
}

function later(now: Date): Date {
  return new Date(now.getTime() + SESSION_CLOCK.lookMs);
}

function timeOf(date: Date | undefined): number {
  return date?.getTime() ?? 0;
}

/** When a session that nobody touches any more is settled, as its parties are told. */
export function idleUntil(log: SessionLog, idleMs: number): Date | undefined {
  if (idleMs === 0) return undefined;
  return new Date(abandonedMs(log, log.warnedAt ?? log.lastAt, idleMs));
}

function abandonedMs(log: SessionLog, warnedAt: Date, idleMs: number): number {
  return Math.max(log.lastAt.getTime() + idleMs, warnedAt.getTime() + idleMs / 2);
}
