/** The longest label that is kept: what a key, a device or a program is called. */
export const LABEL_LENGTH_MAX = 80;

/**
 * Control and formatting characters. Among them are the ones that turn the direction of writing, by
 * which a label could show a reader something else than it says.
 */
const UNSHOWABLE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Cn}\p{Zl}\p{Zp}]/gu;

/** A stranger's text made fit to stand in a page: one line, no tricks, of bounded length. */
export function toLabel(text: string, fallback: string): string {
  const shown = text
    .slice(0, LABEL_LENGTH_MAX * 8)
    .replace(UNSHOWABLE, " ")
    .replace(/\s+/g, " ")
    .trim();
  const cut = Array.from(shown).slice(0, LABEL_LENGTH_MAX).join("").trim();
  return cut || fallback;
}
