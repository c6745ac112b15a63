/** Nodes' frames as the hub's words, and back (OpenMarlin contract §9). */
import type { IncomingMessage } from "node:http";
import { LIMITS, type LinkClosing, prefixed, unprefixed } from "@guildhall/protocol";
import type { ExecutionInput, NodeDraft, ProviderSays, RunOffer } from "../../../core/index.ts";
import type { Clock } from "../../../lib/clock.ts";
import type { Heard, Introduction, ProviderCodec, Wire } from "../../shared/provider-socket.ts";
import {
  NODE_FRAME_BYTES_MAX,
  NODE_PROTOCOL,
  type NodeFrame,
  type NodeHello,
  readHello,
  readNodeFrame,
} from "./frames.ts";

/** Where nodes connect. */
export const NODES_PATH = "/v1/providers/connect";

/** What a node's introduction says beside who it is. */
export interface NodeIntroduction extends Introduction {
  readonly node: NodeDraft;
}

/** A node that failed in its own words fails; these it has in common with us. */
// biome-ignore format: read as a table
const FAILURES: Readonly<Record<string, "provider_timeout" | "provider_bad_output">> = {
  execution_timeout: "provider_timeout",
  timeout:           "provider_timeout",
};
/** Said before it accepted, it has not begun. */
const BUSY = new Set(["busy", "provider_busy", "overloaded"]);

export function createNodeWire(clock: Clock): Wire {
  return {
    name: "openmarlin",
    frameBytesMax: NODE_FRAME_BYTES_MAX,
    hasCredit: false,
    // The contract has 4001 for who is replaced, which is the code of a bad key elsewhere.
    closeCodes: { replaced: 4001, unauthenticated: 4003 },
    createCodec: (request) => new NodeCodec(bearerOf(request), clock),
  };
}

class NodeCodec implements ProviderCodec {
  readonly #secret: string;
  readonly #clock: Clock;
  /** The attempt of each run that is in the node's hands: its frames do not name it. */
  readonly #attempts = new Map<string, number>();

  constructor(secret: string, clock: Clock) {
    this.#secret = secret;
    this.#clock = clock;
  }

  introduce(
    message: string,
  ): NodeIntroduction | { readonly closing: LinkClosing; readonly problem: string } {
    const read = readHello(message);
    if (!read.ok) return { closing: "protocol_error", problem: read.problem };
    const { frame } = read;
    if (frame.protocol !== NODE_PROTOCOL) {
      const problem = `This server speaks version ${NODE_PROTOCOL} of the protocol.`;
      return { closing: "version_mismatch", problem };
    }
    const { client = "", max_concurrency: concurrency } = frame;
    return { secret: this.#secret, agentId: "", client, concurrency, node: toDraft(frame) };
  }

  hear(message: string): Heard {
    const read = readNodeFrame(message);
    if (read.ok) return this.#heard(read.frame);
    const { problem, requestId } = read;
    const of = requestId === undefined ? undefined : this.#runOf(requestId);
    // Better the run fails now, and says why, than that its requester waits for the deadline.
    if (of) return says({ kind: "failed", ...of, code: "provider_bad_output", message: problem });
    return { kind: "nonsense", reply: this.notice("invalid_frame", problem) };
  }

  welcome(): string {
    return encode({ type: "welcome", protocol: NODE_PROTOCOL, heartbeat_ms: LIMITS.heartbeatMs });
  }

  offer({ runId, attempt, input, capability, deadlineAt }: RunOffer): string {
    this.#attempts.set(runId, attempt);
    const { is_streamed, timeout_ms: _asked, ...asked } = input as ExecutionInput;
    const leftMs = Math.max(1, deadlineAt.getTime() - this.#clock.now().getTime());
    return encode({
      ...{ type: "execution.request", request_id: prefixed("req", runId), kind: capability },
      ...{ ...asked, stream: is_streamed, timeout_ms: leftMs },
    });
  }

  cancel(runId: string, _attempt: number, reason: string): string {
    this.#attempts.delete(runId);
    return encode({ type: "execution.cancel", request_id: prefixed("req", runId), reason });
  }

  credit(): undefined {}

  settled(runId: string): undefined {
    this.#attempts.delete(runId);
  }

  tell(): undefined {}
  taken(): undefined {}
  tellSlot(): undefined {}

  notice(code: string, message: string): string {
    return encode({ type: "notice", error: code, message });
  }

  closing(closing: LinkClosing, message: string, isIdentified: boolean): string {
    return encode({ type: isIdentified ? "closing" : "reject", error: closing, message });
  }

  #heard(frame: NodeFrame): Heard {
    if (frame.type === "ping") return { kind: "heartbeat", reply: encode({ type: "pong" }) };
    if (frame.type === "pong") return { kind: "ignored" };
    if (frame.type === "goodbye") return says({ kind: "goodbye", reason: frame.reason });
    if (frame.type === "update") {
      const { models, labels } = frame;
      return { kind: "update", update: { ...(models && { models }), ...(labels && { labels }) } };
    }
    const of = this.#runOf(frame.request_id);
    // It was told that this one is over, or makes it up.
    if (!of) return { kind: "ignored" };
    return says(toSays(of, frame));
  }

  #runOf(requestId: string): { readonly runId: string; readonly attempt: number } | undefined {
    const runId = unprefixed("req", requestId);
    const attempt = runId === undefined ? undefined : this.#attempts.get(runId);
    return runId !== undefined && attempt !== undefined ? { runId, attempt } : undefined;
  }
}

type Executing = Extract<NodeFrame, { request_id: string }>;

function toSays(
  of: { readonly runId: string; readonly attempt: number },
  frame: Executing,
): ProviderSays {
  switch (frame.type) {
    case "execution.accepted":
      return { kind: "accepted", ...of };
    case "execution.chunk":
      return { kind: "chunk", ...of, seq: frame.sequence, data: frame.text };
    case "execution.end": {
      const { output, metadata, usage } = frame;
      const answer = { output: output ?? null, evidence: metadata, ...(usage && { usage }) };
      return { kind: "succeeded", ...of, answer };
    }
    case "execution.error": {
      const { error, message } = frame;
      const words = message === "" ? error : `${error}: ${message}`;
      if (BUSY.has(error)) return { kind: "refused", ...of, code: "provider_busy", message: words };
      return { kind: "failed", ...of, code: FAILURES[error] ?? "provider_failed", message: words };
    }
  }
}

function toDraft(hello: NodeHello): NodeDraft {
  return {
    providerId: hello.provider_id,
    kinds: hello.kinds,
    models: hello.models,
    defaultModel: hello.default_model ?? undefined,
    labels: hello.labels,
    concurrency: hello.max_concurrency,
  };
}

/** What a node shows when it opens its connection. */
function bearerOf({ headers }: IncomingMessage): string {
  return /^Bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1] ?? "";
}

function says(what: ProviderSays): Heard {
  return { kind: "says", says: what };
}

function encode(frame: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(frame);
}
