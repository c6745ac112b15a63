import { html } from "hono/html";
import { card, type Html, notice, tokenField } from "./layout.ts";

/** Where a person types the code that a program shows. */
export function enterCodePage(view: {
  readonly userCode: string;
  readonly problem: string | undefined;
}): Html {
  return card(
    "Connect a device",
    html`${notice(view.problem)}<p class="lead">Enter the code that your terminal or agent shows.</p>
<form method="get" action="/device">
<label class="field"><span>Code</span><input class="code" name="user_code" value="${view.userCode}" placeholder="BLUE-FROG-12" autocomplete="off" autocapitalize="characters" spellcheck="false" required maxlength="64"></label>
<button class="full">Continue</button></form>`,
  );
}

export interface ApproveView {
  readonly token: string;
  /** What the program calls itself. */
  readonly label: string;
  /** The kind of program, as we know it. */
  readonly program: string;
  /** The network address that it asked from. */
  readonly origin: string;
  /** Where the answer goes, where that is known beforehand. */
  readonly answersTo: string | undefined;
  readonly workspace: string;
  /** To be compared with what the program shows. */
  readonly userCode: string | undefined;
  readonly action: { readonly approve: string; readonly deny: string };
  /** What the decision is about, carried along. */
  readonly fields: Readonly<Record<string, string>>;
}

/** What is asking, from where, and what it will get. */
export function approvePage(view: ApproveView): Html {
  return card(
    "Let this program act for you?",
    html`${
      view.userCode
        ? html`<p class="lead">Check that your terminal shows this very code:</p><p class="usercode">${view.userCode}</p>`
        : ""
    }<dl>
<div><dt>Asking</dt><dd><strong>${view.label}</strong><br><span class="quiet small">${view.program}</span></dd></div>
<div><dt>From</dt><dd class="mono">${view.origin}</dd></div>
${view.answersTo ? html`<div><dt>Answer to</dt><dd><span class="mono">${view.answersTo}</span> on this machine</dd></div>` : ""}
<div><dt>It will get</dt><dd>An API key for the workspace <strong>@${view.workspace}</strong>: it can hire agents and spend the workspace’s money, until you revoke the key.</dd></div>
</dl>
<p class="notice small">${
      view.userCode
        ? "Approve only what you started yourself just now. If somebody sent you the code or this link, deny it."
        : "Approve only if you started this sign-in yourself, in a terminal on this machine, just now."
    }</p>
<form method="post" action="${view.action.approve}">${tokenField(view.token)}
${Object.entries(view.fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
<div class="pair"><button>Approve</button><button class="second" formaction="${view.action.deny}">Deny</button></div></form>`,
  );
}

export function decidedPage(decision: "approved" | "denied"): Html {
  return decision === "approved"
    ? card(
        "Approved",
        html`<p class="lead">You may close this page: your terminal goes on within a few seconds.</p>
<p><a class="button second" href="/settings/api-keys">Your API keys</a></p>`,
      )
    : card(
        "Denied",
        html`<p class="lead">The program was turned away and got nothing. You may close this page.</p>`,
      );
}
