/** A session at any point of its life, for tests of what the rules make of it. */
import type {
  Session,
  SessionHold,
  SessionLog,
  SessionStanding,
  SessionState,
} from "../../src/domain/session.ts";
import type { SessionTerms } from "../../src/domain/session-terms.ts";

export const REQUESTER = "a".repeat(24);
export const PROVIDER = "b".repeat(24);
const ID = "c".repeat(24);

export interface Scene {
  readonly state?: SessionState;
  readonly terms?: SessionTerms;
  readonly messagesMax?: number;
  readonly log?: Partial<SessionLog>;
  /** What was held, and is still; nothing is held where it is absent. */
  readonly heldMicros?: bigint | undefined;
  readonly isHoldOpen?: boolean;
  readonly invoice?: SessionStanding["invoice"];
  readonly agreedAt?: Date | undefined;
  readonly closedAt?: Date | undefined;
}

/** What is not said is usual: a free session that began at the epoch and in which nothing happened. */
export function standingOf(scene: Scene = {}): SessionStanding {
  const { terms = { shape: "free" }, messagesMax = 5, heldMicros, isHoldOpen = true } = scene;
  const hold = heldMicros === undefined ? undefined : holdOf(heldMicros, isHoldOpen);
  return {
    session: sessionOf(terms, messagesMax),
    work: {
      ...{ state: scene.state ?? "active", version: 7, attempt: 2 },
      ...{ processId: "process", deadlineAt: undefined },
    },
    log: logOf(scene.log ?? {}),
    hold,
    agreedAt: scene.agreedAt,
    invoice: scene.invoice,
    closedAt: scene.closedAt,
  };
}

export function logOf(rest: Partial<SessionLog>): SessionLog {
  return {
    ...{ events: 0, lastSeq: 0, lastNumber: 0, used: 0, answered: 0, openTurns: [] },
    ...{ lastAt: new Date(0), warnedAt: undefined, capHitAt: undefined, offeredUntil: undefined },
    ...{ offers: 0, closing: undefined, ...rest },
  };
}

function sessionOf(terms: SessionTerms, messagesMax: number): Session {
  return {
    ...{ id: ID, workspaceId: REQUESTER, agentId: "d".repeat(24), providerWorkspaceId: PROVIDER },
    ...{ capability: "chat", chainId: ID, parentId: undefined, previousId: undefined },
    ...{ keyId: undefined, terms, schedule: { kind: "free" }, messagesMax, feeBasisPoints: 250 },
    ...{ referredBy: undefined, mandateId: undefined, createdAt: new Date(0) },
  };
}

function holdOf(amountMicros: bigint, isOpen: boolean): SessionHold {
  const terms = {
    ...{ id: ID, workId: ID, accountId: REQUESTER, feeBasisPoints: 250, budgetIds: [] },
    deadlineAt: undefined,
  };
  return { terms, amountMicros, capturedMicros: 0n, isOpen };
}
