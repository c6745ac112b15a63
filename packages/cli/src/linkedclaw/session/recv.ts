/**
 * Waiting for a session's provider.
 *
 *   1. The log is read from the offset that is kept, every second and a half: the server answers each
 *      time at once (LinkedClaw contract §9.2).
 *   2. A reply ends the waiting; so does whatever means that none will come.
 *   3. What was found is printed first and the offset is moved after: a command that dies in between
 *      shows a reply twice rather than never.
 *
 * The session is locked for one reading at a time, so that a message can be sent meanwhile.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { Failure } from "../../failure.ts";
import { wholeNumber } from "../../input.ts";
import type { Page } from "../../terminal/layout.ts";
import { type Api, openApi } from "../api.ts";
import { addExamples } from "../help.ts";
import { payloadText } from "./conversation.ts";
import { type EventPage, fetchEvents, fetchLog, isReply, type SessionEvent } from "./events.ts";
import { isOpen, nextStep } from "./session.ts";
import { keepState, requireSessionId } from "./state.ts";

const WAIT_SECONDS_MAX = 86_400;
/** A provider that answers at once is heard at once; from then on at the pace that servers expect. */
const POLL_MS: readonly number[] = [250, 500, 1_000];
const POLL_MS_LAST = 1_500;
/** Refusals that pass by themselves: a long wait survives them. */
const PASSING = new Set(["rate_limited", "overloaded"]);

export interface Reply {
  readonly offset: number;
  readonly seq: number | null;
  readonly payload: unknown;
  /** Said where it is `false`: the turn is not answered yet, more comes. */
  readonly final?: false;
  readonly created_at: string;
}

/** What `recv` says. Everything but the first two is there only where it says something. */
export interface Received {
  readonly reply: readonly Reply[];
  readonly timed_out: boolean;
  /** What else happened that somebody who waits has to know: an error, a quote, an invoice, the end. */
  readonly events?: readonly SessionEvent[];
  /** Said where the session is not simply active. */
  readonly session_status?: string;
  /** Said with `--since`: where to go on reading. */
  readonly next_offset?: number;
}

interface RecvOptions {
  readonly wait: number;
  readonly since?: number;
}

export function addRecv(program: Command, cli: Cli): void {
  const recv = program
    .command("recv")
    .description("Wait for the provider's reply; a timeout is no failure")
    .argument("<session_id>", "ses_…")
    .option("--wait <seconds>", "how long; 0 looks once", wholeNumber(0, WAIT_SECONDS_MAX), 0)
    .option("--since <offset>", "read the log from here on, and change nothing", wholeNumber(0))
    .action(async (sessionId: string, { wait, since }: RecvOptions) => {
      requireSessionId(sessionId);
      const api = await openApi(cli);
      const tell = (received: Received) => {
        cli.terminal.answer(received, (_, page) => drawn(received, page, cli, sessionId));
        return cli.terminal.flushed();
      };
      const asked =
        since === undefined
          ? receive(cli, api, sessionId, wait, tell)
          : reread(api, sessionId, since, wait).then(tell);
      await cli.terminal.waiting("waiting for the reply", asked);
    });
  addExamples(
    recv,
    cli,
    [
      ["recv ses_… --wait 30", "half a minute; run it again to go on waiting"],
      ["recv ses_… --since 0", "everything that was said and happened so far"],
    ],
    "A reply is shown once: the next recv goes on after it. With timed_out there is nothing yet.",
  );
}

/**
 * Waits up to `waitSeconds` for something new and has it told; what was told is read from then on.
 * Nothing new in that time is told as well.
 */
export async function receive(
  cli: Cli,
  api: Api,
  sessionId: string,
  waitSeconds: number,
  tell: (received: Received) => Promise<void>,
): Promise<void> {
  await polling(waitSeconds, (isLast) =>
    keepState(cli, sessionId, async (kept) => {
      const page = await fetchEvents(api, sessionId, kept.current.offset);
      const received = receivedFrom(page);
      const isTold = received !== undefined || isLast;
      if (isTold) await tell(received ?? nothing(page, waitSeconds));
      await kept.save({ ...kept.current, offset: page.nextOffset });
      return { isDone: isTold, isHurried: page.isFull };
    }),
  );
}

/** The same from an offset of the caller's, with the log itself. Nothing is kept. */
async function reread(
  api: Api,
  sessionId: string,
  since: number,
  waitSeconds: number,
): Promise<Received> {
  let found: Received | undefined;
  await polling(waitSeconds, async (isLast) => {
    const page = await fetchLog(api, sessionId, since);
    const received = receivedFrom(page) ?? nothing(page, waitSeconds);
    found = { ...received, events: page.events, next_offset: page.nextOffset };
    return { isDone: isLast || page.events.some(isReply) || !isOpen(page.status) };
  });
  if (found === undefined) throw new Error("polled without an answer");
  return found;
}

/** Looks until it is done, or one last time when the wait is over. */
async function polling(
  waitSeconds: number,
  look: (isLast: boolean) => Promise<{ readonly isDone: boolean; readonly isHurried?: boolean }>,
): Promise<void> {
  const endMs = performance.now() + waitSeconds * 1000;
  let hasLooked = false;
  for (let looks = 0; ; looks++) {
    const isLast = performance.now() >= endMs;
    let pauseMs = POLL_MS[looks] ?? POLL_MS_LAST;
    try {
      const { isDone, isHurried } = await look(isLast);
      hasLooked = true;
      if (isDone) return;
      if (isHurried) continue;
    } catch (error) {
      if (isLast || !isPassing(error, hasLooked)) throw error;
      pauseMs = Math.max(POLL_MS_LAST, Number(error.facts.retry_after ?? 0) * 1000);
    }
    await delay(Math.max(0, Math.min(pauseMs, endMs - performance.now())));
  }
}

/** A server that answered before may be restarting; one that never did is not there. */
function isPassing(error: unknown, hasLooked: boolean): error is Failure {
  if (!(error instanceof Failure)) return false;
  return PASSING.has(error.code) || (hasLooked && error.code === "relay_unreachable");
}

/** What a page says to somebody who waits; `undefined` where it is nothing. */
function receivedFrom({ events, status }: EventPage): Received | undefined {
  const reply = events.filter(isReply).map(replyOf);
  const others = events.filter(isTurnOfEvents);
  if (reply.length === 0 && others.length === 0 && isOpen(status)) return undefined;
  return {
    reply,
    timed_out: false,
    ...(others.length > 0 && { events: others }),
    ...statusFact(status),
  };
}

/** `timed_out` says that there was a time to run out (LinkedClaw contract §20, A-6). */
function nothing({ status }: EventPage, waitSeconds: number): Received {
  return { reply: [], timed_out: waitSeconds > 0, ...statusFact(status) };
}

function statusFact(status: string): { readonly session_status?: string } {
  return status === "active" || status === "" ? {} : { session_status: status };
}

/** Notices that nobody has to act on – somebody's connection came and went – do not end a wait. */
const TURNS_OF_EVENTS = new Set([
  "error",
  "quote.proposed",
  "invoice.submitted",
  "session.ended",
  "session.cancelled",
]);

function isTurnOfEvents({ type }: SessionEvent): boolean {
  return TURNS_OF_EVENTS.has(type);
}

function replyOf({ offset, seq, payload, final, created_at }: SessionEvent): Reply {
  return { offset, seq, payload, ...(final === false && { final }), created_at };
}

function drawn(received: Received, page: Page, cli: Cli, sessionId: string): string {
  const { reply, timed_out: timedOut, events = [], session_status: status } = received;
  const lines = reply.map(({ payload }) => payloadText(page, payload));
  if (received.next_offset === undefined) {
    lines.push(...events.map((event) => eventLine(page, event)));
  } else {
    lines.splice(0, lines.length, ...events.map((event) => eventLine(page, event)));
  }
  if (lines.length === 0 && timedOut) lines.push(page.paint.warning("No reply yet."));
  else if (lines.length === 0) lines.push(page.paint.dim("Nothing new."));
  if (status !== undefined) lines.push(page.paint.dim(`The session is ${status}.`));
  if (timedOut) lines.push(nextStep(page, `${cli.name} recv ${sessionId} --wait 30`));
  return lines.join("\n");
}

/** One event on a line, or a message below who said it. */
function eventLine(page: Page, { type, from, payload }: SessionEvent): string {
  const who = page.paint.dim(`${from}:`);
  if (type === "message") return `${who} ${payloadText(page, payload)}`;
  return `${page.paint.warning(type)} ${payloadText(page, payload)}`.trimEnd();
}
