/**
 * Asking a session's provider whether it takes it. The server asks, and answers when the provider did
 * or when nobody did for half a minute (LinkedClaw contract §6.7).
 */
import { Failure } from "../../failure.ts";
import { fieldsOf } from "../../server.ts";
import type { Api } from "../api.ts";
import { fetchSession, sessionOf, sessionPath } from "./session.ts";

/** The provider has 30 s to answer; this much later the server is not going to. */
const ACTIVATE_TIMEOUT_MS = 45_000;
/** Nobody answered: the session is still pending, and asking again may help. */
const STILL_PENDING = new Set([408, 503]);

export interface Activated {
  readonly session: unknown;
  readonly activation: { readonly activated: true; readonly already_active?: true };
}

/**
 * Activates a session; one that is active already is as good. What the provider or the server
 * refuses is a failure that names the session.
 */
export async function activate(api: Api, sessionId: string): Promise<Activated> {
  try {
    const session = await api.ask({
      method: "POST",
      path: sessionPath(sessionId, "/activate"),
      json: {},
      timeoutMs: ACTIVATE_TIMEOUT_MS,
    });
    return { session, activation: { activated: true } };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const session = error.facts.http_status === 409 ? await activeOne(api, sessionId) : undefined;
    if (session !== undefined) {
      return { session, activation: { activated: true, already_active: true } };
    }
    throw withSession(error, sessionId);
  }
}

/** Whether a refused activation left the session as it was, to be activated later. */
export function isStillPending(error: unknown): boolean {
  if (!(error instanceof Failure)) return false;
  return error.code === "relay_unreachable" || STILL_PENDING.has(Number(error.facts.http_status));
}

async function activeOne(api: Api, sessionId: string): Promise<unknown> {
  const session = await fetchSession(api, sessionId);
  return sessionOf(session).status === "active" ? session : undefined;
}

function withSession(error: Failure, sessionId: string): Failure {
  const retry = `Try again with: linkedclaw activate ${sessionId} – or give it up: linkedclaw cancel ${sessionId}`;
  return new Failure(error.code, error.message, {
    hint: isStillPending(error) ? retry : error.hint,
    facts: { ...fieldsOf(error.facts), session_id: sessionId },
    cause: error,
  });
}
