export {
  type Capability,
  type CapabilityContext,
  CapabilityError,
  type CapabilityErrorCode,
  type FetchedFile,
  type FileReference,
  type JsonObject,
} from "./capability.ts";
export {
  createHouse,
  HOUSE_CAPABILITIES,
  HOUSE_CONCURRENCY,
  HOUSE_QUEUES,
  type House,
  type HouseContext,
} from "./house.ts";
