/** Our chains -> this wire's JSON (LinkedClaw contract §6.9). */
import { prefixed } from "@guildhall/protocol";
import type { ChainTree } from "../../core/index.ts";
import type { ChainBranch, Hop } from "../../domain/chain.ts";
import { balanceCredits, chargeCredits } from "./credits.ts";

export function encodeChain(
  { chain, status, spend, branches, isCut }: ChainTree,
  publicUrl: string,
) {
  const { heldMicros, spentMicros, ceilingMicros } = spend;
  return {
    chain_id: prefixed("chn", chain.id),
    root_user_id: prefixed("usr", chain.workspaceId),
    current_spend: chargeCredits(heldMicros + spentMicros),
    escrowed: chargeCredits(heldMicros),
    // No ceiling is no number.
    ceiling: ceilingMicros === undefined ? null : balanceCredits(ceilingMicros),
    status,
    needed: chain.refused ? chargeCredits(chain.refused.neededMicros) : null,
    hops: branches.map(encodeHop),
    has_more_hops: isCut,
    resume_endpoint: `${publicUrl}/chains/${prefixed("chn", chain.id)}`,
    created_at: chain.createdAt.toISOString(),
    closed_at: chain.closedAt?.toISOString() ?? null,
  };
}

// biome-ignore format: read as a table
const HOP_WORDS: Readonly<Partial<Record<Hop["shape"], { readonly kind: string; readonly prefix: string }>>> = {
  run:       { kind: "invoke",     prefix: "inv" },
  session:   { kind: "session",    prefix: "ses" },
  broadcast: { kind: "gig_task",   prefix: "gig" },
  slot:      { kind: "gig_result", prefix: "res" },
};

function encodeHop({ hop, isNamed, depth }: ChainBranch) {
  const words = HOP_WORDS[hop.shape] ?? { kind: hop.shape, prefix: hop.shape };
  return {
    kind: words.kind,
    // Ids of strangers' work are their own: they could be asked about.
    id: isNamed ? prefixed(words.prefix, hop.id) : null,
    depth,
    status: hop.state,
    agent_id: hop.agentId ? prefixed("agt", hop.agentId) : null,
    agent_name: hop.agentName ?? null,
    capability: isNamed ? hop.capability : null,
    credits_charged: chargeCredits(hop.spentMicros),
    credits_escrowed: chargeCredits(hop.heldMicros),
    created_at: hop.createdAt.toISOString(),
  };
}
