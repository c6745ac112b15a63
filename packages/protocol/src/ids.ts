/**
 * Ids are 12 bytes (6 of time, 6 of chance) as 24 lower-case hex. Inside they have no prefix; a wire
 * puts its own in front, and its decoder refuses a foreign one.
 */

const ID = /^[0-9a-f]{24}$/;

/** Whether `text` is an id as it is stored. */
export function isId(text: string): boolean {
  return ID.test(text);
}

/** `prefixed("agt", id)` is `agt_<id>`. */
export function prefixed(prefix: string, id: string): string {
  return `${prefix}_${id}`;
}

/** The id behind a prefix, or `undefined` when the prefix is another or the rest is no id. */
export function unprefixed(prefix: string, text: string): string | undefined {
  if (!text.startsWith(`${prefix}_`)) return undefined;
  const id = text.slice(prefix.length + 1);
  return isId(id) ? id : undefined;
}
