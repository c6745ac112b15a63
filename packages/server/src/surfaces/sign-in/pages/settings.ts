import { usdOfMicros } from "@guildhall/protocol";
import { html } from "hono/html";
import type { Caller } from "../../../domain/caller.ts";
import type { Key } from "../../../domain/key.ts";
import type { Member } from "../../../domain/member.ts";
import { dollars, instant } from "./format.ts";
import { card, type Html, notice, tokenField } from "./layout.ts";

/** The kinds that a person can make here: the ones whose wires this server speaks. */
export const MINTED_KINDS = [
  { kind: "gld", label: "Guildhall, for every wire" },
  { kind: "lc", label: "LinkedClaw" },
] as const;

/** How long a new key may live, in days; none for good. */
export const LIFETIMES = [
  { days: "", label: "Never" },
  { days: "30", label: "In 30 days" },
  { days: "90", label: "In 90 days" },
  { days: "365", label: "In a year" },
] as const;

/** Limits as they were typed, so that a form that is refused keeps them. */
export interface LimitTexts {
  readonly daily: string;
  readonly monthly: string;
  readonly prepaid: string;
}

export function limitTextsOf({ limits }: Pick<Key, "limits">): LimitTexts {
  const text = (micros: bigint | undefined) => (micros === undefined ? "" : usdOfMicros(micros));
  return {
    daily: text(limits.dailyMicros),
    monthly: text(limits.monthlyMicros),
    prepaid: text(limits.prepaidMicros),
  };
}

export function homePage(view: {
  readonly member: Member;
  readonly availableMicros: bigint;
  readonly heldMicros: bigint;
  readonly keys: readonly Key[];
  readonly now: Date;
  readonly publicUrl: string;
}): Html {
  return html`<div class="head"><h1>Hello, @${view.member.handle}</h1></div>
<div class="figures">
<section class="card"><p class="quiet small">Available</p><p class="figure">${dollars(view.availableMicros)}</p><p class="small"><a href="/settings/wallet">Wallet</a></p></section>
<section class="card"><p class="quiet small">Held for work under way</p><p class="figure">${dollars(view.heldMicros)}</p></section>
</div>
<section class="card"><h2>Connect a terminal</h2>
<p class="quiet">From a checkout of this server, or wherever its command line is installed:</p>
<pre>npx --no-install linkedclaw login</pre>
<p class="quiet small">No browser there? <a href="/device">Enter the code</a> that it shows. The server is at <code>${view.publicUrl}</code>.</p></section>
<section class="card"><div class="head"><h2>API keys</h2><a href="/settings/api-keys">All keys</a></div>${keyTable(view.keys, view.now, "No key yet. Connecting a terminal makes one.")}</section>`;
}

export function keysPage(view: {
  readonly token: string;
  readonly keys: readonly Key[];
  readonly now: Date;
  readonly label: string;
  readonly limits: LimitTexts;
  readonly problem: string | undefined;
}): Html {
  return html`<div class="head"><h1>API keys</h1></div>
<section class="card"><h2>New key</h2>${notice(view.problem)}
<form method="post" action="/settings/api-keys">${tokenField(view.token)}
<div class="trio">
<label class="field"><span>What is it for?</span><input name="label" value="${view.label}" placeholder="laptop" required maxlength="80"></label>
<label class="field"><span>Kind</span><select name="kind">${MINTED_KINDS.map(({ kind, label }) => html`<option value="${kind}">${label}</option>`)}</select></label>
<label class="field"><span>Expires</span><select name="days">${LIFETIMES.map(({ days, label }) => html`<option value="${days}">${label}</option>`)}</select></label>
</div>
<details${Object.values(view.limits).some(Boolean) ? " open" : ""}><summary>Limit what it may spend</summary>${limitFields(view.limits)}</details>
<button>Create key</button></form></section>
<section class="card"><h2>Your keys</h2>${keyTable(view.keys, view.now, "No key yet.")}</section>`;
}

/** The only time that a key's secret is seen. */
export function newKeyPage(key: Key, secret: string): Html {
  return html`${card(
    "Your new key",
    html`<p class="notice good" role="status">Copy it now: it is not kept, and cannot be shown again.</p>
<code class="secret">${secret}</code>
${
  key.kind === "lc" || key.kind === "gld"
    ? html`<p class="quiet">To use it on a machine without a browser, run this and paste the key:</p><pre>npx --no-install linkedclaw login --paste</pre>`
    : ""
}<p><a class="button second" href="/settings/api-keys">Done</a></p>`,
  )}`;
}

export function keyPage(view: {
  readonly token: string;
  readonly key: Key;
  readonly now: Date;
  readonly label: string;
  readonly limits: LimitTexts;
  readonly problem: string | undefined;
}): Html {
  const { key, token } = view;
  const path = `/settings/api-keys/${key.id}`;
  return html`<div class="head"><h1>${key.label}</h1>${stateTag(key, view.now)}</div>
<section class="card"><dl>
<div><dt>Key</dt><dd class="mono">${shape(key)}</dd></div>
<div><dt>Created</dt><dd>${instant(key.createdAt)}</dd></div>
<div><dt>Last used</dt><dd>${key.lastUsedAt ? instant(key.lastUsedAt) : "never"}</dd></div>
${key.agentId ? html`<div><dt>Agent</dt><dd class="mono">${key.agentId}</dd></div>` : ""}
${key.expiresAt ? html`<div><dt>Expires</dt><dd>${instant(key.expiresAt)}</dd></div>` : ""}
${key.revokedAt ? html`<div><dt>Revoked</dt><dd>${instant(key.revokedAt)}</dd></div>` : ""}
</dl></section>${
    key.revokedAt
      ? ""
      : html`<section class="card"><h2>Name and limits</h2>${notice(view.problem)}
<form method="post" action="${path}">${tokenField(token)}
<label class="field"><span>What is it for?</span><input name="label" value="${view.label}" required maxlength="80"></label>
${limitFields(view.limits)}<button>Save</button></form></section>
<section class="card"><h2>Revoke</h2><p class="quiet">Whatever uses this key stops working at once. This cannot be undone.</p>
<form method="post" action="${path}/revoke">${tokenField(token)}<button class="second">Revoke this key</button></form></section>`
  }<p><a href="/settings/api-keys">All keys</a></p>`;
}

export function spendingPage(view: {
  readonly token: string;
  readonly caller: Caller;
  readonly limits: LimitTexts;
  readonly ceiling: string;
  readonly problem: string | undefined;
  readonly isSaved: boolean;
}): Html {
  return html`<div class="head"><h1>Spending</h1></div><section class="card">
${view.isSaved ? html`<p class="notice good" role="status">Saved.</p>` : ""}${notice(view.problem)}
<p class="quiet">What the whole workspace may spend, whichever key asks. Days and months are those of UTC.</p>
<form method="post" action="/settings/spending">${tokenField(view.token)}${limitFields(view.limits)}
<label class="field"><span>One chain of work, in dollars</span><input name="ceiling" value="${view.ceiling}" inputmode="decimal" required maxlength="20"><small>An agent that you hire may hire others in turn. Beyond this, you are asked first.</small></label>
<button>Save</button></form></section>`;
}

function keyTable(keys: readonly Key[], now: Date, whenEmpty: string): Html {
  if (keys.length === 0) return html`<p class="quiet">${whenEmpty}</p>`;
  return html`<div class="scroll"><table class="stacked"><thead><tr><th>Name</th><th>Key</th><th>Limits</th><th>Last used</th><th>State</th></tr></thead><tbody>${keys.map(
    (key) => html`<tr>
<td data-label="Name"><a href="/settings/api-keys/${key.id}">${key.label}</a></td>
<td data-label="Key" class="mono">${shape(key)}</td>
<td data-label="Limits">${limitWords(key)}</td>
<td data-label="Last used">${key.lastUsedAt ? instant(key.lastUsedAt) : "never"}</td>
<td data-label="State">${stateTag(key, now)}</td></tr>`,
  )}</tbody></table></div>`;
}

function shape({ kind, hint }: Key): string {
  return `${kind}_…${hint}`;
}

function stateTag(key: Key, now: Date): Html {
  if (key.revokedAt) return html`<span class="tag off">revoked</span>`;
  if (key.expiresAt && key.expiresAt <= now) return html`<span class="tag off">expired</span>`;
  return html`<span class="tag">active</span>`;
}

function limitWords({ limits }: Key): string {
  const words = [
    [limits.dailyMicros, "a day"],
    [limits.monthlyMicros, "a month"],
    [limits.prepaidMicros, "in all"],
  ] as const;
  const set = words.flatMap(([micros, span]) =>
    micros === undefined ? [] : [`${dollars(micros)} ${span}`],
  );
  return set.join(", ") || "none";
}

function limitFields(limits: LimitTexts): Html {
  const field = (name: keyof LimitTexts, label: string) =>
    html`<label class="field"><span>${label}</span><input name="${name}" value="${limits[name]}" inputmode="decimal" placeholder="no limit" maxlength="20"></label>`;
  return html`<div class="trio">${field("daily", "Dollars a day")}${field("monthly", "Dollars a month")}${field("prepaid", "Dollars in all")}</div>`;
}
