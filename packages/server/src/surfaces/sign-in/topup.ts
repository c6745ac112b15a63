/**
 * Where top-ups are paid and where payers come back to.
 *
 * `/dev/topup/{id}` is the development rail's page. It takes no money, so it asks nobody who they are,
 * and its buttons may be pressed by a program: `POST /dev/topup/{id}/pay` and `…/fail`. A production server
 * has none of it.
 */
import { type Context, Hono } from "hono";
import { Fault } from "../../domain/fault.ts";
import type { Desk } from "./desk.ts";
import { sendPage } from "./pages/layout.ts";
import { messagePage } from "./pages/sign-in.ts";
import { devTopupPage } from "./pages/topup.ts";

const ID = /^[0-9a-f]{24}$/;

export function topupRoutes({ core, options }: Desk): Hono {
  const routes = new Hono();

  routes.get("/dev/topup/:id", async (c) => {
    const topup = await core.topups.showUnpaid(topupIdOf(c));
    return sendPage(c, { title: "Pay a top-up", body: devTopupPage(topup) });
  });

  for (const decision of ["pay", "fail"] as const) {
    routes.post(`/dev/topup/:id/${decision}`, async (c) => {
      checkOrigin(c, options.publicUrl);
      const { id, state } = await core.topups.decideUnpaid(topupIdOf(c), decision);
      const isPerson = (c.req.header("accept") ?? "").includes("text/html");
      return isPerson ? c.redirect(`/dev/topup/${id}`, 303) : c.json({ topup_id: id, state });
    });
  }

  // Whoever paid may be somebody else than the member, in a browser where nobody is signed in.
  for (const [path, heading, text] of OUTCOMES) {
    routes.get(path, (c) => sendPage(c, { title: heading, body: messagePage(heading, text) }));
  }
  return routes;
}

const OUTCOMES = [
  [
    "/app/topup/paid",
    "Thank you",
    "The payment is made. The credit is in the wallet within moments; you can close this page.",
  ],
  [
    "/app/topup/cancelled",
    "Not paid",
    "Nothing was charged. As long as the top-up is open, its page can be opened again.",
  ],
] as const;

/** What is no id is treated as one that does not exist. */
export function topupIdOf(c: Context): string {
  const id = (c.req.param("id") ?? "").replace(/^topup_/, "");
  if (ID.test(id)) return id;
  throw new Fault("not_found", "There is no such top-up.", { kind: "topup", id });
}

/** Programs send no origin, and our page sends ours: another site's page presses no buttons here. */
function checkOrigin(c: Context, publicUrl: string): void {
  const origin = c.req.header("origin");
  if (origin === undefined || origin === new URL(publicUrl).origin) return;
  throw new Fault("forbidden", "Another site's page asked for this.");
}
