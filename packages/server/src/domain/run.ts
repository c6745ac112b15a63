/**
 * Runs: one piece of paid work by one provider for one requester.
 *
 *   1. A run opens with its price held. From here on it is acknowledged: asking for it always answers.
 *   2. It is offered to its agent. A run that was sent is never offered to another provider, unless
 *      it was refused before acceptance.
 *   3. It ends once: the provider is paid and the rest of the hold is free again, or all of it is.
 *
 * This file decides; the ledger compares and sets.
 */

import { HOUSE_ACCOUNTS, walletOf } from "./account.ts";
import type { SchemaReference } from "./agent.ts";
import type { HoldTerms, Step, WorkChange } from "./command.ts";
import { Fault } from "./fault.ts";
import type { ModelCall } from "./model.ts";

export type RunState = "queued" | "running" | "succeeded" | "failed" | "cancelled" | "expired";
export type RunEvent = "dispatch" | "adopt" | "succeed" | "fail" | "cancel" | "expire";

/** Every state times every event. `null` means the event is refused in that state. */
// biome-ignore format: read as a table
export const RUN_TRANSITIONS: Record<RunState, Record<RunEvent, RunState | null>> = {
  queued:    { dispatch: "running", adopt: "queued",  succeed: null,        fail: "failed", cancel: "cancelled", expire: "expired" },
  running:   { dispatch: null,      adopt: "running", succeed: "succeeded", fail: "failed", cancel: "cancelled", expire: "expired" },
  succeeded: { dispatch: null,      adopt: null,      succeed: null,        fail: null,     cancel: null,        expire: null },
  failed:    { dispatch: null,      adopt: null,      succeed: null,        fail: null,     cancel: null,        expire: null },
  cancelled: { dispatch: null,      adopt: null,      succeed: null,        fail: null,     cancel: null,        expire: null },
  expired:   { dispatch: null,      adopt: null,      succeed: null,        fail: null,     cancel: null,        expire: null },
};

/** What of a run does not change, and where it stands. */
export interface Run {
  readonly id: string;
  readonly workspaceId: string;
  readonly agentId: string;
  readonly providerWorkspaceId: string;
  readonly capability: string;
  readonly chainId: string;
  /** The work that was being done when this one was asked for, or `undefined` at a chain's root. */
  readonly parentId: string | undefined;
  readonly keyId: string | undefined;
  readonly manifestId: string | undefined;
  /** What is held for it: the price, or of a call of a model the most that it may come to. */
  readonly priceMicros: bigint;
  readonly hold: HoldTerms;
  /** What makes it the call of a model, paid by usage. */
  readonly call: ModelCall | undefined;
  readonly timeoutSeconds: number;
  readonly inputDigest: string;
  readonly outputSchema: SchemaReference | undefined;
  readonly referredBy: string | undefined;
  readonly createdAt: Date;
  readonly state: RunState;
  readonly version: number;
  readonly attempt: number;
  readonly processId: string | undefined;
  /** `undefined` once the run has ended. */
  readonly deadlineAt: Date | undefined;
}

/** How a run ended, beside its state. */
export interface RunResult {
  readonly output: unknown;
  readonly evidence: unknown;
  readonly errorCode: string | undefined;
  readonly errorMessage: string | undefined;
  readonly finishedAt: Date;
}

/** The name of the transfer that pays for a run. */
export const RUN_PAYMENT = "payment";

export function isTerminal(state: RunState): boolean {
  return Object.values(RUN_TRANSITIONS[state]).every((next) => next === null);
}

/**
 * What an event does to a run: its next state and the steps that go with it. `chargeMicros` is what is
 * paid at its end, no more than is held: the price where it succeeded and nothing where it did not, if
 * nothing else is said. Throws `conflict`.
 */
export function decideRun(
  run: Run,
  event: RunEvent,
  processId: string | undefined,
  chargeMicros = event === "succeed" ? run.priceMicros : 0n,
): { work: WorkChange; steps: readonly Step[] } {
  const state = RUN_TRANSITIONS[run.state][event];
  if (state === null) {
    throw new Fault("conflict", `The run is ${run.state}; it cannot ${event} any more.`);
  }
  const hasEnded = isTerminal(state);
  return {
    work: {
      id: run.id,
      shape: "run",
      expectedVersion: run.version,
      state,
      deadlineAt: hasEnded ? undefined : run.deadlineAt,
      processId,
      attempt: event === "dispatch" ? run.attempt + 1 : run.attempt,
    },
    steps: hasEnded ? settleRun(run, chargeMicros) : [],
  };
}

function settleRun(run: Run, chargeMicros: bigint): readonly Step[] {
  const close: Step = { kind: "close-hold", hold: run.hold };
  if (chargeMicros === 0n) return [close];
  const capture: Step = {
    kind: "capture-hold",
    hold: run.hold,
    amountMicros: chargeMicros,
    toAccountId: walletOf(run.providerWorkspaceId),
    feeAccountId: HOUSE_ACCOUNTS.fees,
    name: RUN_PAYMENT,
  };
  return [capture, close];
}
