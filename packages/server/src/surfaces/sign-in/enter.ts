/** Coming in and going out: sign-in, sign-up, links, other providers, sign-out. */
import { type Context, Hono } from "hono";
import { Fault } from "../../domain/fault.ts";
import { addressGroup } from "../shared/admission.ts";
import { AUTH_PATH, PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN } from "./auth-settings.ts";
import type { Desk } from "./desk.ts";
import { sendPage } from "./pages/layout.ts";
import {
  askForLinkPage,
  choosePasswordPage,
  messagePage,
  type SignInView,
  signInPage,
} from "./pages/sign-in.ts";
import { passCookies } from "./people.ts";
import { findProvider, providersOf, startAtProvider } from "./provider.ts";
import { HOME, toReturnPath } from "./return-path.ts";

export const SIGN_IN_PATH = "/app/sign-in";

export function enterRoutes(desk: Desk): Hono {
  const routes = new Hono();
  const { auth, forms, people } = desk;

  routes.get(SIGN_IN_PATH, async (c) => {
    const returnPath = toReturnPath(c.req.query("return_to"));
    if (await people.find(c)) return c.redirect(returnPath, 303);
    const problem = PROVIDER_PROBLEMS.get(c.req.query("error") ?? "");
    return sendSignIn(desk, c, {
      returnPath,
      problem: c.req.query("error") && (problem ?? FAILED),
    });
  });

  routes.post(SIGN_IN_PATH, async (c) => {
    const form = await forms.read(c, undefined);
    const returnPath = toReturnPath(form.get("return_to"));
    const email = form.get("email") ?? "";
    try {
      await signIn(desk, c, email, form.get("password") ?? "");
    } catch (error) {
      if (!(error instanceof Fault) || error.code === "internal") throw error;
      return sendSignIn(desk, c, { returnPath, email, problem: error.message, fault: error });
    }
    return c.redirect(returnPath, 303);
  });

  routes.get("/app/sign-in/with/:provider", async (c) => {
    const provider = findProvider(desk.options, c.req.param("provider"));
    if (!provider) throw new Fault("not_found", "There is no such page.", PAGE);
    const returnPath = toReturnPath(c.req.query("return_to"));
    return c.redirect(await startAtProvider(auth, c, provider, returnPath), 303);
  });
  // The two addresses that other providers send people back to; better-auth checks state and code.
  routes.get(`${AUTH_PATH}/callback/:provider`, async (c) => (await auth()).handler(c.req.raw));
  routes.get(`${AUTH_PATH}/oauth2/callback/:provider`, async (c) =>
    (await auth()).handler(c.req.raw),
  );

  routes.post("/app/sign-out", async (c) => {
    await forms.read(c, await people.sessionId(c));
    const { headers } = await (await auth()).api.signOut({
      headers: c.req.raw.headers,
      returnHeaders: true,
    });
    passCookies(c, headers);
    return c.redirect(SIGN_IN_PATH, 303);
  });

  routes.route("/", askRoutes(desk));
  routes.route("/", linkRoutes(desk));
  return routes;
}

/** Asking for a link by mail: to join, or after forgetting a password. */
function askRoutes(desk: Desk): Hono {
  const routes = new Hono();
  const { core, forms, options } = desk;
  const asks = [
    { path: "/app/sign-up", purpose: "join", isOffered: canSignUp(desk) },
    { path: "/app/forgot", purpose: "reset", isOffered: canReset(desk) },
  ] as const;
  for (const { path, purpose, isOffered } of asks) {
    const ask = (c: Context, email = "", problem?: Fault) =>
      sendPage(c, {
        title: "Sign in",
        status: problem ? statusOf(problem) : 200,
        body: askForLinkPage({
          purpose,
          token: forms.token(c, undefined),
          email,
          problem: problem?.message,
        }),
      });
    routes.get(path, (c) => (isOffered ? ask(c) : sendNotOffered(c)));
    routes.post(path, async (c) => {
      if (!isOffered) return sendNotOffered(c);
      const form = await forms.read(c, undefined);
      const email = form.get("email") ?? "";
      try {
        await core.links.request(email, purpose, addressGroup(options.addressOf(c)));
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        return ask(c, email, error);
      }
      const text =
        "If this address may come in, a link is on its way to it. It works for an hour. Look into " +
        "the spam folder before you ask again.";
      return sendPage(c, { title: "Check your mail", body: messagePage("Check your mail", text) });
    });
  }
  return routes;
}

/**
 * Using a link. Its token is in the query, which no log shows. Opening it changes nothing: mail
 * programs open links to look at them.
 */
function linkRoutes(desk: Desk): Hono {
  const routes = new Hono();
  const { core, forms, options } = desk;
  const isPasswordNeeded = options.mode === "production";

  async function show(c: Context, problem?: string): Promise<Response> {
    const link = await core.links.find(c.req.query("token") ?? "");
    if (!link) throw new Fault("not_found", LINK_OVER, PAGE);
    return sendPage(c, {
      title: "Sign in",
      status: problem === undefined ? 200 : 422,
      body: choosePasswordPage({
        token: forms.token(c, undefined),
        email: link.email,
        isPasswordNeeded,
        problem,
      }),
    });
  }

  routes.get("/app/link", (c) => show(c));
  routes.post("/app/link", async (c) => {
    const form = await forms.read(c, undefined);
    const password = isPasswordNeeded ? (form.get("password") ?? "") : undefined;
    const problem = password === undefined ? undefined : problemOf(password);
    if (problem !== undefined) return show(c, problem);
    const { email } = await core.links.use(c.req.query("token") ?? "");
    await signInProven(desk, c, email, password);
    return c.redirect(HOME, 303);
  });
  return routes;
}

async function signIn(desk: Desk, c: Context, email: string, password: string): Promise<void> {
  const { core, auth, options } = desk;
  if (options.mode === "development") {
    const member = await core.members.admit(email);
    return signInProven(desk, c, member.email, undefined);
  }
  const giveBacks = [
    await core.attempts.take("password-by-address", addressGroup(options.addressOf(c))),
    await core.attempts.take("password-by-email", email.trim().toLowerCase().slice(0, 254)),
  ];
  try {
    const { headers } = await (await auth()).api.signInEmail({
      body: { email: email.trim(), password: password.slice(0, PASSWORD_LENGTH_MAX + 1) },
      headers: c.req.raw.headers,
      returnHeaders: true,
    });
    passCookies(c, headers);
  } catch (error) {
    const { isAPIError } = await import("better-auth/api");
    if (!isAPIError(error) || error.statusCode >= 500) throw error;
    throw new Fault("unauthenticated", "The e-mail address or the password is wrong.");
  }
  for (const giveBack of giveBacks) await giveBack();
}

async function signInProven(
  { auth }: Desk,
  c: Context,
  email: string,
  password: string | undefined,
): Promise<void> {
  const { headers } = await (await auth()).api.signInProven({
    body: { email, ...(password !== undefined && { password }) },
    headers: c.req.raw.headers,
    returnHeaders: true,
  });
  passCookies(c, headers);
}

function problemOf(password: string): string | undefined {
  if (password.length < PASSWORD_LENGTH_MIN) {
    return `A password has at least ${PASSWORD_LENGTH_MIN} characters.`;
  }
  if (password.length > PASSWORD_LENGTH_MAX) {
    return `A password has at most ${PASSWORD_LENGTH_MAX} characters.`;
  }
  return undefined;
}

function sendSignIn(
  desk: Desk,
  c: Context,
  shown: {
    readonly returnPath: string;
    readonly email?: string;
    readonly problem?: string | undefined;
    readonly fault?: Fault;
  },
): Response | Promise<Response> {
  const { options, forms } = desk;
  const view: SignInView = {
    token: forms.token(c, undefined),
    returnPath: shown.returnPath,
    email: shown.email ?? "",
    problem: shown.problem || undefined,
    isPasswordNeeded: options.mode === "production",
    canSignUp: canSignUp(desk),
    canReset: canReset(desk),
    isByInvitation: options.policy !== "open",
    providers: providersOf(options),
  };
  const status = shown.fault ? statusOf(shown.fault) : 200;
  return sendPage(c, { title: "Sign in", body: signInPage(view), status });
}

function statusOf({ code }: Fault): 401 | 403 | 422 | 429 {
  if (code === "rate_limited") return 429;
  if (code === "forbidden" || code === "suspended") return 403;
  return code === "unauthenticated" ? 401 : 422;
}

export function canSignUp({ core, options }: Desk): boolean {
  return options.mode === "production" && options.policy === "open" && core.links.canMail;
}

function canReset({ core, options }: Desk): boolean {
  return options.mode === "production" && core.links.canMail;
}

function sendNotOffered(c: Context): Response | Promise<Response> {
  const text = "This server does not offer it. Ask its operator for a link that lets you in.";
  const body = messagePage("Not here", text, { path: SIGN_IN_PATH, label: "Sign in" });
  return sendPage(c, { title: "Not here", status: 404, body });
}

const PAGE = { kind: "page", id: "" };
const LINK_OVER = "This link was used already, or has expired. Ask for a new one.";
const FAILED = "Signing in there did not work. Try again, or sign in another way.";

/** What better-auth says in the address of the page that it sends people back to. */
const PROVIDER_PROBLEMS: ReadonlyMap<string, string> = new Map([
  ["not_admitted", "You are not a member of this server. Ask its operator for an invitation."],
  [
    "email_not_verified",
    "The account there has no verified e-mail address. Verify it, then come back.",
  ],
  [
    "account_not_linked",
    "This address is a member's already, and the account there has not verified it.",
  ],
  ["access_denied", "You did not let the other site tell who you are."],
]);
