/** `/settings/api-keys`: a person's keys. */
import { type Context, Hono } from "hono";
import type { Desk } from "./desk.ts";
import { BAD_AMOUNT, limitTexts, readLimits } from "./limit-fields.ts";
import {
  keyPage,
  keysPage,
  LIFETIMES,
  type LimitTexts,
  limitTextsOf,
  MINTED_KINDS,
  newKeyPage,
} from "./pages/settings.ts";
import type { Person } from "./people.ts";
import { sendSettings } from "./send-settings.ts";

const PATH = "/settings/api-keys";
const DAY_MS = 86_400_000;
const NO_TEXTS: LimitTexts = { daily: "", monthly: "", prepaid: "" };

/** The list, and making a key. */
export function keyRoutes(desk: Desk): Hono {
  const routes = new Hono();
  const { core, forms, people, options } = desk;

  async function show(c: Context, person: Person, form?: URLSearchParams): Promise<Response> {
    const keys = await core.keys.list(person.caller);
    return sendSettings(desk, c, person, "keys", "API keys", (token) =>
      keysPage({
        token,
        keys,
        now: options.clock.now(),
        label: form?.get("label") ?? "",
        limits: form ? limitTexts(form) : NO_TEXTS,
        problem: form && BAD_AMOUNT,
      }),
    );
  }

  routes.get(PATH, async (c) => show(c, await people.require(c)));
  routes.post(PATH, async (c) => {
    const person = await people.require(c);
    const form = await forms.read(c, person.sessionId);
    const limits = readLimits(form);
    if (!limits) return show(c, person, form);
    const { key, secret } = await core.keys.create(person.caller, {
      kind: kindOf(form),
      label: form.get("label") ?? "",
      limits,
      expiresAt: expiryOf(form, options.clock.now()),
    });
    return sendSettings(desk, c, person, "keys", "New key", () => newKeyPage(key, secret));
  });
  return routes;
}

/** One key: its name, its limits, its end. */
export function oneKeyRoutes(desk: Desk): Hono {
  const routes = new Hono();
  const { core, forms, people, options } = desk;

  async function show(c: Context, person: Person, form?: URLSearchParams): Promise<Response> {
    const key = await core.keys.require(person.caller, c.req.param("id") ?? "");
    return sendSettings(desk, c, person, "keys", key.label, (token) =>
      keyPage({
        token,
        key,
        now: options.clock.now(),
        label: form?.get("label") ?? key.label,
        limits: form ? limitTexts(form) : limitTextsOf(key),
        problem: form && BAD_AMOUNT,
      }),
    );
  }

  routes.get(`${PATH}/:id`, async (c) => show(c, await people.require(c)));
  routes.post(`${PATH}/:id`, async (c) => {
    const person = await people.require(c);
    const form = await forms.read(c, person.sessionId);
    const limits = readLimits(form);
    if (!limits) return show(c, person, form);
    const patch = { label: form.get("label") ?? "", limits };
    await core.keys.update(person.caller, c.req.param("id"), patch);
    return c.redirect(PATH, 303);
  });
  routes.post(`${PATH}/:id/revoke`, async (c) => {
    const person = await people.require(c);
    await forms.read(c, person.sessionId);
    await core.keys.revoke(person.caller, c.req.param("id"));
    return c.redirect(PATH, 303);
  });
  return routes;
}

/** The page offers the choices; anything else was not sent by it, and gets the first. */
function kindOf(form: URLSearchParams): (typeof MINTED_KINDS)[number]["kind"] {
  const minted = MINTED_KINDS.find(({ kind }) => kind === form.get("kind"));
  return minted?.kind ?? MINTED_KINDS[0].kind;
}

function expiryOf(form: URLSearchParams, now: Date): Date | undefined {
  const lifetime = LIFETIMES.find(({ days }) => days === form.get("days"));
  const days = Number(lifetime?.days ?? "");
  return days > 0 ? new Date(now.getTime() + days * DAY_MS) : undefined;
}
