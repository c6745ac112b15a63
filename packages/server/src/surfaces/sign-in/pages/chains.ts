import { prefixed, usdOfMicros } from "@guildhall/protocol";
import { html } from "hono/html";
import type { ChainTree, ChainView } from "../../../core/index.ts";
import type { ChainBranch, ChainStatus } from "../../../domain/chain.ts";
import { dollars, instant } from "./format.ts";
import { type Html, notice, tokenField } from "./layout.ts";

export function chainsPage(view: {
  readonly chains: readonly ChainView[];
  readonly hasMore: boolean;
}): Html {
  const last = view.chains.at(-1);
  return html`<div class="head"><h1>Chains of work</h1></div>
<p class="quiet">Each request of yours begins a chain: agents that you hire may hire others in turn, all under one ceiling.</p>
<section class="card">${
    view.chains.length === 0
      ? html`<p class="quiet">Nothing was asked for yet.</p>`
      : html`<div class="scroll"><table class="stacked"><thead><tr><th>Begun</th><th>Chain</th><th>Cost</th><th>Ceiling</th><th>State</th></tr></thead><tbody>${view.chains.map(
          ({ chain, spend, status }) => html`<tr>
<td data-label="Begun">${instant(chain.createdAt)}</td>
<td data-label="Chain" class="mono"><a href="/chains/${prefixed("chn", chain.id)}">${prefixed("chn", chain.id)}</a></td>
<td data-label="Cost">${price(spend.spentMicros + spend.heldMicros)}</td>
<td data-label="Ceiling">${ceilingWords(spend.ceilingMicros)}</td>
<td data-label="State">${statusTag(status)}</td></tr>`,
        )}</tbody></table></div>`
  }${view.hasMore && last ? html`<p><a href="/chains?before=${prefixed("chn", last.chain.id)}">Older chains</a></p>` : ""}</section>`;
}

export function chainPage(view: {
  readonly token: string;
  readonly tree: ChainTree;
  readonly ceilingMicrosMax: bigint;
  /** What was typed as a ceiling, where it could not be read. */
  readonly typed: string | undefined;
  readonly problem: string | undefined;
}): Html {
  const { tree } = view;
  const { chain, spend, status } = tree;
  const total = spend.spentMicros + spend.heldMicros;
  return html`<div class="head"><h1>Chain of work</h1>${statusTag(status)}</div>
<p class="quiet mono">${prefixed("chn", chain.id)}</p>${askedNotice(tree)}
<div class="figures">
<section class="card"><p class="quiet small">Paid</p><p class="figure">${price(spend.spentMicros)}</p></section>
<section class="card"><p class="quiet small">Held for work under way</p><p class="figure">${price(spend.heldMicros)}</p></section>
<section class="card"><p class="quiet small">Ceiling</p><p class="figure">${ceilingWords(spend.ceilingMicros)}</p></section>
</div>${
    spend.ceilingMicros === undefined
      ? ""
      : html`<meter min="0" max="${Number(spend.ceilingMicros > 0n ? spend.ceilingMicros : 1n)}" value="${Number(total)}" aria-label="${price(total)} of ${ceilingWords(spend.ceilingMicros)}"></meter>`
  }
<section class="card"><h2>Work</h2>${hopTable(tree.branches)}${
    tree.isCut ? html`<p class="quiet small">There is more than is shown.</p>` : ""
  }<p class="quiet small">Of what others asked for on your account you see what it cost and how it went, not who did it.</p></section>
${decisions(view, total)}<p><a href="/chains">All chains</a></p>`;
}

function askedNotice({ chain, status }: ChainTree): Html | "" {
  if (status !== "capped" || !chain.refused) return "";
  return html`<p class="notice bad" role="status">A request for ${price(chain.refused.neededMicros)} was refused on ${instant(chain.refused.at)}: it would have gone beyond the ceiling. Raise it and have the same request made again, or leave it at that.</p>`;
}

function decisions(
  { token, tree, typed, problem, ceilingMicrosMax }: Parameters<typeof chainPage>[0],
  total: bigint,
) {
  const { chain, spend, status } = tree;
  const path = `/chains/${prefixed("chn", chain.id)}`;
  return html`<section class="card"><h2>${status === "closed" ? "Open it again" : "Ceiling"}</h2>${notice(problem)}
<form method="post" action="${path}/approve">${tokenField(token)}
<label class="field"><span>All of this chain may cost, in dollars</span><input name="ceiling" value="${typed ?? usdOfMicros(suggestion(tree, total, ceilingMicrosMax))}" inputmode="decimal" maxlength="20"></label>
<button name="how" value="set">Set the ceiling</button>${
    spend.ceilingMicros === undefined
      ? ""
      : html` <button name="how" value="lift" class="second">No ceiling for this chain</button>`
  }</form></section>${
    status === "closed"
      ? ""
      : html`<section class="card"><h2>Close</h2><p class="quiet">Nothing more begins on this chain's account. What is under way goes on, and is paid from what is held for it.</p>
<form method="post" action="${path}/close">${tokenField(token)}<button class="second">Close this chain</button></form></section>`
  }`;
}

/** Twice what there was, and at least what was asked for. */
function suggestion({ chain, spend }: ChainTree, total: bigint, mostMicros: bigint): bigint {
  const doubled = (spend.ceilingMicros ?? total) * 2n;
  const needed = total + (chain.refused?.neededMicros ?? 0n);
  const wanted = doubled > needed ? doubled : needed;
  return wanted < mostMicros ? wanted : mostMicros;
}

function hopTable(branches: readonly ChainBranch[]): Html {
  return html`<div class="scroll"><table class="stacked"><thead><tr><th>What</th><th>Agent</th><th>Paid</th><th>Held</th><th>State</th></tr></thead><tbody>${branches.map(
    ({ hop, depth, isNamed }) => html`<tr>
<td data-label="What"><span aria-label="${depth === 0 ? "asked for by you" : `hired by what is above, ${depth} deep`}">${indent(depth)}</span>${SHAPES[hop.shape] ?? hop.shape}${isNamed ? html` <span class="mono small">${hop.capability}</span>` : ""}</td>
<td data-label="Agent">${hop.agentName ?? html`<span class="quiet">${hop.shape === "broadcast" ? "several" : "–"}</span>`}</td>
<td data-label="Paid">${price(hop.spentMicros)}</td>
<td data-label="Held">${price(hop.heldMicros)}</td>
<td data-label="State">${hop.state.replaceAll("_", " ")}</td></tr>`,
  )}</tbody></table></div>`;
}

const SHAPES: Readonly<Record<string, string>> = {
  run: "Call",
  session: "Session",
  broadcast: "Broadcast",
  slot: "Result",
};

const INDENTS_MAX = 12;

function indent(depth: number): string {
  return depth === 0 ? "" : `${"\u2003".repeat(Math.min(depth, INDENTS_MAX) - 1)}└ `;
}

/** Cents are too coarse for what one call costs. */
function price(micros: bigint): string {
  return micros % 10_000n === 0n ? dollars(micros) : `$${usdOfMicros(micros)}`;
}

function ceilingWords(ceilingMicros: bigint | undefined): string {
  return ceilingMicros === undefined ? "none" : dollars(ceilingMicros);
}

const STATUS_WORDS: Readonly<Record<ChainStatus, string>> = {
  open: "open",
  capped: "at its ceiling",
  approved: "approved by you",
  closed: "closed",
};

function statusTag(status: ChainStatus): Html {
  const isOff = status === "capped" || status === "closed";
  return html`<span class="tag${isOff ? " off" : ""}">${STATUS_WORDS[status]}</span>`;
}
