import { faultOfStatus, wordsIn } from "../faults.ts";
import type { Wire } from "../wire.ts";
import { encodeRequest } from "./request.ts";
import { geminiReader } from "./stream.ts";

/** @param nowSeconds seconds since 1970: the API does not say when it answered */
export function geminiWire(nowSeconds: () => number): Wire {
  return {
    encode: encodeRequest,
    reader: (_route, request) => geminiReader(request, nowSeconds),
    faultOf: (status, body) => faultOfStatus(status, wordsIn(body)),
  };
}
