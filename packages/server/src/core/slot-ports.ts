/** What is said about broadcasts between core and providers' connections, whichever wire they speak. */
import type { FaultCode } from "@guildhall/protocol";
import type { LinkIdentity } from "./ports.ts";

/** A broadcast as a provider is told of it. */
export interface ToldBroadcast {
  readonly broadcastId: string;
  readonly capability: string;
  readonly instruction: string;
  /** `undefined` where it is too long to be shown to everybody; a slot always has it. */
  readonly params: unknown;
  readonly resultSchema: unknown;
  readonly payment: string;
  readonly slotMicros: bigint;
  readonly stakeMicros: bigint;
  readonly requesterWorkspaceId: string;
  /** The names of its seats, where they have any. */
  readonly slotKeys: readonly string[] | undefined;
  readonly deadlineAt: Date;
}

/** What a provider is told about broadcasts. The same may be told again, on whichever connection. */
export type SlotTelling =
  | { readonly kind: "announced"; readonly broadcast: ToldBroadcast; readonly until: Date }
  | {
      readonly kind: "withdrawn";
      readonly broadcastId: string;
      readonly code: FaultCode;
      readonly message: string;
    }
  /** A seat is its own: it may begin. */
  | {
      readonly kind: "slot";
      readonly slotId: string;
      readonly slotKey: string | undefined;
      readonly broadcast: ToldBroadcast;
      readonly chainId: string;
      readonly executeBy: Date;
      /** Whether it was claimed over the agent's connection, and not by a request of its own. */
      readonly isByLink: boolean;
    }
  | {
      readonly kind: "filled";
      readonly slotId: string;
      readonly outcome: "ok" | "late" | "refused";
      readonly message: string;
    }
  | {
      readonly kind: "revoked";
      readonly broadcastId: string;
      readonly slotId: string;
      readonly reason: string;
    };

/** What a provider says about broadcasts. */
export type SlotSays =
  | {
      readonly kind: "slot-claimed";
      readonly broadcastId: string;
      readonly slotKey: string | undefined;
    }
  | { readonly kind: "slot-passed"; readonly broadcastId: string; readonly isBusy: boolean }
  | { readonly kind: "slot-filled"; readonly slotId: string; readonly result: unknown }
  | {
      readonly kind: "slot-given-up";
      /** Where the wire has no id of the slot, its broadcast says which of the agent's it is. */
      readonly slotId: string | undefined;
      readonly broadcastId: string | undefined;
      readonly code: string;
      readonly message: string;
    };

/** What providers' connections tell the broadcast engine. Any of it may be repeated. */
export interface SlotEvents {
  /** What to answer, if anything. Throws where it should be said again a little later. */
  said(link: LinkIdentity, says: SlotSays): Promise<SlotTelling | undefined>;
  /** An agent has identified: it is told what there is to do, soon. */
  attached(link: LinkIdentity): void;
}

/** Reaches the providers that are connected to this process. */
export interface SlotDispatcher {
  connected(): readonly LinkIdentity[];
  /** `false` when this process does not hold this connection. */
  tellSlot(link: LinkIdentity, telling: SlotTelling): boolean;
}
