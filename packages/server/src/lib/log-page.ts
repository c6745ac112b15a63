/**
 * The log as a person at a terminal reads it. Anywhere else it stays JSON, a line an event.
 *
 * What others wrote stands in it, so nothing that a terminal obeys gets through.
 */
const PLAIN = /^[\w./:@+-]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]/g;

/** The time, how bad it is unless it is nothing bad, the words, then the facts; below it the error. */
export function readableLine(line: string): string {
  let fields: Readonly<Record<string, unknown>>;
  try {
    fields = JSON.parse(line);
  } catch {
    return line;
  }
  const { level, time, msg, error, err, ...facts } = fields;
  const at = new Date(String(time)).toTimeString().slice(0, 8);
  const said = Object.entries(facts).map(([name, value]) => `${name}=${wordOf(value)}`);
  const words = [at, level === "info" ? "" : level, msg, ...said].filter(Boolean);
  const stack = stackOf(error ?? err);
  return `${shown(words.join(" "))}\n${stack && `${shown(stack).replace(/^/gm, "    ")}\n`}`;
}

function wordOf(value: unknown): string {
  return typeof value === "string" && PLAIN.test(value) ? value : JSON.stringify(value);
}

function stackOf(error: unknown): string {
  if (typeof error !== "object" || error === null) return error === undefined ? "" : String(error);
  const { stack, message, cause } = error as Readonly<Record<string, unknown>>;
  const own = String(stack ?? message ?? JSON.stringify(error));
  return cause === undefined ? own : `${own}\nbecause of ${stackOf(cause)}`;
}

function shown(text: string): string {
  return text.replace(CONTROL, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
