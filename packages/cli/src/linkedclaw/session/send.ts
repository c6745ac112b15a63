/**
 * One message into a session. It is numbered, and the server takes each number once: so a message that
 * may or may not have arrived is sent again under the number that it had (LinkedClaw contract §9.3).
 */
import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { Failure, isFailure } from "../../failure.ts";
import { jsonObject, textOrStdin, wholeNumber } from "../../input.ts";
import { fieldsOf } from "../../server.ts";
import { type Api, openApi } from "../api.ts";
import { addExamples } from "../help.ts";
import { fetchLog } from "./events.ts";
import { fetchSession, nextStep, sessionOf, sessionPath } from "./session.ts";
import { type KeptState, keepState, requireSessionId } from "./state.ts";

interface SendOptions {
  readonly seq?: number;
  readonly json?: boolean;
}

export function addSend(program: Command, cli: Cli): void {
  const send = program
    .command("send")
    .description("Send a message into a session; recv waits for the reply")
    .argument("<session_id>", "ses_…")
    .argument("<message>", "plain text; - reads it from stdin")
    .option("--json", "the message is a JSON object and is sent as it is")
    .option("--seq <n>", "its number, instead of the one after the last", wholeNumber(1))
    .action(async (sessionId: string, message: string, options: SendOptions) => {
      requireSessionId(sessionId);
      const text = await textOrStdin(message);
      const payload = options.json ? jsonObject(text, "message") : { text };
      const api = await openApi(cli);
      const sent = sendMessage(cli, api, sessionId, payload, options.seq);
      const answer = await cli.terminal.waiting("sending", sent);
      cli.terminal.answer(answer, (_, page) => {
        const { messages_used: used, max_messages: max } = fieldsOf(answer);
        const count = typeof used === "number" ? `, ${used} of ${max} used` : "";
        const done = `${page.paint.good("✔")} message ${String(answer.seq)}${count}`;
        return `${done}\n${nextStep(page, `${cli.name} recv ${sessionId} --wait 30`)}`;
      });
    });
  addExamples(send, cli, [
    ["send ses_… 'Plan three days in Kyoto.'", "one turn"],
    ["send ses_… - < brief.txt", "a long text"],
    [`send ses_… --json '{"city":"Kyoto","days":3}'`, "an object, for an agent that declares one"],
  ]);
}

/** Sends one message under the next number, and remembers it once the server has it. */
export function sendMessage(
  cli: Cli,
  api: Api,
  sessionId: string,
  payload: object,
  seqFlag?: number,
): Promise<Readonly<Record<string, unknown>>> {
  return keepState(cli, sessionId, async (kept) => {
    const known = kept.current.seq;
    const seq = seqFlag ?? (known === undefined ? await nextSeq(api, sessionId) : known + 1);
    try {
      return await sendNumbered(api, sessionId, seq, payload, kept);
    } catch (error) {
      if (seqFlag !== undefined || !isFailure(error, "seq_conflict")) throw error;
      // What is kept here is behind: a command died after its message had arrived, or another
      // machine has sent. What was asked for now is a new message, so it gets a new number.
      const later = await nextSeq(api, sessionId);
      if (later === seq) throw error;
      return sendNumbered(api, sessionId, later, payload, kept);
    }
  });
}

async function sendNumbered(
  api: Api,
  sessionId: string,
  seq: number,
  payload: object,
  kept: KeptState,
): Promise<Readonly<Record<string, unknown>>> {
  const send = () =>
    api.ask({ method: "POST", path: sessionPath(sessionId, "/messages"), json: { seq, payload } });
  const answer = fieldsOf(
    await send().catch((error: unknown) => {
      if (!isFailure(error, "relay_unreachable")) throw error;
      return send().catch((again: unknown) => {
        throw unsure(again, sessionId, seq);
      });
    }),
  );
  await kept.save({ ...kept.current, seq: Math.max(seq, kept.current.seq ?? 0) });
  return { accepted: true, seq, ...answer };
}

/** The number after the last message that the server has from us; where it does not say, by its log. */
async function nextSeq(api: Api, sessionId: string): Promise<number> {
  const session = sessionOf(await fetchSession(api, sessionId));
  const { messages_used: used, last_seq: last } = session;
  if (last !== undefined) return last + 1;
  const { events } = await fetchLog(api, sessionId, 0);
  const ours = events.filter(({ type, from }) => type === "message" && from === "requester");
  return Math.max(used, ...ours.map(({ seq }) => seq ?? 0)) + 1;
}

function unsure(error: unknown, sessionId: string, seq: number): unknown {
  if (!isFailure(error, "relay_unreachable")) return error;
  return new Failure(error.code, error.message, {
    hint: `It may have arrived: the same command with --seq ${seq} sends it again, and never twice.`,
    facts: { ...error.facts, session_id: sessionId, seq },
    cause: error,
  });
}
