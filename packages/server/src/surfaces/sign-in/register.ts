/**
 * `/app/register`: a program's registration that is decided in the browser it was opened in
 * (OpenMarlin contract §4.3). The program waits for the registration itself, so nothing is sent to it
 * from here, and where the person ends up is for the person only.
 */
import { Hono } from "hono";
import type { Desk } from "./desk.ts";
import { approvePage } from "./pages/handoff.ts";
import { sendPage } from "./pages/layout.ts";

export function registerRoutes(desk: Desk): Hono {
  const routes = new Hono();
  const { core, forms, people } = desk;

  routes.get("/app/register", async (c) => {
    const person = await people.require(c);
    const state = c.req.query("state") ?? "";
    const handoff = await core.registrations.findByState(state);
    const token = forms.token(c, person.sessionId);
    return sendPage(c, {
      title: "Approve a sign-in",
      signedIn: { person, token },
      body: approvePage({
        token,
        label: handoff.label,
        program: core.handoffs.programOf(handoff).name,
        origin: handoff.address,
        answersTo: undefined,
        workspace: person.member.handle,
        userCode: undefined,
        action: { approve: "/app/register/approve", deny: "/app/register/deny" },
        fields: { state },
      }),
    });
  });

  for (const decision of ["approve", "deny"] as const) {
    routes.post(`/app/register/${decision}`, async (c) => {
      const person = await people.require(c);
      const form = await forms.read(c, person.sessionId);
      const handoff = await core.registrations.findByState(form.get("state") ?? "");
      const { state } = await core.handoffs.decide(person.caller, handoff.id, decision);
      return c.redirect(`/device/done?decision=${state}`, 303);
    });
  }
  return routes;
}
