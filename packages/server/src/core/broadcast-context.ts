/** What the parts of the broadcast engine share. */
import { LIMITS } from "@guildhall/protocol";
import type { Agent } from "../domain/agent.ts";
import type { Caller } from "../domain/caller.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Random } from "../lib/random.ts";
import type { Database } from "../store/database.ts";
import type { InputFiles } from "./input-files.ts";
import type { Ledger } from "./ledger.ts";
import type { Mandates } from "./mandate.ts";
import type { Bus } from "./ports.ts";
import type { Schemas } from "./schema.ts";

export interface BroadcastContext {
  readonly database: Database;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly bus: Bus;
  readonly files: InputFiles;
  readonly schemas: Schemas;
  readonly agents: {
    requireOwned(caller: Caller, id: string): Promise<Agent>;
  };
  readonly mandates: Mandates;
  readonly feeBasisPoints: number;
  /** Broadcasts that one workspace may have open. */
  readonly openMax: number;
  /** How long an agent has for its work, and a requester for a verdict. */
  readonly executeSeconds: number;
  readonly reviewSeconds: number;
}

/** The bus subject on which all processes are told that something about a broadcast has changed. */
export const BROADCAST_CHANGED = "broadcasts.changed";

/** Says that a broadcast has something to look at: a free seat, a slot that was taken or is over. */
export function announce({ bus }: BroadcastContext, broadcastId: string): void {
  bus.publish(BROADCAST_CHANGED, { broadcastId });
}

export const BROADCAST_LIMITS = {
  /** Each seat has a hold, and a command that opens them all has at most 64 steps. */
  targetMax: 60,
  /** An agent may try again after a result of its that came to nothing, but not for ever. */
  slotsPerAgentMax: 3,
  /** Seats of one broadcast that can be taken, one after the other, for each that is wanted. */
  roundsMax: 10,
  /** Results of one broadcast in one answer: all of them, unless many were rejected. */
  resultsCharactersMax: 60 * LIMITS.slotResultCharactersMax,
  deadlineMsDefault: 86_400_000,
  deadlineMsMax: 30 * 86_400_000,
} as const;
