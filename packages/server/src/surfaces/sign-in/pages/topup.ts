import { usdOfMicros } from "@guildhall/protocol";
import { html } from "hono/html";
import type { Topup } from "../../../domain/topup.ts";
import { card, type Html } from "./layout.ts";

const STATES = {
  pending: "Nobody has paid it yet.",
  paid: "It is paid, and the credit is in the wallet.",
  failed: "The payment failed. Nothing was credited.",
} as const satisfies Record<Topup["state"], string>;

/** A development server's stand-in for a page where one pays: two buttons, and no money. */
export function devTopupPage({ id, amountMicros, state }: Topup): Html {
  return card(
    `Top up by ${usdOfMicros(amountMicros)} USD`,
    html`<p class="lead" role="status">${STATES[state]}</p>
${
  state === "pending"
    ? html`<form method="post" action="/dev/topup/${id}/pay"><button class="full">Pay</button></form>
<form method="post" action="/dev/topup/${id}/fail"><button class="second full">Let it fail</button></form>`
    : ""
}
<p class="quiet small">This is a development server: paying here costs nothing.</p>`,
  );
}
