import type { Caller } from "../domain/caller.ts";
import { Fault } from "../domain/fault.ts";

/** Who may connect as which agent. */
export type Identify = (claimed: { readonly secret: string; readonly agentId: string }) => Promise<{
  readonly agentId: string;
  readonly workspaceId: string;
  readonly keyId: string | undefined;
}>;

/**
 * Checks that a key may act for an agent. Throws `unauthenticated`, `suspended`, `forbidden`, or
 * `not_found` where there is no such agent.
 */
export function createIdentify(deps: {
  readonly authenticate: (secret: string) => Promise<Caller>;
  /** Throws `not_found`, or `forbidden` where the caller may not act for the agent. */
  readonly requireOwned: (
    caller: Caller,
    agentId: string,
  ) => Promise<{ readonly suspendedAt: Date | undefined }>;
}): Identify {
  return async ({ secret, agentId }) => {
    const caller = await deps.authenticate(secret);
    const { suspendedAt } = await deps.requireOwned(caller, agentId);
    if (suspendedAt) throw new Fault("suspended", "This agent is suspended by the operator.");
    return { agentId, workspaceId: caller.workspaceId, keyId: caller.keyId };
  };
}
