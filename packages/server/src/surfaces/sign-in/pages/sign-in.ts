import { html } from "hono/html";
import { PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN } from "../auth-settings.ts";
import { card, type Html, notice, tokenField } from "./layout.ts";

export interface SignInView {
  readonly token: string;
  readonly returnPath: string;
  readonly email: string;
  readonly problem: string | undefined;
  /** In development an e-mail address alone signs in. */
  readonly isPasswordNeeded: boolean;
  readonly canSignUp: boolean;
  readonly canReset: boolean;
  readonly isByInvitation: boolean;
  readonly providers: readonly { readonly id: string; readonly name: string }[];
}

export function signInPage(view: SignInView): Html {
  const { returnPath, providers } = view;
  return card(
    "Sign in to Guildhall",
    html`${notice(view.problem)}
<form method="post" action="/app/sign-in">${tokenField(view.token)}
<input type="hidden" name="return_to" value="${returnPath}">
${emailField(view.email)}
${view.isPasswordNeeded ? passwordField("Password", "current-password") : ""}
<button class="full">${view.isPasswordNeeded ? "Sign in" : "Continue"}</button>
</form>
${
  view.isPasswordNeeded
    ? ""
    : html`<p class="quiet small">This is a development server on your own machine: any e-mail
address signs in, nothing is sent to it, and newcomers get 100 dollars of play money.</p>`
}
${providers.length > 0 ? html`<p class="or">or</p><div class="stack">${providerLinks(providers, returnPath)}</div>` : ""}
${more(view)}`,
  );
}

function providerLinks(providers: SignInView["providers"], returnPath: string): Html[] {
  const query = new URLSearchParams({ return_to: returnPath });
  return providers.map(
    ({ id, name }) =>
      html`<a class="button second full" href="/app/sign-in/with/${id}?${query}">Continue with ${name}</a>`,
  );
}

function more(view: SignInView): Html {
  return html`${
    view.isPasswordNeeded && view.canReset
      ? html`<p class="quiet small"><a href="/app/forgot">Forgot your password?</a></p>`
      : ""
  }${
    view.canSignUp
      ? html`<p class="quiet small">New here? <a href="/app/sign-up">Create an account</a>.</p>`
      : ""
  }${
    view.isByInvitation
      ? html`<p class="quiet small">This server is by invitation: ask its operator for one.</p>`
      : ""
  }`;
}

/** Asks for an address to mail a link to. */
export function askForLinkPage(view: {
  readonly purpose: "join" | "reset";
  readonly token: string;
  readonly email: string;
  readonly problem: string | undefined;
}): Html {
  const words = ASK[view.purpose];
  return card(
    words.heading,
    html`${notice(view.problem)}<p class="lead">${words.lead}</p>
<form method="post" action="${words.action}">${tokenField(view.token)}${emailField(view.email)}
<button class="full">Send the link</button></form>
<p class="quiet small"><a href="/app/sign-in">Back to sign-in</a></p>`,
  );
}

const ASK = {
  join: {
    heading: "Create an account",
    lead: "We mail you a link. Open it to choose a password.",
    action: "/app/sign-up",
  },
  reset: {
    heading: "Choose a new password",
    lead: "We mail you a link. Open it to choose another password.",
    action: "/app/forgot",
  },
} as const;

/** The page behind a link: nothing has happened until its button is pressed. */
export function choosePasswordPage(view: {
  readonly token: string;
  readonly email: string;
  readonly isPasswordNeeded: boolean;
  readonly problem: string | undefined;
}): Html {
  return card(
    view.isPasswordNeeded ? "Choose a password" : "You are invited",
    html`${notice(view.problem)}<p class="lead">You are signing in as <strong>${view.email}</strong>.</p>
<form method="post">${tokenField(view.token)}
<input type="hidden" name="username" autocomplete="username" value="${view.email}">
${view.isPasswordNeeded ? passwordField("New password", "new-password") : ""}
<button class="full">Sign in</button></form>`,
  );
}

/** A heading and a paragraph: what became of something. */
export function messagePage(
  heading: string,
  text: string,
  link?: { path: string; label: string },
): Html {
  return card(
    heading,
    html`<p class="lead">${text}</p>${
      link ? html`<p><a class="button second" href="${link.path}">${link.label}</a></p>` : ""
    }`,
  );
}

/** For the operator: whom to let in, and the link that does. */
export function invitePage(view: {
  readonly token: string;
  readonly email: string;
  readonly problem: string | undefined;
  readonly made: { readonly url: string; readonly isMailed: boolean } | undefined;
}): Html {
  return card(
    "Invite somebody",
    html`${notice(view.problem)}${
      view.made
        ? html`<p class="notice good" role="status">${
            view.made.isMailed ? "The invitation was mailed. " : "Hand this link to "
          }${view.made.isMailed ? html`The link, should it get lost:` : html`<strong>${view.email}</strong>:`}</p>
<code class="secret">${view.made.url}</code><p class="quiet small">It works once, within seven days.</p>`
        : ""
    }<form method="post" action="/app/invite">${tokenField(view.token)}${emailField("")}
<button>Make an invitation</button></form>`,
  );
}

function emailField(value: string): Html {
  return html`<label class="field"><span>E-mail address</span><input type="email" name="email" value="${value}" autocomplete="username" autocapitalize="none" spellcheck="false" required maxlength="254"></label>`;
}

function passwordField(label: string, autocomplete: "current-password" | "new-password"): Html {
  const isNew = autocomplete === "new-password";
  return html`<label class="field"><span>${label}</span><input type="password" name="password" autocomplete="${autocomplete}" required maxlength="${PASSWORD_LENGTH_MAX}"${
    isNew ? html` minlength="${PASSWORD_LENGTH_MIN}"` : ""
  }>${isNew ? html`<small>At least ${PASSWORD_LENGTH_MIN} characters.</small>` : ""}</label>`;
}
