/**
 * Mandates: leave to spend on broadcasts, given in the name of an agent by whoever owns it. What was
 * said is signed, so that anyone can check it offline; whether it still holds is for the server to say.
 */

export interface Mandate {
  readonly id: string;
  readonly workspaceId: string;
  /** The agent in whose name it is given. */
  readonly principalAgentId: string;
  /** The agent that acts by it, where it is another one. */
  readonly delegateAgentId: string | undefined;
  /** The most that all broadcasts under it may cost together: the limit of its budget. */
  readonly maxMicros: bigint;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly revokedAt: Date | undefined;
}

export type MandateState = "active" | "expired" | "revoked";

export function mandateStateOf(mandate: Mandate, now: Date): MandateState {
  if (mandate.revokedAt && mandate.revokedAt <= now) return "revoked";
  return mandate.expiresAt <= now ? "expired" : "active";
}

/** What is signed. Amounts are decimal text: JSON numbers lose the last digits of large ones. */
export function mandateBody(mandate: Mandate): Readonly<Record<string, unknown>> {
  return {
    version: 1,
    kind: "mandate",
    mandate_id: mandate.id,
    workspace_id: mandate.workspaceId,
    principal_agent_id: mandate.principalAgentId,
    delegate_agent_id: mandate.delegateAgentId ?? null,
    max_micros: mandate.maxMicros.toString(),
    created_at: mandate.createdAt.toISOString(),
    expires_at: mandate.expiresAt.toISOString(),
  };
}

/** What is wrong with doing this under the mandate, in words, or `undefined`. */
export function mandateProblem(
  mandate: Mandate,
  workspaceId: string,
  budgetMicros: bigint,
  now: Date,
): string | undefined {
  if (mandate.workspaceId !== workspaceId) return "There is no such mandate of yours.";
  const state = mandateStateOf(mandate, now);
  if (state !== "active") return `The mandate is ${state}.`;
  if (mandate.maxMicros < budgetMicros) return "The mandate allows less than the task may cost.";
  return undefined;
}
