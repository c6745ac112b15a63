/** `/device`: a person confirms the code that a program shows, and decides (RFC 8628 §3.3). */
import { type Context, Hono } from "hono";
import { Fault } from "../../domain/fault.ts";
import type { Handoff } from "../../domain/handoff.ts";
import { addressGroup } from "../shared/admission.ts";
import type { Desk } from "./desk.ts";
import { approvePage, decidedPage, enterCodePage } from "./pages/handoff.ts";
import { sendPage } from "./pages/layout.ts";
import type { Person } from "./people.ts";

export function deviceRoutes(desk: Desk): Hono {
  const routes = new Hono();
  const { core, forms, people, options } = desk;
  const find = (c: Context, userCode: string) =>
    core.handoffs.findByUserCode(userCode, addressGroup(options.addressOf(c)));

  // Looking a code up changes nothing, so it is a GET, and a program can put the code in its link.
  // The person still has to compare it: somebody else may have sent the link.
  routes.get("/device", async (c) => {
    const person = await people.require(c);
    const userCode = c.req.query("user_code") ?? "";
    if (userCode === "") return sendEnterCode(desk, c, person, "");
    let handoff: Handoff;
    try {
      handoff = await find(c, userCode);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return sendEnterCode(desk, c, person, userCode, error);
    }
    return sendApprove(desk, c, person, handoff);
  });

  routes.get("/device/done", async (c) => {
    const person = await people.require(c);
    const isApproved = c.req.query("decision") === "approved";
    return sendPage(c, {
      title: isApproved ? "Approved" : "Denied",
      signedIn: { person, token: forms.token(c, person.sessionId) },
      body: decidedPage(isApproved ? "approved" : "denied"),
    });
  });

  for (const decision of ["approve", "deny"] as const) {
    routes.post(`/device/${decision}`, async (c) => {
      const person = await people.require(c);
      const form = await forms.read(c, person.sessionId);
      const handoff = await find(c, form.get("user_code") ?? "");
      const { state } = await core.handoffs.decide(person.caller, handoff.id, decision);
      return c.redirect(`/device/done?decision=${state}`, 303);
    });
  }
  return routes;
}

function sendEnterCode(
  { forms }: Desk,
  c: Context,
  person: Person,
  userCode: string,
  problem?: Fault,
): Response | Promise<Response> {
  if (problem?.code === "rate_limited") c.header("retry-after", "60");
  return sendPage(c, {
    title: "Connect a device",
    status: problem ? STATUS[problem.code === "rate_limited" ? "rate_limited" : "not_found"] : 200,
    signedIn: { person, token: forms.token(c, person.sessionId) },
    body: enterCodePage({ userCode: userCode.slice(0, 64), problem: problem?.message }),
  });
}

const STATUS = { rate_limited: 429, not_found: 404 } as const;

function sendApprove(
  { core, forms }: Desk,
  c: Context,
  person: Person,
  handoff: Handoff,
): Response | Promise<Response> {
  const token = forms.token(c, person.sessionId);
  const userCode = handoff.userCode ?? "";
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
      userCode,
      action: { approve: "/device/approve", deny: "/device/deny" },
      fields: { user_code: userCode },
    }),
  });
}
