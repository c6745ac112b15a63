/**
 * The last line of defence: no key leaves by stdout or stderr, wherever the text came from. A key
 * is shown as its prefix and its last four characters, so that people can tell keys apart.
 */
const KEY = /\b(?:lc|gld|claw_wsk|mrg|cllk_live|shk)_[A-Za-z0-9]{16,}\b/g;
const PREFIX = /^(?:lc|gld|claw_wsk|mrg|cllk_live|shk)_/;
const SHOWN_CHARACTERS = 4;
/** Of a secret this short, four characters would be too many. */
const SHOWN_FROM_LENGTH = 16;

/**
 * `text` without keys: neither what looks like one, nor any of `secrets`, which are the keys that
 * this process was given, whatever they look like.
 */
export function redact(text: string, secrets: Iterable<string> = []): string {
  let shown = text;
  for (const secret of secrets) shown = shown.replaceAll(secret, redactKey(secret));
  return shown.replace(KEY, redactKey);
}

/** One key as it may be shown: `lc_…last4`. */
export function redactKey(key: string): string {
  const prefix = PREFIX.exec(key)?.[0] ?? "";
  return `${prefix}…${key.length >= SHOWN_FROM_LENGTH ? key.slice(-SHOWN_CHARACTERS) : ""}`;
}

// Control characters other than line feed and tab: a stranger's text must not drive the terminal.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** Text of a stranger's, fit for a terminal. */
export function plain(text: string): string {
  return text.replace(CONTROLS, "");
}

const BREAKING = /[\u007f-\u009f\u2028\u2029]/g;

/** A value as one line of JSON, also for readers that take U+2028 for the end of a line. */
export function jsonLine(value: unknown): string {
  return (JSON.stringify(value, exactly) ?? "null").replace(
    BREAKING,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Amounts in micros are bigint, and travel as text so that no reader rounds them. */
function exactly(_name: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}
