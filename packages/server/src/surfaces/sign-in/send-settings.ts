import type { Context } from "hono";
import type { Desk } from "./desk.ts";
import { type Page, sendPage } from "./pages/layout.ts";
import type { Person } from "./people.ts";

/** Sends a page of the menu's. `body` is given the token for its forms. */
export function sendSettings(
  { forms }: Desk,
  c: Context,
  person: Person,
  place: NonNullable<Page["place"]>,
  title: string,
  body: (token: string) => Page["body"],
): Response | Promise<Response> {
  const token = forms.token(c, person.sessionId);
  return sendPage(c, { title, place, signedIn: { person, token }, body: body(token) });
}
