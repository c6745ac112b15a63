/** `/chains`: what a person's agents spent by hiring others, and where it stops. */
import { prefixed, unprefixed } from "@guildhall/protocol";
import { type Context, Hono } from "hono";
import { Fault } from "../../domain/fault.ts";
import type { Desk } from "./desk.ts";
import { readAmount } from "./limit-fields.ts";
import { chainPage, chainsPage } from "./pages/chains.ts";
import type { Person } from "./people.ts";
import { sendSettings } from "./send-settings.ts";

const PATH = "/chains";
const PAGE = 50;
const BAD_CEILING = "A ceiling is a number of dollars such as 5 or 2.50, up to a million.";

export function chainPageRoutes(desk: Desk): Hono {
  const routes = new Hono();
  const { core, forms, people } = desk;

  async function show(c: Context, person: Person, typed?: string): Promise<Response> {
    const tree = await core.chains.require(person.caller, idOf(c));
    return sendSettings(desk, c, person, "chains", "Chain of work", (token) =>
      chainPage({
        token,
        tree,
        typed,
        ceilingMicrosMax: core.chains.ceilingMicrosMax,
        problem: typed === undefined ? undefined : BAD_CEILING,
      }),
    );
  }

  routes.get(PATH, async (c) => {
    const person = await people.require(c);
    const beforeId = unprefixed("chn", c.req.query("before") ?? "");
    const chains = await core.chains.list(person.caller, { beforeId, limit: PAGE + 1 });
    return sendSettings(desk, c, person, "chains", "Chains of work", () =>
      chainsPage({ chains: chains.slice(0, PAGE), hasMore: chains.length > PAGE }),
    );
  });
  routes.get(`${PATH}/:id`, async (c) => show(c, await people.require(c)));
  routes.post(`${PATH}/:id/approve`, async (c) => {
    const person = await people.require(c);
    const form = await forms.read(c, person.sessionId);
    const typed = form.get("ceiling") ?? "";
    const ceiling = form.get("how") === "lift" ? undefined : readAmount(typed);
    const isBad = ceiling === "wrong" || (ceiling === undefined && form.get("how") !== "lift");
    if (isBad || (ceiling !== undefined && ceiling > core.chains.ceilingMicrosMax)) {
      return show(c, person, typed);
    }
    await core.chains.approve(person.caller, idOf(c), ceiling);
    return c.redirect(`${PATH}/${prefixed("chn", idOf(c))}`, 303);
  });
  routes.post(`${PATH}/:id/close`, async (c) => {
    const person = await people.require(c);
    await forms.read(c, person.sessionId);
    await core.chains.close(person.caller, idOf(c));
    return c.redirect(`${PATH}/${prefixed("chn", idOf(c))}`, 303);
  });
  return routes;
}

function idOf(c: Context): string {
  const text = c.req.param("id") ?? "";
  const id = unprefixed("chn", text);
  if (!id) throw new Fault("not_found", "There is no such chain.", { kind: "chain", id: text });
  return id;
}
