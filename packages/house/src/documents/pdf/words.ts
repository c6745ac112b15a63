/** Text that a page set in pieces, as words again. */
import { escapeInline, escapeStart, oneLine } from "../markdown.ts";

/**
 * A link within text is `START text MIDDLE url END` until the text is written as Markdown: lines are
 * joined and cut in between. Private-use characters, removed from what the document says itself.
 */
const [START, MIDDLE, END] = ["\uE001", "\uE002", "\uE003"];
const LINK = /\uE001([^\uE002]*)\uE002([^\uE003]*)\uE003/g;
const RESERVED = /[\uE000-\uE003]|(?![\t\n\r])\p{Cc}/gu;

/** The text of pieces in a row, those of one link in one. */
export function textOf(pieces: readonly { text: string; url: string | undefined }[]): string {
  let text = "";
  let open: string | undefined;
  for (const { text: piece, url } of pieces) {
    if (url !== open) {
      if (open) text = `${text.trimEnd()}${MIDDLE}${open}${END}${/\s*$/.exec(text)?.[0]}`;
      if (url) text += `${/^\s*/.exec(piece)?.[0]}${START}`;
    }
    text += url !== open && url ? clean(piece).trimStart() : clean(piece);
    open = url;
  }
  return (open ? `${text}${MIDDLE}${open}${END}` : text).replace(/[^\S\n]+/g, " ").trim();
}

function clean(text: string): string {
  return text.replace(RESERVED, "");
}

/** Text as it was read, as inline Markdown. */
export function toInline(text: string): string {
  const parts = text.split(LINK);
  // Split leaves the text between links, then a link's text, then its address, and so on.
  return parts
    .map((part, index) => {
      if (index % 3 === 0) return escapeInline(part);
      if (index % 3 === 2) return "";
      const url = (parts[index + 1] ?? "").replace(/[\s()<>]/g, encodeURIComponent);
      return `[${oneLine(escapeInline(part))}](${url})`;
    })
    .join("");
}

/** Text as it was read, as a paragraph. */
export function toParagraph(text: string): string {
  return escapeStart(toInline(text));
}

/** Text as it was read, without its links' addresses. */
export function plain(text: string): string {
  return text.replace(LINK, "$1");
}

const NO_SPACES = /[\u2E80-\u30FF\u3400-\u9FFF\uF900-\uFAFF\uFF00-\uFF65]/;

/** Two lines of one paragraph as one text: a hyphenated word is whole again, and CJK has no spaces. */
export function joinLines(before: string, after: string): string {
  if (before === "" || after === "") return before + after;
  const last = before.at(-1) ?? "";
  const first = after[0] ?? "";
  if (last === "\u00AD") return before.slice(0, -1) + after;
  if (/\p{L}-$/u.test(before) && /^\p{Ll}/u.test(after)) return before.slice(0, -1) + after;
  if (NO_SPACES.test(last) && NO_SPACES.test(first)) return before + after;
  return `${before} ${after}`;
}

const BULLET = /^[•◦▪▫‣⁃●○■□◆◇–—*·➢➤✓✔\uF0A7\uF0B7-]$/;
const NUMBER = /^\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{2,5})[.)]$/;

/** Whether the text is a list's marker and nothing else. */
export function isMarker(text: string): boolean {
  return BULLET.test(text) || NUMBER.test(text);
}

/** A line's marker in Markdown (`-`, or its number) and the rest, where it starts a list's item. */
export function splitMarker(text: string): { marker: string; rest: string } | undefined {
  const [first = "", ...words] = text.split(" ");
  let rest = words.join(" ").trim();
  if (!rest || !isMarker(first)) return undefined;
  // Some programs draw the markers of all levels before a nested item.
  while (/^[•◦▪‣●○] /.test(rest)) rest = rest.slice(2).trim();
  const number = /^\(?(\d{1,3})[.)]$/.exec(first)?.[1];
  if (number) return { marker: `${Number(number)}.`, rest };
  // Markdown knows no letters as markers: they stay as text in an item with a bullet.
  return BULLET.test(first) ? { marker: "-", rest } : { marker: "-", rest: `${first} ${rest}` };
}
