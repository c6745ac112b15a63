/** Models: what a name of one looks like, who offers it by which name, and what a call of one is. */
import type { TokenRates } from "./token-price.ts";

/** A run that is paid by usage. */
export interface ModelCall {
  /** Whether a program that connected runs the model, or an interface that the server calls itself. */
  readonly via: "node" | "upstream";
  /** Its exact name, as it was asked for and priced. */
  readonly model: string;
  /** Whether its answer is handed on as it comes: then whoever asked has to stay. */
  readonly isStreamed: boolean;
  /** What its input comes to, as we count it. */
  readonly inputTokens: number;
  /** The prices as they were when it opened. */
  readonly rates: TokenRates;
}

/** A model that a node offers. */
export interface OfferedModel {
  /** What callers name it by. */
  readonly name: string;
  /** What the node itself calls it. */
  readonly own: string;
  /** Whether it goes by its own name, and so may be chosen for a caller who named no provider. */
  readonly isGranted: boolean;
}

/** Every model, in the operator's grant to an agent. */
export const ANY_MODEL = "*";

const MODEL = /^[\x21-\x2e\x30-\x7e]+(?:\/[\x21-\x2e\x30-\x7e]+)+$/;
const MODEL_CHARS_MAX = 200;
const PROVIDER_ID = /^[A-Za-z0-9._-]{1,64}$/;

/** `vendor/model`, in ASCII without spaces (OpenMarlin contract §1). */
export function isModelName(text: string): boolean {
  return text.length <= MODEL_CHARS_MAX && MODEL.test(text);
}

/** What a node may be called (OpenMarlin contract §1): it is its agent's slug. */
export function isProviderId(text: string): boolean {
  return PROVIDER_ID.test(text);
}

/**
 * Under which names a node's models are offered. One that the operator granted goes by its own name;
 * any other is its owner's: `openai/gpt-5` of `ada` is `ada/gpt-5`, so that nobody is sent strangers'
 * prompts for claiming a famous name. Of two that come to the same name the first is offered.
 */
export function offeredModels(
  models: readonly string[],
  grants: readonly string[],
  handle: string,
): readonly OfferedModel[] {
  const offered = new Map<string, OfferedModel>();
  for (const own of models) {
    const isGranted = grants.includes(own) || grants.includes(ANY_MODEL);
    const name = isGranted ? own : `${handle}${own.slice(own.indexOf("/"))}`;
    if (!offered.has(name)) offered.set(name, { name, own, isGranted });
  }
  return [...offered.values()];
}
