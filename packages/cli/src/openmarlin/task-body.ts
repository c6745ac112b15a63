/** The request of a task (contract §7.1), checked before it is sent: nothing else is in it. */
import { Failure } from "../failure.ts";
import { isObject, type Json, type JsonObject, Numeral } from "./json.ts";

const KIND = "video";
/** Words of executions. Whoever sends one here means the other kind of request. */
const ROUTING = [
  "instruction",
  "provider_id",
  "providerId",
  "labels",
  "model",
  "model_provider",
  "modelProvider",
  "stream",
];
const MEDIA_MAX = 16;
const DURATION_MS_MAX = 600_000;
const PROMPT_LENGTH_MAX = 10_000;
const KEY_LENGTH_MAX = 200;

/** What Python's `strip` takes away, which is not quite what `trim` does: fingerprints depend on it. */
const BLANK =
  "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+";
const BLANK_ENDS = new RegExp(`^${BLANK}|${BLANK}$`, "g");

type Check = (value: Json) => string | undefined;

const INPUT: Readonly<Record<string, Check>> = {
  prompt: (value) =>
    isText(value) && stripped(value).length <= PROMPT_LENGTH_MAX
      ? undefined
      : `a text of at most ${PROMPT_LENGTH_MAX} characters that is not blank`,
  media_urls: listOf((item) => isText(item) && /^https?:\/\//i.test(item), "addresses of the web"),
  media_ids: listOf(isText, "ids"),
  duration_ms: (value) =>
    isWholeNumber(value, DURATION_MS_MAX)
      ? undefined
      : `a whole number from 1 to ${DURATION_MS_MAX}`,
  aspect_ratio: (value) =>
    isText(value) && /^[1-9]\d{0,4}:[1-9]\d{0,4}$/.test(value) ? undefined : "a ratio like 16:9",
};

export interface TaskRequest {
  /** As it is sent, but for its idempotency key. */
  readonly body: JsonObject;
  readonly idempotencyKey: string | undefined;
}

/** The request that `given` makes. Refuses whatever the server would refuse, in one sentence. */
export function taskRequestOf(given: JsonObject): TaskRequest {
  for (const name of Object.keys(given)) {
    if (ROUTING.includes(name)) {
      throw invalid(`"${name}" belongs to executions: a task takes kind, input and metadata.`);
    }
    if (!["kind", "input", "metadata", "idempotency_key"].includes(name)) {
      throw invalid(`There is no field "${name}" in a task: it takes kind, input and metadata.`);
    }
  }
  if (given.kind !== KIND) throw invalid(`"kind" has to be "${KIND}".`);
  if (!isObject(given.input)) throw invalid('"input" has to be an object with a prompt.');
  const { metadata } = given;
  if (metadata !== undefined && metadata !== null && !isObject(metadata)) {
    throw invalid('"metadata" has to be an object.');
  }
  const { idempotency_key: key, ...body } = given;
  return {
    body: { ...body, input: checkedInput(given.input) },
    idempotencyKey: key === undefined ? undefined : checkedKey(key),
  };
}

function checkedInput(input: JsonObject): JsonObject {
  if (!isText(input.prompt)) throw invalid('"input.prompt" has to be a text that is not blank.');
  for (const [name, value = null] of Object.entries(input)) {
    const check = Object.hasOwn(INPUT, name) ? INPUT[name] : undefined;
    if (!check) {
      throw invalid(`There is no field "${name}" in "input": ${Object.keys(INPUT).join(", ")}.`);
    }
    const expected = check(value);
    if (expected !== undefined) throw invalid(`"input.${name}" has to be ${expected}.`);
  }
  return { ...input, prompt: stripped(input.prompt) };
}

/** A key that the caller chose. */
export function checkedKey(key: Json): string {
  const text = isText(key) ? stripped(key) : "";
  if (text !== "" && text.length <= KEY_LENGTH_MAX) return text;
  throw invalid(
    `An idempotency key has to be a text of at most ${KEY_LENGTH_MAX} characters that is not blank.`,
  );
}

function listOf(isGood: (item: Json) => boolean, what: string): Check {
  return (value) =>
    Array.isArray(value) && value.length <= MEDIA_MAX && value.every(isGood)
      ? undefined
      : `a list of at most ${MEDIA_MAX} ${what}`;
}

function isText(value: Json | undefined): value is string {
  return typeof value === "string" && stripped(value) !== "";
}

function isWholeNumber(value: Json, max: number): boolean {
  return (
    value instanceof Numeral && /^\d+$/.test(value.text) && value.value >= 1 && value.value <= max
  );
}

function stripped(text: string): string {
  return text.replaceAll(BLANK_ENDS, "");
}

function invalid(message: string): Failure {
  return new Failure("invalid_request", message);
}
