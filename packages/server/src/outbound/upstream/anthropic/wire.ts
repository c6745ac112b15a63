import { faultOfStatus, wordsIn } from "../faults.ts";
import type { Wire } from "../wire.ts";
import { encodeRequest } from "./request.ts";
import { anthropicReader } from "./stream.ts";

/** @param nowSeconds seconds since 1970, for answers that are worded anew */
export function anthropicWire(nowSeconds: () => number): Wire {
  return {
    encode: encodeRequest,
    reader: (_route, request) => anthropicReader(request, nowSeconds),
    faultOf: (status, body) => faultOfStatus(status, wordsIn(body)),
  };
}
