/** Our values -> this wire's JSON (LinkedClaw contract §6). */
import { prefixed } from "@guildhall/protocol";
import type { ListedAgent, RunView, SignedReceipt } from "../../core/index.ts";
import type { Agent, Capability } from "../../domain/agent.ts";
import type { Price } from "../../domain/price.ts";
import { chargeCredits } from "./credits.ts";

/** What a provider wrote, as it would write it again. */
export function encodeListing(agent: Agent): Record<string, unknown> {
  return {
    slug: agent.slug,
    agent_name: agent.name,
    description: agent.description,
    capabilities: agent.capabilities.map(({ slug }) => slug),
    capabilities_meta: Object.fromEntries(
      agent.capabilities.map((capability) => [capability.slug, encodeCapability(capability)]),
    ),
    ...agent.extra,
  };
}

/** The Counterparty Card. */
export function encodeCard(agent: ListedAgent): Record<string, unknown> {
  const modes = agent.capabilities.map(({ slug, modes: list }) => [slug, { modes: list }]);
  return {
    agent_id: prefixed("agt", agent.id),
    ...encodeListing(agent),
    owner_user_id: prefixed("usr", agent.workspaceId),
    interaction_modes: Object.fromEntries(modes),
    trust_score: agent.trust.score,
    status: statusOf(agent),
    last_heartbeat_at: agent.lastSeenAt?.toISOString() ?? null,
    created_at: agent.createdAt.toISOString(),
    updated_at: agent.updatedAt.toISOString(),
  };
}

function statusOf(agent: ListedAgent): string {
  if (agent.suspendedAt) return "suspended";
  return agent.isOnline ? "online" : "offline";
}

function encodeCapability({ description, price, inputSchema, outputSchema }: Capability): object {
  return {
    description,
    schema_url: inputSchema?.url ?? null,
    schema_digest: inputSchema ? `sha256:${inputSchema.digest}` : null,
    ...(outputSchema && {
      output_schema_url: outputSchema.url,
      output_schema_digest: `sha256:${outputSchema.digest}`,
    }),
    ...encodePrice(price),
  };
}

function encodePrice(price: Price): object {
  if (price.kind === "free") return { curve: [], open_quote: false };
  if (price.kind === "open-quote") {
    return {
      open_quote: true,
      estimate_credits: creditsOrNull(price.estimateMicros),
      ceiling_credits: creditsOrNull(price.ceilingMicros),
    };
  }
  const curve = price.tiers.map((tier) => ({
    tier_name: tier.name,
    ...(tier.quality !== undefined && { quality: tier.quality }),
    cost_shape: tier.shape,
    cost_amount: chargeCredits(tier.amountMicros),
  }));
  return { curve, open_quote: false };
}

function creditsOrNull(micros: bigint | undefined): number | null {
  return micros === undefined ? null : chargeCredits(micros);
}

export function encodeTrust({ id, trust }: ListedAgent): object {
  const count = trust.succeeded + trust.failed;
  return {
    agent_id: prefixed("agt", id),
    trust_score: trust.score,
    completed_sessions: trust.endedSessions,
    completed_invokes: trust.succeeded - trust.approvedSlots - trust.endedSessions,
    completed_gig_results: trust.approvedSlots,
    approval_rate: count > 0 ? trust.succeeded / count : null,
    dispute_count: 0,
    updated_at: trust.updatedAt.toISOString(),
  };
}

/** The answer to an invoke that succeeded. */
export function encodeInvoked(view: RunView): object {
  return {
    invoke_id: prefixed("inv", view.run.id),
    result: view.output ?? null,
    credits_charged: chargeCredits(view.chargedMicros),
    receipt_id: prefixed("rct", view.run.id),
    evidence: view.evidence ?? null,
  };
}

/** An invoke that is looked up, whatever became of it. */
export function encodeInvokeState(view: RunView, codeOf: (code: string) => string): object {
  const { run, fault } = view;
  return {
    ...encodeInvoked(view),
    status: run.state,
    agent_id: prefixed("agt", run.agentId),
    capability: run.capability,
    chain_id: prefixed("chn", run.chainId),
    error: fault ? { code: codeOf(fault.code), message: fault.message } : null,
    created_at: run.createdAt.toISOString(),
    deadline_at: run.deadlineAt?.toISOString() ?? null,
    finished_at: view.finishedAt?.toISOString() ?? null,
  };
}

const RECEIPT_KINDS = { run: "invoke", session: "session", slot: "gig_result" } as const;

export function encodeReceipt(signed: SignedReceipt, codeOf: (code: string) => string): object {
  const { receipt } = signed;
  const durationMs = Date.parse(receipt.finished_at) - Date.parse(receipt.opened_at);
  return {
    receipt_id: prefixed("rct", receipt.receipt_id),
    kind: RECEIPT_KINDS[receipt.kind],
    agent_id: prefixed("agt", receipt.agent_id),
    requester_user_id: prefixed("usr", receipt.requester_workspace_id),
    capability: receipt.capability,
    status: receipt.state,
    credits_charged: chargeCredits(BigInt(receipt.charged_micros)),
    credits_refunded: chargeCredits(BigInt(receipt.returned_micros)),
    duration_ms: durationMs,
    error_code: receipt.error_code ? codeOf(receipt.error_code) : null,
    error_message: signed.errorMessage ?? null,
    chain_id: prefixed("chn", receipt.chain_id),
    evidence: signed.evidence === undefined ? null : JSON.parse(signed.evidence),
    created_at: receipt.opened_at,
    finished_at: receipt.finished_at,
    // What `guildhall receipt verify` checks offline.
    receipt,
    key_id: signed.keyId,
    signature: signed.signature,
  };
}
