/**
 * Text that a model wrote, on its way to another model. Marks that a reader could take for words of
 * its own system, or for a call of a tool, are cut out, and so is any key (LinkedClaw contract §7.6).
 */
import { redact } from "../../terminal/redact.ts";

const MARK =
  /<\/?(?:tool_calls?|tool_results?|tool_use|tool_response|function_calls?|function_results?|invoke|system|system-reminder|assistant|developer)(?:\s[^<>]*)?\/?>|<\|[a-z_]{1,32}\|>/gi;

/** Cutting one mark may join the halves of another; a text of marks within marks has no end of it. */
const PASSES = 3;
/** Takes the place of what is left then: with it in between no halves join. */
const REPLACEMENT = "\uFFFD";

export function outboundText(text: string, key: string): string {
  let clean = text;
  for (let pass = 0; pass < PASSES; pass++) clean = clean.replace(MARK, "");
  return redact(clean.replace(MARK, REPLACEMENT), [key]);
}
