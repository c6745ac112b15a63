/**
 * `/oauth/authorize`: a program on the person's own machine asks to be let in, and waits at a
 * loopback address for the answer (RFC 6749 §4.1, RFC 7636, RFC 8252).
 *
 *   1. Program and address are checked first. Where they are wrong nothing is sent anywhere.
 *   2. Any other fault of the request is the program's, and is sent to it.
 *   3. The person decides. Until then nothing is kept: the page carries the request.
 *   4. The answer goes to the program's address, with its state so that it knows it for its own.
 */
import { type Context, Hono } from "hono";
import type { LoopbackRequest } from "../../domain/client-program.ts";
import { Fault } from "../../domain/fault.ts";
import type { Desk } from "./desk.ts";
import { approvePage } from "./pages/handoff.ts";
import { sendPage } from "./pages/layout.ts";

/** The program's parameters, by the names that RFC 6749 and RFC 7636 give them. */
const FIELDS = {
  clientId: "client_id",
  redirectUri: "redirect_uri",
  responseType: "response_type",
  codeChallenge: "code_challenge",
  codeChallengeMethod: "code_challenge_method",
  state: "state",
  scope: "scope",
  label: "device_label",
} as const satisfies Record<keyof LoopbackRequest, string>;

export function authorizeRoutes(desk: Desk): Hono {
  const routes = new Hono();
  const { core, forms, people, options } = desk;

  routes.get("/oauth/authorize", async (c) => {
    const request = readRequest(new URL(c.req.url).searchParams);
    const program = core.handoffs.checkRedirect(request);
    const problem = problemOf(desk, request);
    if (problem) return answer(c, request, problem);
    const person = await people.require(c);
    const token = forms.token(c, person.sessionId);
    return sendPage(c, {
      title: "Approve a sign-in",
      signedIn: { person, token },
      formTarget: formTargetOf(request.redirectUri),
      body: approvePage({
        token,
        label: request.label || program.name,
        program: program.name,
        origin: options.addressOf(c),
        answersTo: new URL(request.redirectUri).host,
        workspace: person.member.handle,
        userCode: undefined,
        action: { approve: "/oauth/authorize/approve", deny: "/oauth/authorize/deny" },
        fields: toFields(request),
      }),
    });
  });

  for (const decision of ["approve", "deny"] as const) {
    routes.post(`/oauth/authorize/${decision}`, async (c) => {
      const person = await people.require(c);
      const request = readRequest(await forms.read(c, person.sessionId));
      core.handoffs.checkRedirect(request);
      if (decision === "deny") {
        return answer(c, request, {
          error: "access_denied",
          error_description: "The person said no.",
        });
      }
      const address = options.addressOf(c);
      const code = await core.handoffs.approveLoopback(person.caller, request, address);
      return answer(c, request, { code });
    });
  }
  return routes;
}

/** A repeated parameter counts as absent: two readers could each believe another one. */
function readRequest(parameters: URLSearchParams): LoopbackRequest {
  const one = (name: string) => {
    const [value = "", ...others] = parameters.getAll(name);
    return others.length === 0 ? value : "";
  };
  return {
    clientId: one(FIELDS.clientId),
    redirectUri: one(FIELDS.redirectUri),
    responseType: one(FIELDS.responseType),
    codeChallenge: one(FIELDS.codeChallenge),
    codeChallengeMethod: one(FIELDS.codeChallengeMethod),
    state: one(FIELDS.state),
    scope: one(FIELDS.scope),
    label: one(FIELDS.label),
  };
}

function toFields(request: LoopbackRequest): Record<string, string> {
  const names = Object.entries(FIELDS) as [keyof LoopbackRequest, string][];
  return Object.fromEntries(names.map(([property, name]) => [name, request[property]]));
}

function problemOf(
  { core }: Desk,
  request: LoopbackRequest,
): Readonly<Record<string, string>> | undefined {
  try {
    core.handoffs.checkLoopback(request);
    return undefined;
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== "invalid_request") throw error;
    const { field } = (error as Fault<"invalid_request">).facts;
    const code = field === "response_type" ? "unsupported_response_type" : ERRORS.get(field);
    return {
      error: code ?? "invalid_request",
      error_description: `${field}: ${error.message}`,
    };
  }
}

const ERRORS: ReadonlyMap<string, string> = new Map([["scope", "invalid_scope"]]);

function answer(
  c: Context,
  { redirectUri, state }: LoopbackRequest,
  parameters: Readonly<Record<string, string>>,
): Response {
  const url = new URL(redirectUri);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  if (state !== "") url.searchParams.set("state", state);
  c.header("referrer-policy", "no-referrer");
  c.header("cache-control", "no-store");
  return c.redirect(url.href, 303);
}

/** Browsers hold a form's redirects to its page's policy, and policies cannot name an IPv6 address. */
function formTargetOf(redirectUri: string): string {
  const { origin, hostname } = new URL(redirectUri);
  return hostname.startsWith("[") ? "http:" : origin;
}
