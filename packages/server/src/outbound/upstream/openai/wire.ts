import { faultOfStatus, wordsIn } from "../faults.ts";
import type { Wire } from "../wire.ts";
import { encodeRequest } from "./request.ts";
import { openaiReader } from "./stream.ts";

export const OPENAI_WIRE: Wire = {
  encode: encodeRequest,
  reader: openaiReader,
  faultOf: (status, body) => faultOfStatus(status, wordsIn(body)),
};
