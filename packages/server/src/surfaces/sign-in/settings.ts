/** A member's home and limits, and, for the operator, invitations. */
import { usdOfMicros } from "@guildhall/protocol";
import { type Context, Hono } from "hono";
import { Fault } from "../../domain/fault.ts";
import type { Desk } from "./desk.ts";
import { BAD_AMOUNT, limitTexts, readAmount, readLimits } from "./limit-fields.ts";
import { homePage, limitTextsOf, spendingPage } from "./pages/settings.ts";
import { invitePage } from "./pages/sign-in.ts";
import type { Person } from "./people.ts";
import { sendSettings } from "./send-settings.ts";

const RECENT_KEYS = 5;

export function homeRoutes(desk: Desk): Hono {
  const routes = new Hono();
  const { core, people, options } = desk;
  routes.get("/", (c) => c.redirect("/app", 302));
  routes.get("/app", async (c) => {
    const person = await people.require(c);
    const [balance, keys] = await Promise.all([
      core.wallets.balance(person.caller),
      core.keys.list(person.caller),
    ]);
    return sendSettings(desk, c, person, "home", "Home", () =>
      homePage({
        ...balance,
        member: person.member,
        keys: keys.filter((key) => !key.revokedAt).slice(0, RECENT_KEYS),
        now: options.clock.now(),
        publicUrl: options.publicUrl,
      }),
    );
  });
  return routes;
}

export function spendingRoutes(desk: Desk): Hono {
  const routes = new Hono();
  const { core, forms, people } = desk;
  const path = "/settings/spending";

  function show(c: Context, person: Person, form?: URLSearchParams) {
    const { caller } = person;
    return sendSettings(desk, c, person, "spending", "Spending", (token) =>
      spendingPage({
        token,
        caller,
        limits: form ? limitTexts(form) : limitTextsOf({ limits: caller.workspaceLimits }),
        ceiling: form?.get("ceiling") ?? usdOfMicros(caller.chainCeilingMicros),
        problem: form && BAD_AMOUNT,
        isSaved: !form && c.req.query("saved") !== undefined,
      }),
    );
  }

  routes.get(path, async (c) => show(c, await people.require(c)));
  routes.post(path, async (c) => {
    const person = await people.require(c);
    const form = await forms.read(c, person.sessionId);
    const limits = readLimits(form);
    const ceiling = readAmount(form.get("ceiling") ?? "");
    if (!limits || ceiling === "wrong" || ceiling === undefined) return show(c, person, form);
    await core.members.limitSpending(person.caller, limits, ceiling);
    return c.redirect(`${path}?saved`, 303);
  });
  return routes;
}

export function inviteRoutes(desk: Desk): Hono {
  const routes = new Hono();
  const { core, forms, people } = desk;

  async function requireOperator(c: Context): Promise<Person> {
    const person = await people.require(c);
    if (person.caller.isOperator) return person;
    // A stranger learns nothing: for others this page does not exist.
    throw new Fault("not_found", "There is no such page.", { kind: "page", id: "" });
  }
  type Made = { email: string; made: { url: string; isMailed: boolean } };
  const show = (c: Context, person: Person, made?: Made, problem?: string) =>
    sendSettings(desk, c, person, "invite", "Invite", (token) =>
      invitePage({ token, email: made?.email ?? "", made: made?.made, problem }),
    );

  routes.get("/app/invite", async (c) => show(c, await requireOperator(c)));
  routes.post("/app/invite", async (c) => {
    const person = await requireOperator(c);
    const form = await forms.read(c, person.sessionId);
    const email = form.get("email") ?? "";
    try {
      return await show(c, person, { email, made: await core.links.invite(email) });
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return show(c, person, undefined, error.message);
    }
  });
  return routes;
}
