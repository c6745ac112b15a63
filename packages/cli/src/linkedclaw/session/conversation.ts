/** What two parties say to each other, for people to read. */
import { fieldsOf } from "../../server.ts";
import { type Page, readable } from "../../terminal/layout.ts";
import { plain } from "../../terminal/redact.ts";

/** A message: its text where it is one, otherwise its fields. */
export function payloadText(page: Page, payload: unknown): string {
  if (payload === null || payload === undefined) return "";
  const { text, ...rest } = fieldsOf(payload);
  if (typeof text === "string" && Object.keys(rest).length === 0) return plain(text);
  return readable(page, payload);
}
