/**
 * Going on with the same provider in a new session: the one at hand is settled, and its successor has
 * an id and numbers of its own (LinkedClaw contract §10.3).
 */
import { type Command, Option } from "commander";
import type { Cli } from "../../cli.ts";
import { Failure, usageFailure } from "../../failure.ts";
import { jsonObject, textOrStdin, wholeNumber } from "../../input.ts";
import { fieldsOf } from "../../server.ts";
import { type Api, openApi } from "../api.ts";
import { addExamples } from "../help.ts";
import { activate, isStillPending } from "./activation.ts";
import { drawSession, sessionOf, sessionPath } from "./session.ts";
import { keepState } from "./state.ts";

const EXTEND_TIMEOUT_MS = 60_000;

interface ExtendOptions {
  readonly tier?: number | true;
  readonly quote?: string;
}

export function addExtend(program: Command, cli: Cli): void {
  const extend = program
    .command("extend")
    .alias("resume")
    .description("Go on in a new session with the same provider; the old one is settled")
    .argument("<session_id>", "ses_…")
    .addOption(
      new Option("--tier [n]", "at this tier of its prices; without a number, the next one")
        .argParser(wholeNumber(0))
        .conflicts("quote"),
    )
    .option("--quote <json>", "at a price that you offer; - reads it from stdin")
    .action(async (sessionId: string, options: ExtendOptions) => {
      const json = await termsOf(options);
      const api = await openApi(cli);
      const answer = await extendSession(cli, api, sessionId, json);
      cli.terminal.answer(answer, ({ session, activation }, page) => {
        const id = sessionOf(session).session_id;
        const isPending = "pending" in activation;
        return drawSession(
          page,
          session,
          `${cli.name} ${isPending ? `activate ${id}` : `send ${id} "…"`}`,
        );
      });
    });
  addExamples(
    extend,
    cli,
    [
      ["extend ses_… --tier", "the next tier of its prices"],
      [
        `extend ses_… --quote '{"shape":"per_session","amount_credits":5000}'`,
        "an offer of your own",
      ],
    ],
    "Use the new session_id from then on. A session that came to its last message can be gone on with for 24 hours.",
  );
}

/** Exactly one of the two (LinkedClaw contract §9.2). */
async function termsOf({ tier, quote }: ExtendOptions): Promise<object> {
  if (quote !== undefined) return { quote: jsonObject(await textOrStdin(quote), "--quote") };
  if (tier !== undefined) return { tier: tier === true ? "next" : tier };
  throw usageFailure(
    "Say at which price to go on: --tier, or --quote.",
    "--tier alone is the next tier of the agent's prices.",
  );
}

/** Settles a session and goes on in a new one, on these terms. */
export async function extendSession(cli: Cli, api: Api, sessionId: string, json: object) {
  const session = await keepState(cli, sessionId, async (kept) => {
    const asked = api.ask({
      method: "POST",
      path: sessionPath(sessionId, "/extend"),
      json,
      timeoutMs: EXTEND_TIMEOUT_MS,
    });
    const answer = fieldsOf(await cli.terminal.waiting("settling, and hiring again", asked));
    await kept.forget();
    return answer.session;
  });
  const { session_id: id, status } = sessionOf(session);
  await keepState(cli, id, (kept) => kept.save({ seq: 0, offset: 0 }));
  const about = { session_id: id, parent_session_id: sessionId };
  if (status === "active") return { session, activation: { activated: true }, ...about };
  try {
    const asked = activate(api, id);
    return { ...(await cli.terminal.waiting("asking the provider", asked)), ...about };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    // The old session is settled and the new one exists: that is no failure, and `activate` goes on.
    if (isStillPending(error)) {
      const { code, message } = error;
      return { session, activation: { pending: true, code, message }, ...about };
    }
    await keepState(cli, id, (kept) => kept.forget());
    throw new Failure(error.code, error.message, {
      hint: error.hint,
      facts: { ...error.facts, parent_session_id: sessionId },
      cause: error,
    });
  }
}
