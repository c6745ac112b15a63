/** What the call of a model is charged when it ends, from what is known of it. */

import type { ModelCall } from "../domain/model.ts";
import type { Run } from "../domain/run.ts";
import { type CallEnd, type CallPhase, chargeOf } from "../domain/settlement.ts";
import { type TokenUsage, tokensIn } from "../domain/token-price.ts";
import type { RunCharge } from "../store/run.ts";
import type { CallProgress } from "./call-progress.ts";
import type { Ending, RunOutcome } from "./run-settling.ts";

/** How a call ended, where whoever ends its run knows more than the run's event says. */
export interface CallEnding {
  readonly end: CallEnd;
  readonly phase: CallPhase;
  /** Tokens of output that were handed on, where whoever ends it has counted them itself. */
  readonly outputTokens?: number | undefined;
}

/** The charge of a run that is a call. What was handed on counts where nobody says how it ended. */
export async function chargeOfCall(
  progress: CallProgress,
  run: Run,
  call: ModelCall,
  ending: Ending,
  outcome: RunOutcome,
): Promise<RunCharge> {
  const handedOn = outcome.call?.outputTokens ?? (await progress.of(run));
  // What was not handed on piece by piece came with the answer's end.
  const isWhole = ending === "succeed" && handedOn === 0;
  const outputTokens = isWhole ? tokensIn(textBytesOf(outcome.output)) : handedOn;
  const { end, phase } = outcome.call ?? {
    end: endOf(ending, outcome),
    phase: phaseOf(ending, handedOn),
  };
  const { micros, usage } = chargeOf({
    ...{ end, phase, rates: call.rates, heldMicros: run.priceMicros },
    reported: outcome.usage,
    delivered: { inputTokens: call.inputTokens, cachedTokens: 0, outputTokens },
  });
  return { micros, usage };
}

/** Bytes of an answer: of a text what it says, not how JSON writes it, as where it comes in pieces. */
function textBytesOf(output: string | undefined): number {
  if (output === undefined) return 0;
  return Buffer.byteLength(output.startsWith('"') ? (JSON.parse(output) as string) : output);
}

function endOf(ending: Ending, { errorCode }: RunOutcome): CallEnd {
  if (ending === "succeed") return "completed";
  if (ending === "cancel") return "requester";
  if (ending === "expire") return "deadline";
  return errorCode === "provider_offline" ? "provider" : "error";
}

function phaseOf(ending: Ending, handedOn: number): CallPhase {
  if (ending === "succeed") return "after";
  return handedOn > 0 ? "during" : "before";
}

/** The tokens that a provider counted, by the names that the protocol has for them. */
export function usageFrom(
  counts: Readonly<Record<string, number>> | undefined,
): TokenUsage | undefined {
  if (counts?.input_tokens === undefined || counts.output_tokens === undefined) return undefined;
  return {
    inputTokens: counts.input_tokens,
    cachedTokens: counts.cached_tokens ?? 0,
    outputTokens: counts.output_tokens,
  };
}
