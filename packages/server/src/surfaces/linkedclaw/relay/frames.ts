/**
 * What a provider says on this wire (LinkedClaw contract §7.5), read leniently: types in any case,
 * names in snake or camel case, anything unknown ignored.
 */
import { parseJson, RUN_REFUSALS, unprefixed } from "@guildhall/protocol";
import type { RunFailure, RunRefusal } from "../../../core/index.ts";

export type RelayFrame = Readonly<Record<string, unknown>>;

/** One message as an object with its type in upper case. `problem` is what makes it unusable. */
export interface ParsedFrame {
  readonly type: string;
  readonly frame: RelayFrame;
  readonly problem: string | undefined;
}

export function parseFrame(message: string): ParsedFrame {
  const parsed = parseJson(message);
  const { value } = parsed;
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  const frame = isObject ? (value as RelayFrame) : {};
  const type = typeof frame.type === "string" ? frame.type.toUpperCase() : "";
  if (!parsed.ok) return { type, frame, problem: `The frame ${parsed.problem}.` };
  if (!isObject) return { type, frame, problem: "A frame is a JSON object." };
  return { type, frame, problem: type === "" ? "The frame has no type." : undefined };
}

/** A field by its name in snake case, or else in camel case. */
export function fieldOf(frame: RelayFrame, name: string): unknown {
  const camel = name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return frame[name] ?? frame[camel];
}

/**
 * A text field, cut to a length that is kept and shown; empty when it is absent or no text. Half a character
 * that a cut leaves would be no text to whom it is told.
 */
export function textOf(frame: RelayFrame, name: string, lengthMax: number): string {
  const value = fieldOf(frame, name);
  return typeof value === "string" ? value.slice(0, lengthMax).toWellFormed() : "";
}

/** The id in a field with this wire's prefix; empty, and so nobody's, when it is none. */
export function idOf(frame: RelayFrame, name: string, prefix: string): string {
  return unprefixed(prefix, textOf(frame, name, 64)) ?? "";
}

const REFUSALS: ReadonlyMap<string, RunRefusal> = new Map<string, RunRefusal>([
  ...RUN_REFUSALS.map((code) => [code, code] as const),
  ["per_requester_limit", "requester_limit"],
  ["provider_manual_mode", "provider_manual"],
]);

const FAILURES: ReadonlyMap<string, RunFailure> = new Map([
  ["subagent_timeout", "provider_timeout"],
  ["subagent_error", "provider_failed"],
  ["subagent_failed", "provider_failed"],
  ["subagent_bad_output", "provider_bad_output"],
]);

/** What an INVOKE_ERROR's code means: the work was not taken, or it failed. */
export function meaningOf(
  code: string,
): { readonly refusal: RunRefusal } | { readonly failure: RunFailure } {
  const refusal = REFUSALS.get(code);
  if (refusal) return { refusal };
  return { failure: FAILURES.get(code) ?? "provider_failed" };
}
