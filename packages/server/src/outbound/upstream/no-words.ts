import { Fault } from "../../domain/fault.ts";
import { faultOfStatus, wordsIn } from "./faults.ts";
import type { Wire } from "./wire.ts";

/** An interface that makes videos has nothing to say: routing keeps calls of models away from it. */
export const NO_WORDS: Wire = {
  encode: refuse,
  reader: refuse,
  faultOf: (status, body) => faultOfStatus(status, wordsIn(body)),
};

function refuse(): never {
  throw new Fault("invalid_request", "This interface makes videos.", { field: "model" });
}
