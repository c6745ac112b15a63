/**
 * What a model says is a text in this shape. Some makers (Mistral's reasoning models among them) say
 * it in parts, as requests may: `[{"type":"thinking",…},{"type":"text",…}]`.
 */

/** What of a message or a delta is said and thought. */
interface Said {
  readonly content?: unknown;
  readonly reasoning_content?: unknown;
}

/** The same with its parts put together; as it is where it has none. */
export function withoutParts<Words extends Said>(said: Words): Words {
  const { content } = said;
  if (!Array.isArray(content)) return said;
  const text = textOf(content, "text");
  const thought = textOf(content, "thinking");
  return {
    ...said,
    content: text === "" ? null : text,
    ...(thought !== "" && { reasoning_content: thought }),
  };
}

function textOf(parts: readonly unknown[], kind: "text" | "thinking"): string {
  let text = "";
  for (const part of parts) {
    const { type, [kind]: words } = (part ?? {}) as Readonly<Record<string, unknown>>;
    if (type !== kind) continue;
    if (typeof words === "string") text += words;
    // A thought is a list of parts again.
    else if (Array.isArray(words)) text += textOf(words, "text");
  }
  return text;
}
