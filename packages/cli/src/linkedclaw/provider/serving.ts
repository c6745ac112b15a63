/** What a daemon does with each kind of work: has the handler do it, and says so on stderr. */
import { prefixed } from "@guildhall/protocol";
import type {
  ClosedSession,
  ProviderHandlers,
  SessionFacts,
  SessionHandlers,
  SessionMessage,
  TurnContext,
} from "@guildhall/sdk";
import type { Handler } from "./handler.ts";
import { briefJob, endJob, invokeJob, messageJob, taskJob } from "./job.ts";

/** A quote and a bill are numbers: a handler that takes longer than this gives none. */
const NUMBERS_MS = 60_000;

export interface ServingOptions {
  readonly handler: Handler;
  readonly turnSeconds: number;
  /** Broadcasts are taken as well. */
  readonly takesTasks: boolean;
  readonly tell: (event: string, facts: Readonly<Record<string, unknown>>) => void;
}

/** Handlers for the SDK that hand on to a daemon's handler. */
export function servingHandlers(options: ServingOptions): ProviderHandlers {
  const { handler, tell, takesTasks } = options;
  return {
    run(input, context) {
      const job = invokeJob(input, context);
      const { invoke_id, capability } = job;
      tell("invoke_started", { invoke_id, capability });
      return timed(tell, "invoke_finished", { invoke_id }, () => handler.run(job, context.signal));
    },
    session: sessionHandlers(options),
    ...(takesTasks && {
      task(input, context) {
        const job = taskJob(input, context);
        const { task_id, result_id, capability } = job;
        tell("gig_started", { task_id, result_id, capability });
        return timed(tell, "gig_finished", { task_id, result_id }, () =>
          handler.task(job, context.signal),
        );
      },
    }),
  };
}

function sessionHandlers({ handler, turnSeconds, tell }: ServingOptions): SessionHandlers {
  /** Sessions of which this daemon has seen a message. */
  const seen = new Set<string>();
  return {
    accept(session) {
      tell("session_accepted", namesOf(session));
    },
    async turn(message, context) {
      const isFirst = !seen.has(context.sessionId) && (await isFirstMessage(message, context));
      seen.add(context.sessionId);
      const deadlineAt = new Date(Date.now() + turnSeconds * 1_000);
      const job = messageJob(message, context, { isFirst, deadlineAt });
      const facts = { session_id: job.session_id, seq: job.seq };
      return timed(tell, "message_answered", facts, () => handler.turn(job, context.signal));
    },
    async quote(brief, session) {
      const quote = await handler.quote(briefJob(brief, session), withinLimit());
      const { session_id } = namesOf(session);
      tell(quote ? "quote_proposed" : "quote_left_to_owner", { session_id, seq: brief.seq });
      return quote;
    },
    async closed(closed) {
      seen.delete(closed.sessionId);
      tell("session_reaped", { ...namesOf(closed), how: closed.how, reason: closed.reason });
      if (!closed.isBillDue) await handler.end(endJob(closed), withinLimit());
    },
    async bill(closed: ClosedSession) {
      const bill = await handler.end(endJob(closed), withinLimit());
      const { session_id } = namesOf(closed);
      tell(bill ? "invoice_submitted" : "invoice_left_to_owner", { session_id });
      return bill;
    },
  };
}

/** Whether nothing was answered in this session before, by this daemon or by one before it. */
async function isFirstMessage({ seq }: SessionMessage, context: TurnContext): Promise<boolean> {
  if (seq === 1) return true;
  try {
    const history = await context.history();
    return !history.some(({ from }) => from === "provider");
  } catch {
    // Better one warning too many than a reply that seems to remember.
    return false;
  }
}

/** Has it done, and says how it ended and how long it took. */
async function timed<T>(
  tell: ServingOptions["tell"],
  event: string,
  facts: Readonly<Record<string, unknown>>,
  work: () => Promise<T>,
): Promise<T> {
  const startedMs = performance.now();
  const say = (more: Readonly<Record<string, unknown>>) =>
    tell(event, { ...facts, duration_ms: Math.round(performance.now() - startedMs), ...more });
  try {
    const done = await work();
    say({ ok: true });
    return done;
  } catch (error) {
    say({ ok: false, error: error instanceof Error ? error.message : String(error) });
    throw error;
  }
}

function namesOf({ sessionId, capability }: SessionFacts) {
  return { session_id: prefixed("ses", sessionId), capability };
}

function withinLimit(): AbortSignal {
  return AbortSignal.timeout(NUMBERS_MS);
}
