/**
 * A conversation line by line, for a person at a terminal; lines from a pipe do as well.
 *
 * What is typed is a message, except for `/end`, `/cancel` and `/quit`. The end of the input leaves
 * the session open, and says so: whether to close it is for people to decide (LinkedClaw contract
 * §10.1). What is said goes to stderr, so that stdout has one answer, as with every other command.
 */
import { createInterface, type Interface } from "node:readline";
import type { Cli } from "../../cli.ts";
import { Failure } from "../../failure.ts";
import { plain } from "../../terminal/redact.ts";
import type { Api } from "../api.ts";
import { cancelSession, endSession } from "./closing.ts";
import { payloadText } from "./conversation.ts";
import { type Received, receive } from "./recv.ts";
import { sendMessage } from "./send.ts";
import { drawSession, fetchSession, isOpen, nextStep, sessionOf } from "./session.ts";

/** Few turns take longer; then a person says whether to go on waiting. */
const WAIT_SECONDS = 300;
const HELP =
  "/end pays for what was done, /cancel takes everything back, /quit leaves the session open.";

interface Closed {
  readonly session: unknown;
  /** `end`, `cancel`, `quit`, or `session` where the other side or the server closed it. */
  readonly closed_by: string;
}

/** Talks in an active session until somebody closes it or leaves. */
export async function converse(cli: Cli, api: Api, session: unknown): Promise<void> {
  const { terminal } = cli;
  const { session_id: sessionId, agent_id: agentId } = sessionOf(session);
  const { paint } = terminal.errorPage;
  terminal.isHuman ||= terminal.isInteractive && process.stdout.isTTY === true;
  terminal.note(`${paint.good("✔")} ${agentId} is listening. ${paint.dim(HELP)}`);
  const lines = createInterface({
    input: process.stdin,
    output: process.stderr,
    terminal: terminal.isInteractive,
    prompt: paint.accent("› "),
  });
  const closed = await untilClosed(cli, api, sessionId, lines).finally(() => lines.close());
  terminal.answer({ ...closed, session_id: sessionId }, (_, page) =>
    [
      drawSession(page, closed.session),
      ...(closed.closed_by === "quit"
        ? [nextStep(page, `${cli.name} send ${sessionId} "…" · end · cancel`)]
        : []),
    ].join("\n"),
  );
}

async function untilClosed(
  cli: Cli,
  api: Api,
  sessionId: string,
  lines: Interface,
): Promise<Closed> {
  const isAsked = cli.terminal.isInteractive;
  if (isAsked) lines.prompt();
  for await (const typed of lines) {
    const line = typed.trim();
    if (line === "/quit") break;
    if (line === "/end" || line === "/cancel") {
      const closed = await closing(cli, api, sessionId, line);
      if (closed !== undefined) return closed;
    } else if (line.startsWith("/")) {
      cli.terminal.note(HELP);
    } else if (!(await turn(cli, api, sessionId, line))) {
      return { session: await fetchSession(api, sessionId), closed_by: "session" };
    }
    if (isAsked) lines.prompt();
  }
  return { session: await fetchSession(api, sessionId), closed_by: "quit" };
}

async function closing(
  cli: Cli,
  api: Api,
  sessionId: string,
  line: "/end" | "/cancel",
): Promise<Closed | undefined> {
  try {
    if (line === "/cancel") {
      return { session: await cancelSession(cli, api, sessionId), closed_by: "cancel" };
    }
    const { session, ...settled } = await endSession(cli, api, sessionId);
    return { ...settled, session, closed_by: "end" };
  } catch (error) {
    tellFailure(cli, error);
    return undefined;
  }
}

/** One message and its reply; an empty line goes on waiting. Whether the session is still open. */
async function turn(cli: Cli, api: Api, sessionId: string, line: string): Promise<boolean> {
  const { terminal } = cli;
  let status = "active";
  const tell = async (received: Received) => {
    status = received.session_status ?? "active";
    for (const text of wordsOf(cli, received)) terminal.note(text);
  };
  try {
    if (line !== "") {
      const sent = sendMessage(cli, api, sessionId, { text: line });
      await terminal.waiting("sending", sent);
    }
    const asked = receive(cli, api, sessionId, WAIT_SECONDS, tell);
    await terminal.waiting("waiting for the reply", asked);
  } catch (error) {
    tellFailure(cli, error);
  }
  return isOpen(status);
}

function wordsOf(cli: Cli, { reply, events = [], timed_out: timedOut }: Received): string[] {
  const { errorPage: page } = cli.terminal;
  return [
    ...reply.map(({ payload }) => payloadText(page, payload)),
    ...events.map(({ type, payload }) =>
      `${page.paint.warning(type)} ${payloadText(page, payload)}`.trimEnd(),
    ),
    ...(timedOut ? [page.paint.warning("No reply yet; press Enter to go on waiting.")] : []),
  ];
}

/** What a refusal says does not end a conversation: a person may still close it. */
function tellFailure(cli: Cli, error: unknown): void {
  if (!(error instanceof Failure)) throw error;
  const { paint } = cli.terminal.errorPage;
  const { message, code } = error;
  cli.terminal.note(`${paint.bad("✖")} ${plain(message)} ${paint.dim(`(${code})`)}`);
}
