export { LINK_CLOSINGS, type LinkClosing, linkClosingOf } from "./closings.ts";
export { corkedTurns } from "./corked.ts";
export { FAULT_CODES, type FaultCode, IS_TRANSIENT } from "./fault-codes.ts";
export {
  type Decoded,
  decodeProviderFrame,
  decodeServerFrame,
  PROVIDER_PATH,
  PROVIDER_PROTOCOL,
  type ProviderFrame,
  RUN_FAILURES,
  RUN_REFUSALS,
  SESSION_SHAPES,
  type ServerFrame,
} from "./frames.ts";
export { isId, prefixed, unprefixed } from "./ids.ts";
export { jsonProblem, type ParsedJson, parseJson } from "./json.ts";
export { LIMITS } from "./limits.ts";
export { MICROS_PER_USD, microsOfUsd, unitsDown, unitsUp, usdOfMicros } from "./money.ts";
export {
  type ProviderSlotFrame,
  type ServerSlotFrame,
  SLOT_FAILURES,
  SLOT_REFUSALS,
} from "./slot-frames.ts";
