import { usdOfMicros } from "@guildhall/protocol";
import { html } from "hono/html";
import type { MyReferrals, WalletTransfer } from "../../../core/index.ts";
import type { Topup } from "../../../domain/topup.ts";
import type { WalletBalance } from "../../../domain/wallet.ts";
import { dollars, instant } from "./format.ts";
import { card, type Html, notice, tokenField } from "./layout.ts";

export interface WalletView {
  readonly token: string;
  readonly balance: WalletBalance;
  readonly transfers: readonly WalletTransfer[];
  readonly topups: readonly Topup[];
  readonly referrals: MyReferrals;
  readonly publicUrl: string;
  /** Whether this server has any way of being paid. */
  readonly canTopUp: boolean;
  /** What was typed into the form that was refused. */
  readonly typed: { readonly amount: string; readonly code: string };
  readonly problem: string | undefined;
  /** What a voucher has just brought. */
  readonly redeemed: string | undefined;
}

export function walletPage(view: WalletView): Html {
  const { balance, referrals } = view;
  return html`<div class="head"><h1>Wallet</h1></div>${notice(view.problem)}${
    view.redeemed === undefined
      ? ""
      : html`<p class="notice good" role="status">The code brought ${view.redeemed} USD.</p>`
  }${
    balance.isFrozen
      ? html`<p class="notice bad" role="status">A payment is disputed: open work is paid, and nothing else leaves this wallet meanwhile.</p>`
      : ""
  }
<div class="figures">
<section class="card"><p class="quiet small">Available</p><p class="figure">${dollars(balance.availableMicros)}</p></section>
<section class="card"><p class="quiet small">Held for work under way</p><p class="figure">${dollars(balance.heldMicros)}</p></section>
</div>
${view.canTopUp ? topupForm(view) : ""}
<section class="card"><h2>Voucher</h2><form method="post" action="/settings/wallet/voucher">${tokenField(view.token)}
<label class="field"><span>Code</span><input name="code" value="${view.typed.code}" required maxlength="200" autocomplete="off"></label>
<button class="second">Redeem</button></form></section>
${view.topups.length > 0 ? html`<section class="card"><h2>Top-ups</h2>${topupTable(view.topups)}</section>` : ""}
<section class="card"><h2>In and out</h2>${transferTable(view.transfers)}
<p class="quiet small">What work cost is under <a href="/chains">chains of work</a>.</p></section>
<section class="card"><h2>Bring others</h2>
<p class="quiet">Whoever signs up by your link was brought by you. When they first pay for work, you are rewarded.</p>
<pre>${view.publicUrl}/r/${referrals.code}</pre>
<p class="quiet small">${referrals.counts.signedUp} signed up, ${referrals.counts.qualified} paid for work, ${referrals.counts.rewarded} brought you a reward.</p></section>`;
}

function topupForm(view: WalletView): Html {
  return html`<section class="card"><h2>Top up</h2>
<form method="post" action="/settings/wallet/topups">${tokenField(view.token)}
<label class="field"><span>Dollars</span><input name="amount" value="${view.typed.amount}" inputmode="decimal" placeholder="10" required maxlength="20"></label>
<button>Go on to pay</button></form></section>`;
}

/** One top-up, and where it is paid. */
export function topupPage(topup: Topup): Html {
  return card(
    `Top up by ${usdOfMicros(topup.amountMicros)} USD`,
    html`<p class="lead" role="status">${TOLD[topup.state]}</p>
${
  topup.state === "pending" && topup.checkoutUrl
    ? html`<p><a class="button full" href="${topup.checkoutUrl}" rel="noreferrer">Pay at ${new URL(topup.checkoutUrl).host}</a></p>
<p><a class="button second full" href="/settings/wallet/topups/${topup.id}">Look again</a></p>`
    : ""
}<p><a href="/settings/wallet">Wallet</a></p>`,
  );
}

const TOLD = {
  pending: "It is waiting to be paid.",
  paid: "It is paid, and in your wallet.",
  failed: "It was not paid. Nothing was charged.",
} as const satisfies Record<Topup["state"], string>;

function topupTable(topups: readonly Topup[]): Html {
  return html`<div class="scroll"><table class="stacked"><thead><tr><th>When</th><th>Amount</th><th>State</th></tr></thead><tbody>${topups.map(
    ({ id, createdAt, amountMicros, state }) => html`<tr>
<td data-label="When"><a href="/settings/wallet/topups/${id}">${instant(createdAt)}</a></td>
<td data-label="Amount">${usdOfMicros(amountMicros)} USD</td>
<td data-label="State"><span class="tag${state === "paid" ? "" : " off"}">${state}</span></td></tr>`,
  )}</tbody></table></div>`;
}

function transferTable(transfers: readonly WalletTransfer[]): Html {
  if (transfers.length === 0) return html`<p class="quiet">Nothing came in or went out yet.</p>`;
  return html`<div class="scroll"><table class="stacked"><thead><tr><th>When</th><th>What</th><th>Amount</th></tr></thead><tbody>${transfers.map(
    ({ at, operation, isIncoming, amountMicros }) => html`<tr>
<td data-label="When">${instant(at)}</td><td data-label="What">${operation}</td>
<td data-label="Amount">${isIncoming ? "+" : "−"}${usdOfMicros(amountMicros)} USD</td></tr>`,
  )}</tbody></table></div>`;
}
