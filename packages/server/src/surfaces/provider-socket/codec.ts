/** The native provider protocol as the hub's words: `protocol/frames.ts` says what it is. */
import {
  decodeProviderFrame,
  LIMITS,
  PROVIDER_PROTOCOL,
  type ProviderFrame,
  type ProviderSlotFrame,
  type ServerFrame,
} from "@guildhall/protocol";
import type { ProviderSays } from "../../core/index.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Heard, ProviderCodec, Wire } from "../shared/provider-socket.ts";
import { encodeTelling, type SaidInSession, toSessionSays } from "./sessions.ts";
import { encodeSlotTelling, toSlotSays } from "./slots.ts";

/** A chunk and its envelope: type, run, attempt, sequence number. */
const CHUNK_FRAME_BYTES_MAX = LIMITS.chunkBytesMax + 256;

export function createNativeWire(clock: Clock): Wire {
  return {
    name: "native",
    frameBytesMax: LIMITS.frameBytesMax,
    hasCredit: true,
    createCodec: () => createCodec(clock),
  };
}

function createCodec(clock: Clock): ProviderCodec {
  return {
    introduce(message) {
      const decoded = decodeProviderFrame(message);
      if (!decoded.ok) return { closing: "protocol_error", problem: decoded.problem };
      const { frame } = decoded;
      if (frame.type !== "identify") {
        return { closing: "protocol_error", problem: "The first frame has to identify." };
      }
      if (frame.protocol !== PROVIDER_PROTOCOL) {
        const problem = `This server speaks version ${PROVIDER_PROTOCOL} of the protocol.`;
        return { closing: "version_mismatch", problem };
      }
      const { key: secret, agent: agentId, client = "", concurrency } = frame;
      return { secret, agentId, client, concurrency };
    },
    hear,
    welcome: ({ agentId, epoch }) =>
      encode({
        type: "welcome",
        protocol: PROVIDER_PROTOCOL,
        agent: agentId,
        epoch,
        heartbeatMs: LIMITS.heartbeatMs,
        missMs: LIMITS.heartbeatMissMs,
        frameBytesMax: LIMITS.frameBytesMax,
      }),
    offer: (offer) =>
      encode({
        type: "offer",
        run: offer.runId,
        attempt: offer.attempt,
        capability: offer.capability,
        input: offer.input,
        manifest: offer.manifest,
        requester: offer.requesterWorkspaceId,
        chain: offer.chainId,
        maxMicros: offer.maxMicros.toString(),
        deadline: offer.deadlineAt.toISOString(),
        remainingMs: Math.max(0, offer.deadlineAt.getTime() - clock.now().getTime()),
        timeoutSeconds: offer.timeoutSeconds,
        chunks: {
          next: offer.chunksTaken ?? 0,
          until: (offer.chunksTaken ?? 0) + LIMITS.chunkCreditsDefault,
        },
      }),
    tell: (telling) => encode(encodeTelling(telling, clock)),
    // A message without a number came by no frame of this wire.
    taken: (session, number, _turn, outcome) => encode({ type: "taken", session, number, outcome }),
    cancel: (run, attempt, reason) => encode({ type: "cancel", run, attempt, reason }),
    credit: (run, attempt, until) => encode({ type: "credit", run, attempt, until }),
    settled: (run, attempt, outcome) => encode({ type: "settled", run, attempt, outcome }),
    tellSlot(telling) {
      const frame = encodeSlotTelling(telling, clock);
      return frame && encode(frame);
    },
    notice: (code, message, session) =>
      encode({ type: "notice", code, message, ...(session !== undefined && { session }) }),
    closing: (code, message) =>
      code === "goodbye" ? undefined : encode({ type: "rejected", code, message }),
  };
}

function encode(frame: ServerFrame): string {
  return JSON.stringify(frame);
}

function notice(code: string, message: string): Heard {
  return { kind: "nonsense", reply: encode({ type: "notice", code, message }) };
}

function badOutput(run: string, attempt: number, message: string): Heard {
  const code = "provider_bad_output";
  return { kind: "says", says: { kind: "failed", runId: run, attempt, code, message } };
}

function hear(message: string): Heard {
  const decoded = decodeProviderFrame(message);
  if (!decoded.ok) {
    const { code, problem, about } = decoded;
    // Better the run fails now, and says why, than that its requester waits for the deadline.
    return about ? badOutput(about.run, about.attempt, problem) : notice(code, problem);
  }
  const { frame } = decoded;
  if (frame.type === "chunk" && Buffer.byteLength(message) > CHUNK_FRAME_BYTES_MAX) {
    return badOutput(frame.run, frame.attempt, `A chunk is beyond ${LIMITS.chunkBytesMax} bytes.`);
  }
  switch (frame.type) {
    case "heartbeat":
      return { kind: "heartbeat", reply: encode({ type: "heartbeat" }) };
    case "identify":
      return notice("bad_frame", "You have identified already.");
    case "take":
    case "decline":
    case "message":
    case "fail":
    case "quote":
    case "bill":
      return { kind: "says", says: toSessionSays(frame) };
    case "claim":
    case "pass":
    case "fill":
    case "give-up":
      return { kind: "says", says: toSlotSays(frame) };
    default:
      return { kind: "says", says: toSays(frame) };
  }
}

type Said = Exclude<
  ProviderFrame,
  SaidInSession | ProviderSlotFrame | { readonly type: "heartbeat" } | { readonly type: "identify" }
>;

function toSays(frame: Said): ProviderSays {
  if (frame.type === "resume") {
    const runs = frame.runs.map(({ run, attempt }) => ({ runId: run, attempt }));
    return { kind: "resume", runs, sessionIds: frame.sessions ?? [] };
  }
  if (frame.type === "goodbye") return { kind: "goodbye", reason: frame.reason ?? "" };
  const of = { runId: frame.run, attempt: frame.attempt };
  switch (frame.type) {
    case "accept":
      return { kind: "accepted", ...of };
    case "refuse":
      return { kind: "refused", ...of, code: frame.code, message: frame.message ?? "" };
    case "chunk":
      return { kind: "chunk", ...of, seq: frame.seq, data: frame.data };
    case "error":
      return { kind: "failed", ...of, code: frame.code, message: frame.message };
    case "result": {
      const { output, evidence, usage } = frame;
      return { kind: "succeeded", ...of, answer: { output, evidence, ...(usage && { usage }) } };
    }
  }
}
