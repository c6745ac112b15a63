/** Closing a session, from whichever command: what is kept of it here goes with it. */
import { randomUUID } from "node:crypto";
import type { Cli } from "../../cli.ts";
import { fieldsOf } from "../../server.ts";
import type { Api } from "../api.ts";
import { sessionPath } from "./session.ts";
import { keepState } from "./state.ts";

/** Settling waits for a turn of the ledger, and for nothing else. */
const CLOSE_TIMEOUT_MS = 60_000;

export interface EndTerms {
  readonly messageCount?: number;
  readonly finalOutput?: string;
}

/** Ends a session: what was done is paid, the rest of the hold comes back. */
export function endSession(
  cli: Cli,
  api: Api,
  sessionId: string,
  { messageCount, finalOutput }: EndTerms = {},
): Promise<Readonly<Record<string, unknown>>> {
  return keepState(cli, sessionId, async (kept) => {
    const asked = api.ask({
      method: "POST",
      path: sessionPath(sessionId, "/end"),
      json: { message_count: messageCount, final_output: finalOutput },
      timeoutMs: CLOSE_TIMEOUT_MS,
    });
    const answer = await cli.terminal.waiting("settling", asked);
    await kept.forget();
    return fieldsOf(answer);
  });
}

export interface CancelTerms {
  readonly mandateId?: string;
  readonly idempotencyKey?: string;
}

/** Cancels a session: the whole hold comes back. One that is over already is given as it is. */
export function cancelSession(
  cli: Cli,
  api: Api,
  sessionId: string,
  { mandateId, idempotencyKey = randomUUID() }: CancelTerms = {},
): Promise<unknown> {
  return keepState(cli, sessionId, async (kept) => {
    const asked = api.ask({
      method: "POST",
      path: sessionPath(sessionId, "/cancel"),
      headers: { "idempotency-key": idempotencyKey },
      json: { mandate_id: mandateId },
      timeoutMs: CLOSE_TIMEOUT_MS,
    });
    const answer = await cli.terminal.waiting("cancelling", asked);
    await kept.forget();
    return answer;
  });
}
