/** What calls of models cost, as the operator sets it. */
import { Fault } from "../domain/fault.ts";
import { isModelName } from "../domain/model.ts";
import type { Clock } from "../lib/clock.ts";
import type { Database } from "../store/database.ts";
import {
  deleteModelPrice,
  listModelPrices,
  type ModelPrice,
  upsertModelPrice,
} from "../store/model-price.ts";

export interface ModelPrices {
  /** From now on; calls that are open keep the price that they were opened at. @throws {Fault} `invalid_request` */
  set(price: ModelPrice): Promise<void>;
  list(): Promise<readonly ModelPrice[]>;
  /** @throws {Fault} `not_found` */
  remove(model: string): Promise<void>;
}

/** A million US dollars for a million tokens: beyond it a price is a mistake. */
const RATE_MICROS_MAX = 1_000_000_000_000n;

export function createModelPrices(deps: {
  readonly database: Database;
  readonly clock: Clock;
  /** Prices have changed: every process looks again. */
  readonly changed: () => void;
}): ModelPrices {
  const { database, clock, changed } = deps;
  return {
    async set(price) {
      if (!isModelName(price.model)) throw invalid("model", "A model is named vendor/model.");
      const { inputMicros, cachedMicros, outputMicros, requestMicros } = price;
      for (const micros of [inputMicros, cachedMicros, outputMicros, requestMicros]) {
        if (micros < 0n || micros > RATE_MICROS_MAX) throw invalid("price", "This is no price.");
      }
      await database.transaction((tx) => upsertModelPrice(tx, price, clock.now()));
      changed();
    },

    list: () => listModelPrices(database),

    async remove(model) {
      const wasThere = await database.transaction((tx) => deleteModelPrice(tx, model));
      if (!wasThere) {
        throw new Fault("not_found", "The model has no price.", { kind: "price", id: model });
      }
      changed();
    },
  };
}

function invalid(field: string, message: string): Fault {
  return new Fault("invalid_request", message, { field });
}
