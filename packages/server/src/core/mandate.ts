/** Mandates: leave to spend on broadcasts, signed when it is given and looked up each time it is used. */
import type { Agent } from "../domain/agent.ts";
import type { Budget } from "../domain/budget.ts";
import type { Caller } from "../domain/caller.ts";
import { Fault } from "../domain/fault.ts";
import {
  type Mandate,
  type MandateState,
  mandateBody,
  mandateProblem,
  mandateStateOf,
} from "../domain/mandate.ts";
import type { Clock } from "../lib/clock.ts";
import { newId, type Random } from "../lib/random.ts";
import { findBudget } from "../store/chain.ts";
import type { Database } from "../store/database.ts";
import {
  findMandate,
  findMandateByKey,
  insertMandate,
  type MandateRecord,
  updateMandateRevoked,
} from "../store/mandate.ts";
import { budgetId, type Ledger } from "./ledger.ts";
import { sha256Hex } from "./run-context.ts";
import type { Signer } from "./signing.ts";

export interface CreateMandate {
  readonly principalAgentId: string;
  readonly delegateAgentId: string | undefined;
  readonly maxMicros: bigint;
  /** Absent: in eight days. */
  readonly expiresAt: Date | undefined;
  readonly idempotencyKey: string | undefined;
}

/** A mandate, whether it holds now, and what is held and spent under it. */
export interface MandateView {
  readonly mandate: MandateRecord;
  readonly state: MandateState;
  readonly spentMicros: bigint;
}

export interface Mandates {
  /** Throws `not_found`, `forbidden` where the agent is not the caller's, `idempotency_conflict`. */
  create(caller: Caller, command: CreateMandate): Promise<MandateView>;
  /** Throws `not_found`: a mandate of another workspace does not exist for the caller. */
  require(caller: Caller, id: string): Promise<MandateView>;
  /** From now on nothing is opened or approved under it. Revoking again changes nothing. */
  revoke(caller: Caller, id: string): Promise<MandateView>;
  /**
   * The mandate's budget, for what may be spent under it now if there is still room. Throws
   * `mandate_invalid`.
   */
  requireGood(caller: Caller, id: string, budgetMicros: bigint): Promise<Budget>;
  isRevoked(id: string): Promise<boolean>;
}

/** LinkedClaw contract §6.5. */
const LIFETIME_MS = 8 * 86_400_000;
const LIFETIME_MS_MAX = 366 * 86_400_000;

interface Dependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly signer: Signer;
  readonly ledger: Pick<Ledger, "commit" | "ensureBudgets">;
  readonly agents: {
    requireOwned(caller: Caller, id: string): Promise<Agent>;
    require(caller: Caller, id: string): Promise<Agent>;
  };
}

export function createMandates(deps: Dependencies): Mandates {
  const { database, clock } = deps;

  const toView = async (mandate: MandateRecord): Promise<MandateView> => {
    const row = await findBudget(database, budgetOf(mandate).id);
    const spentMicros = row ? row.heldMicros + row.spentMicros : 0n;
    return { mandate, state: mandateStateOf(mandate, clock.now()), spentMicros };
  };

  async function require(caller: Caller, id: string): Promise<MandateView> {
    const mandate = await findMandate(database, id);
    if (mandate?.workspaceId === caller.workspaceId) return toView(mandate);
    throw new Fault("not_found", "No such mandate.", { kind: "mandate", id });
  }

  return {
    create: async (caller, command) => toView(await createMandate(deps, caller, command)),
    require,
    async revoke(caller, id) {
      const { mandate } = await require(caller, id);
      await updateMandateRevoked(database, id, clock.now());
      await exhaust(deps, mandate);
      return require(caller, id);
    },
    async requireGood(caller, id, budgetMicros) {
      const mandate = await findMandate(database, id);
      const problem = mandate
        ? mandateProblem(mandate, caller.workspaceId, budgetMicros, clock.now())
        : "There is no such mandate of yours.";
      if (!mandate || problem) throw new Fault("mandate_invalid", problem ?? "");
      return budgetOf(mandate);
    },
    async isRevoked(id) {
      return (await findMandate(database, id))?.revokedAt !== undefined;
    },
  };
}

/** The mark may be asked for a moment too early; what is opened after that finds no room. */
async function exhaust({ ledger }: Dependencies, mandate: Mandate): Promise<void> {
  const budget = budgetOf(mandate);
  await ledger.ensureBudgets([budget]);
  const step = { kind: "limit-budget", budgetId: budget.id, limitMicros: 0n } as const;
  const done = await ledger.commit({ keyId: undefined, work: undefined, steps: [step] });
  if (!done.ok) throw new Error(`ending mandate ${mandate.id} was refused: ${done.refusal.code}`);
}

function budgetOf({ id: ownerId, maxMicros: limitMicros }: Mandate): Budget {
  const budget = { scope: "mandate", ownerId, windowStart: undefined, limitMicros } as const;
  return { ...budget, id: budgetId(budget) };
}

async function createMandate(
  deps: Dependencies,
  caller: Caller,
  command: CreateMandate,
): Promise<MandateRecord> {
  const { database, clock, random, signer, agents } = deps;
  const { principalAgentId, delegateAgentId, maxMicros, idempotencyKey } = command;
  await agents.requireOwned(caller, principalAgentId);
  if (delegateAgentId) await agents.require(caller, delegateAgentId);
  const now = clock.now();
  const expiresAt = command.expiresAt ?? new Date(now.getTime() + LIFETIME_MS);
  const lifetimeMs = expiresAt.getTime() - now.getTime();
  if (lifetimeMs <= 0 || lifetimeMs > LIFETIME_MS_MAX) {
    throw new Fault("invalid_request", "A mandate ends in the future, within a year.", {
      field: "expires_at",
    });
  }
  const mandate: Mandate = {
    id: newId(clock, random),
    workspaceId: caller.workspaceId,
    ...{ principalAgentId, delegateAgentId, maxMicros, expiresAt },
    createdAt: now,
    revokedAt: undefined,
  };
  const { text: body, keyId: signingKeyId, signature } = await signer.sign(mandateBody(mandate));
  // Not its end: a client that asks again counts its days from another moment.
  const hashed = [principalAgentId, delegateAgentId ?? null, maxMicros.toString()];
  const requestHash = idempotencyKey && sha256Hex(JSON.stringify(hashed));
  const record = { ...mandate, body, signingKeyId, signature, idempotencyKey, requestHash };
  if (await insertMandate(database, record)) return record;
  const earlier = await findMandateByKey(database, caller.workspaceId, idempotencyKey ?? "");
  if (!earlier) throw new Error("an idempotency key is taken by no mandate");
  if (earlier.requestHash === requestHash) return earlier;
  throw new Fault("idempotency_conflict", "This idempotency key came with another request.");
}
