/** Interfaces of others that answer for models: what an operator may say of one. */
import { Fault } from "./fault.ts";
import { isModelName, isProviderId } from "./model.ts";

export type UpstreamKind = "openai" | "anthropic" | "gemini" | "openai-videos";

/** One model, by the name that callers use, and what the interface calls it. */
export interface UpstreamModel {
  readonly model: string;
  readonly upstreamModel: string;
  /** Models, by callers' names, that are asked in its place where it cannot be. */
  readonly fallbacks: readonly string[];
}

/** An address of an interface, and how many of its calls go there, beside its others. */
export interface UpstreamAddress {
  readonly url: string;
  /** The interface's own key; none where it asks for none. */
  readonly key: string | undefined;
  readonly weight: number;
}

/** What is added to an upstream, or what it begins with. */
export interface UpstreamDraft {
  /** Names it to callers: its agent's slug. */
  readonly providerId: string;
  readonly kind: UpstreamKind;
  readonly endpoint: UpstreamAddress;
  readonly models: readonly UpstreamModel[];
  readonly labels: Readonly<Record<string, string>>;
  /** Calls that it is given at once. */
  readonly concurrency: number;
  /** Whether it has `/responses`; by default only OpenAI's own does. */
  readonly hasResponses: boolean | undefined;
}

const URL_CHARS_MAX = 500;
const KEY_CHARS_MAX = 1_000;
const WEIGHT_MAX = 1_000;
export const UPSTREAM_MODELS_MAX = 500;
export const UPSTREAM_ENDPOINTS_MAX = 64;
const FALLBACKS_MAX = 8;
const LABELS_MAX = 16;
const LABEL_CHARS_MAX = 128;
const CONCURRENCY_MAX = 100_000;
const UPSTREAM_NAME = /^[\x21-\x7e]{1,200}$/;

/** @throws {Fault} `invalid_request` naming the first field that is wrong */
export function checkUpstreamDraft(draft: UpstreamDraft): void {
  const { providerId, endpoint, models, labels, concurrency } = draft;
  check(
    isProviderId(providerId),
    "provider_id",
    "1 to 64 letters, digits, dots, dashes and underscores",
  );
  check(isEndpointUrl(endpoint.url), "url", "an http or https address without a query");
  check(isHeaderText(endpoint.key), "key", `at most ${KEY_CHARS_MAX} visible characters`);
  check(isWhole(endpoint.weight, WEIGHT_MAX), "weight", `a whole number from 1 to ${WEIGHT_MAX}`);
  check(isWhole(concurrency, CONCURRENCY_MAX), "concurrency", "a whole number above zero");
  check(models.length <= UPSTREAM_MODELS_MAX, "models", `at most ${UPSTREAM_MODELS_MAX} of them`);
  for (const { model, upstreamModel, fallbacks } of models) {
    check(isModelName(model), "models", "named vendor/model");
    check(
      UPSTREAM_NAME.test(upstreamModel),
      "models",
      "named by the interface in visible characters",
    );
    const areNames = fallbacks.length <= FALLBACKS_MAX && fallbacks.every(isModelName);
    check(areNames, "fallbacks", `at most ${FALLBACKS_MAX} names of models`);
  }
  const pairs = Object.entries(labels);
  const areLabels = pairs.every((pair) => pair.every((text) => isLabelText(text)));
  check(pairs.length <= LABELS_MAX && areLabels, "labels", `at most ${LABELS_MAX} short pairs`);
}

function isLabelText(text: string): boolean {
  return text.trim() !== "" && text.length <= LABEL_CHARS_MAX;
}

function isWhole(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= max;
}

/** It becomes a part of a header. */
function isHeaderText(key: string | undefined): boolean {
  return key === undefined || (key.length <= KEY_CHARS_MAX && /^[\x21-\x7e]+$/.test(key));
}

/** Paths are put behind it. A name and a password would be shown wherever the address is. */
function isEndpointUrl(url: string): boolean {
  const isPlain = /^https?:\/\/[^\s/?#@]+(?:\/[^\s?#]*)?$/.test(url);
  return isPlain && url.length <= URL_CHARS_MAX && !url.endsWith("/");
}

function check(isFine: boolean, field: string, rule: string): void {
  if (!isFine) throw new Fault("invalid_request", `${field} must be ${rule}.`, { field });
}
