/** Puts the broadcast engine together: those who ask, those who answer, and what time does. */
import { type Broadcasts, createBroadcasts } from "./broadcast.ts";
import type { BroadcastContext } from "./broadcast-context.ts";
import { createBroadcastSweeper } from "./broadcast-sweeper.ts";
import { createSlotOffers, type SlotOffers } from "./slot-offers.ts";
import type { Sweeper } from "./sweeping.ts";

export interface BroadcastEngine {
  readonly broadcasts: Broadcasts;
  readonly sweeper: Sweeper;
  /** What agents are told and say; the hub asks it, and it asks the hub. */
  readonly offers: SlotOffers;
  /** Stops what runs by itself. Live broadcasts go on elsewhere or later. */
  close(): Promise<void>;
}

export function createBroadcastEngine(context: BroadcastContext): BroadcastEngine {
  const sweeper = createBroadcastSweeper(context);
  const offers = createSlotOffers(context);
  return {
    broadcasts: createBroadcasts(context),
    sweeper,
    offers,
    async close() {
      await Promise.all([sweeper.stop(), offers.stop()]);
    },
  };
}
