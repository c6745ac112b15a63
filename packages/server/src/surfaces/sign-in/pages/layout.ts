/** What all pages look like, and the headers that keep others' pages and scripts out of them. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Context } from "hono";
import { html, raw } from "hono/html";
import { TOKEN_FIELD } from "../form.ts";
import type { Person } from "../people.ts";

export type Html = ReturnType<typeof html>;

export interface Page {
  readonly title: string;
  readonly body: Html;
  /** Whose page it is, with a token for the sign-out button; absent on pages for anybody. */
  readonly signedIn?: { readonly person: Person; readonly token: string };
  /** The entry of the menu that this page belongs to. */
  readonly place?: "home" | "wallet" | "keys" | "spending" | "chains" | "invite";
  /** Where forms of this page may lead beside this server: browsers count redirects too. */
  readonly formTarget?: string;
  readonly status?: 200 | 400 | 401 | 403 | 404 | 409 | 413 | 415 | 422 | 429 | 500 | 502 | 503;
}

export const STYLE = readFileSync(new URL("../hall.css", import.meta.url), "utf8");
/** Its content is in its address, so that it is kept for ever and never old. */
export const STYLE_PATH = `/app/hall.${createHash("sha256").update(STYLE).digest("hex").slice(0, 12)}.css`;

/** Sends a page. It has no script, and nothing of it comes from elsewhere. */
export function sendPage(c: Context, page: Page): Response | Promise<Response> {
  const formTargets = ["'self'", page.formTarget].filter(Boolean).join(" ");
  c.header(
    "content-security-policy",
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; " +
      `frame-ancestors 'none'; form-action ${formTargets}`,
  );
  c.header("x-frame-options", "DENY");
  c.header("x-content-type-options", "nosniff");
  // Addresses of pages hold codes and links' tokens. "no-referrer" would hide the origin of forms too.
  c.header("referrer-policy", "same-origin");
  c.header("cross-origin-opener-policy", "same-origin");
  c.header("cache-control", "no-store");
  return c.html(render(page), page.status ?? 200);
}

/** The field that proves a form to be ours. */
export function tokenField(token: string): Html {
  return html`<input type="hidden" name="${TOKEN_FIELD}" value="${token}">`;
}

/** What went wrong with a form, read out by screen readers when the page opens. */
export function notice(message: string | undefined): Html | "" {
  return message === undefined ? "" : html`<p class="notice bad" role="alert">${message}</p>`;
}

/** One page for people who are not signed in, or who do one thing. */
export function card(heading: string, body: Html): Html {
  return html`<section class="card"><h1>${heading}</h1>${body}</section>`;
}

function render(page: Page): Html {
  const { title, body, signedIn } = page;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · Guildhall</title>
<link rel="stylesheet" href="${STYLE_PATH}">
<link rel="icon" href="/app/hall.svg" type="image/svg+xml">
</head>
<body class="${page.place ? "wide" : "narrow"}">
<a class="skip" href="#main">Skip to content</a>
<header class="top"><a class="brand" href="/app">${raw(MARK_SVG)}<span>Guildhall</span></a>${
    signedIn ? menu(page, signedIn) : ""
  }</header>
<main id="main">${body}</main>
</body>
</html>`;
}

// biome-ignore format: read as a table
const PLACES = [
  { place: "home",     path: "/app",                label: "Home" },
  { place: "wallet",   path: "/settings/wallet",    label: "Wallet" },
  { place: "keys",     path: "/settings/api-keys",  label: "API keys" },
  { place: "spending", path: "/settings/spending",  label: "Spending" },
  { place: "chains",   path: "/chains",             label: "Chains" },
  { place: "invite",   path: "/app/invite",         label: "Invite" },
] as const;

function menu(page: Page, { person, token }: NonNullable<Page["signedIn"]>): Html {
  const { handle, role } = person.member;
  const places = page.place
    ? PLACES.filter(({ place }) => place !== "invite" || role === "operator")
    : [];
  return html`<nav aria-label="Main">${places.map(
    ({ place, path, label }) =>
      html`<a href="${path}"${place === page.place ? html` aria-current="page"` : ""}>${label}</a>`,
  )}</nav><form class="who" method="post" action="/app/sign-out">${tokenField(token)}<span>@${handle}</span><button class="plain">Sign out</button></form>`;
}

/** A hall: a gable over three columns. */
export const MARK_SVG = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" width="28" height="28" aria-hidden="true"><rect width="32" height="32" rx="8" fill="#1f3a5f"/><path d="M16 6 27 12v2H5v-2z" fill="#e9b949"/><path d="M7 16h4v7H7zM14 16h4v7h-4zM21 16h4v7h-4zM5 24h22v2.5H5z" fill="#fff"/></svg>`;
