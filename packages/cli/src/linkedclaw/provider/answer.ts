/** What programs and addresses answer: the field that was asked for, or an error in their own words. */
import {
  type Bill,
  ProviderError,
  type Quote,
  type RunOutput,
  type TaskOutput,
} from "@guildhall/sdk";
import { fieldsOf } from "../../server.ts";
import type { Handler } from "./handler.ts";
import { type Job, MICROS_PER_CREDIT } from "./job.ts";

/** A handler's answer as it came. */
export type Answer = Readonly<Record<string, unknown>>;

/** Hands a job over and gives back the object that comes for it. */
export type Ask = (job: Job, signal: AbortSignal) => Promise<Answer>;

/** When a daemon stops, handlers have so long to hear that their sessions are over. */
const LAST_WORDS_MS = 2_000;

/** A handler that is asked with objects and answers with objects. */
export function handlerOf(ask: Ask, close: () => Promise<void>): Handler {
  /** Tellings that a session is over, while they are on their way. */
  const tellings = new Set<Promise<unknown>>();
  return {
    run: async (job, signal) => outputOf(await ask(job, signal)),
    turn: async (job, signal) => required(await ask(job, signal), "reply"),
    quote: async (job, signal) => quoteOf(await ask(job, signal)),
    async end(job, signal) {
      if (job.invoice_required) return billOf(await ask(job, signal));
      // It is told, and nobody waits: there is nothing that it could say.
      const telling: Promise<unknown> = ask(job, signal)
        .catch(() => undefined)
        .finally(() => tellings.delete(telling));
      tellings.add(telling);
      return undefined;
    },
    task: async (job, signal): Promise<TaskOutput> => ({
      output: required(await ask(job, signal), "output"),
    }),
    async close() {
      const limit = new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS).unref());
      await Promise.race([Promise.all(tellings), limit]);
      await close();
    },
  };
}

function outputOf(answer: Answer): RunOutput {
  const output = required(answer, "output");
  const { evidence } = answer;
  return evidence === undefined || evidence === null ? { output } : { output, evidence };
}

/** An answer without a quote leaves it to the owner: `linkedclaw submit-quote`. */
function quoteOf(answer: Answer): Quote | undefined {
  throwError(answer);
  if (answer.quote === undefined || answer.quote === null) return undefined;
  const quote = fieldsOf(answer.quote);
  return {
    amountMicros: microsOf(quote, "amount_credits"),
    ceilingMicros: microsOf(quote, "max_credits"),
    ...lined(quote),
  };
}

function billOf(answer: Answer): Bill | undefined {
  throwError(answer);
  if (answer.invoice === undefined || answer.invoice === null) return undefined;
  const invoice = fieldsOf(answer.invoice);
  return { totalMicros: microsOf(invoice, "total_credits"), ...lined(invoice) };
}

function lined({ line_items: lines, note }: Answer) {
  return {
    ...(lines === undefined || lines === null ? {} : { lines }),
    ...(typeof note === "string" ? { note } : {}),
  };
}

/** Whole credits: what is not is a mistake that could cost somebody money. */
function microsOf(fields: Answer, name: string): bigint {
  const credits = fields[name];
  if (typeof credits === "number" && Number.isSafeInteger(credits) && credits >= 0) {
    return BigInt(credits) * MICROS_PER_CREDIT;
  }
  throw new ProviderError("provider_bad_output", `The handler's ${name} is no number of credits.`);
}

function required(answer: Answer, name: "output" | "reply"): unknown {
  throwError(answer);
  if (name in answer) return answer[name];
  throw new ProviderError("provider_bad_output", `The handler's answer has no ${name}.`);
}

/** Words of this wire for what went wrong, and ours. Any other word is kept in the message. */
const FAILURES: Readonly<
  Record<string, "provider_failed" | "provider_timeout" | "provider_bad_output">
> = {
  subagent_error: "provider_failed",
  subagent_failed: "provider_failed",
  subagent_timeout: "provider_timeout",
  subagent_bad_output: "provider_bad_output",
};

function throwError({ error }: Answer): void {
  if (error === undefined) return;
  const { code, message } =
    typeof error === "string" ? { code: "", message: error } : fieldsOf(error);
  const word = String(code ?? "");
  const text = typeof message === "string" && message !== "" ? message : "The handler failed.";
  const known = Object.hasOwn(FAILURES, word) ? FAILURES[word] : undefined;
  if (known !== undefined) throw new ProviderError(known, text);
  throw new ProviderError("provider_failed", word === "" ? text : `${word}: ${text}`);
}
