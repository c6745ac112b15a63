/** Where a person goes after signing in unless a page sent them. */
export const HOME = "/app";

const PATH_LENGTH_MAX = 2_000;
/** A base that no path can lead to by itself. */
const NOWHERE = "http://return.invalid";

/** A place on this server, or home: a link must not be able to lead a person who just signed in away. */
export function toReturnPath(text: string | undefined | null): string {
  if (!text || text.length > PATH_LENGTH_MAX || !text.startsWith("/")) return HOME;
  if (!URL.canParse(text, NOWHERE)) return HOME;
  const url = new URL(text, NOWHERE);
  // `//evil.example`, `/\evil.example` and `/<tab>/evil.example` are other hosts to a browser …
  if (url.origin !== NOWHERE) return HOME;
  // … and `/.//evil.example` is a path here that would be another host there.
  return url.pathname.replace(/^\/+/, "/") + url.search;
}
