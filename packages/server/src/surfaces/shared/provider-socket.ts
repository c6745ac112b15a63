/**
 * A provider's WebSocket, whichever wire it speaks.
 *
 *   1. A place is asked for: too many sockets, or opened too fast, and it is told so and closed.
 *   2. The first message has to identify, soon. While who it is gets looked up, nothing more is read.
 *   3. From then on messages are translated by the wire's codec and handed to the hub.
 *   4. Whoever ends it, the hub is told once, and the place is given back once.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { corkedTurns, LIMITS, LINK_CLOSINGS, type LinkClosing } from "@guildhall/protocol";
import { type RawData, WebSocket, WebSocketServer } from "ws";
import type {
  LinkIdentity,
  LinkReceiver,
  ProviderHub,
  ProviderLink,
  ProviderSays,
  RunOffer,
  SessionTelling,
  SlotTelling,
  StandingSession,
} from "../../core/index.ts";
import { Fault } from "../../domain/fault.ts";
import type { Log } from "../../lib/log.ts";
import type { Admission, Ticket } from "./admission.ts";
import { Brake } from "./provider-brake.ts";

/** What a first message said. */
export interface Introduction {
  readonly secret: string;
  /** Empty where the wire names agents in another way, which its `identify` knows. */
  readonly agentId: string;
  readonly client: string;
  readonly concurrency: number | undefined;
}

/** What a later message comes to. */
export type Heard =
  | { readonly kind: "says"; readonly says: ProviderSays }
  /** Nothing for the hub; `reply` is sent back as it is. */
  | { readonly kind: "heartbeat"; readonly reply: string }
  /** It describes itself anew, in the wire's own way. */
  | { readonly kind: "update"; readonly update: unknown }
  /** Not to be understood. */
  | { readonly kind: "nonsense"; readonly reply: string }
  | { readonly kind: "ignored" };

/** Who somebody is who introduced itself. */
export interface Identified {
  readonly agentId: string;
  readonly workspaceId: string;
  readonly keyId: string | undefined;
}

/** One connection's translator between a wire and the hub. A frame the wire has no word for is `undefined`. */
export interface ProviderCodec {
  introduce(
    message: string,
  ): Introduction | { readonly closing: LinkClosing; readonly problem: string };
  hear(message: string): Heard;
  welcome(identity: LinkIdentity, sessions: readonly StandingSession[]): string;
  tell(telling: SessionTelling): string | undefined;
  taken(
    sessionId: string,
    number: number,
    turn: number,
    outcome: "ok" | "late",
  ): string | undefined;
  offer(offer: RunOffer): string;
  cancel(runId: string, attempt: number, reason: string): string | undefined;
  credit(runId: string, attempt: number, until: number): string | undefined;
  settled(runId: string, attempt: number, outcome: "ok" | "late"): string | undefined;
  tellSlot(telling: SlotTelling): string | undefined;
  notice(code: string, message: string, sessionId?: string): string;
  /** The last frame. `isIdentified` tells a rejection at the door from an end later on. */
  closing(closing: LinkClosing, message: string, isIdentified: boolean): string | undefined;
}

export interface ProviderSocketParts {
  readonly hub: ProviderHub;
  /** Throws `unauthenticated`, `suspended`, `forbidden`, `not_found`, `invalid_request`. */
  readonly identify: (introduction: Introduction) => Promise<Identified>;
  /** Takes in how an agent describes itself anew. Throws `invalid_request`. */
  readonly update?: (agentId: string, update: unknown) => Promise<void>;
  readonly admission: Admission;
  /** The address to count a connection for. */
  readonly addressOf: (request: IncomingMessage) => string;
  readonly log: Log;
  /** How long a new socket may take to identify; unless given, `LIMITS.identifyMs`. */
  readonly identifyMs?: number;
}

export interface Wire {
  /** For operators to see who speaks what. */
  readonly name: string;
  readonly frameBytesMax: number;
  /** Whether its providers are told how much output they may send. Others are not read for a while. */
  readonly hasCredit: boolean;
  /** The codes that connections are closed with, where the wire has its own. */
  readonly closeCodes?: Readonly<Partial<Record<LinkClosing, number>>>;
  /** The reasons beside those codes, where the wire has its own words. */
  readonly closeWords?: Readonly<Record<LinkClosing, string>>;
  /** A codec for a connection that was asked for in this way. */
  createCodec(request: IncomingMessage): ProviderCodec;
}

export interface ProviderSockets {
  /** Takes over a socket whose HTTP upgrade was asked for. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  stop(): void;
}

/** Long enough for the last frame to arrive and be answered; then the socket is torn down. */
const CLOSE_GRACE_MS = 2_000;

/** Accepts one wire's provider connections. */
export function createProviderSockets(wire: Wire, parts: ProviderSocketParts): ProviderSockets {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: wire.frameBytesMax,
    perMessageDeflate: false,
  });
  const open = new Set<ProviderSocket>();
  // Some clients send heartbeats as seldom as they are missed: a pong is a sign of life as well.
  const pings = setInterval(() => {
    for (const socket of open) socket.ping();
  }, LIMITS.heartbeatMs);
  pings.unref();
  return {
    upgrade(request, socket, head) {
      server.handleUpgrade(request, socket, head, (ws) => {
        const ticket = parts.admission.enter(parts.addressOf(request));
        const provider = new ProviderSocket(ws, socket, wire, wire.createCodec(request), parts);
        open.add(provider);
        ws.on("close", () => open.delete(provider));
        if ("problem" in ticket) provider.close("rate_limited", ticket.problem);
        else provider.wait(ticket);
      });
    },
    stop() {
      clearInterval(pings);
      server.close();
      for (const socket of open) socket.close("restart", "The server stops.");
    },
  };
}

class ProviderSocket implements ProviderLink {
  readonly #ws: WebSocket;
  readonly #cork: () => void;
  readonly #wire: Wire;
  readonly #codec: ProviderCodec;
  readonly #parts: ProviderSocketParts;
  readonly #brake: Brake;
  #receiver: LinkReceiver | undefined;
  #agentId = "";
  #isIdentifying = false;
  #isClosed = false;
  /** What came in one read with the introduction: no more, since nothing is read until it is over. */
  readonly #early: string[] = [];

  constructor(
    ws: WebSocket,
    socket: Duplex,
    wire: Wire,
    codec: ProviderCodec,
    parts: ProviderSocketParts,
  ) {
    this.#ws = ws;
    this.#cork = corkedTurns(socket);
    this.#wire = wire;
    this.#codec = codec;
    this.#brake = new Brake(!wire.hasCredit);
    this.#parts = parts;
    // An `error` is followed by `close`, which says all there is to do.
    ws.on("error", (error) => parts.log.debug({ error }, "a provider's socket failed"));
  }

  /** Waits for the first message. */
  wait(ticket: Ticket): void {
    const timeout = setTimeout(
      () => this.close("identify_timeout", "You did not identify in time."),
      this.#parts.identifyMs ?? LIMITS.identifyMs,
    );
    this.#ws.on("close", () => {
      this.#isClosed = true;
      clearTimeout(timeout);
      ticket.leave();
      this.#receiver?.closed();
    });
    this.#ws.on("pong", () => this.#receiver?.alive());
    this.#ws.on("message", (data: RawData, isBinary) => {
      if (this.#ws.readyState !== WebSocket.OPEN) return;
      if (isBinary) {
        this.close("protocol_error", "Frames are text.");
      } else if (this.#receiver) {
        this.#admit(this.#receiver, data.toString());
      } else if (this.#isIdentifying) {
        this.#early.push(data.toString());
      } else {
        this.#isIdentifying = true;
        clearTimeout(timeout);
        void this.#introduce(data.toString(), ticket);
      }
    });
  }

  ping(): void {
    if (this.#ws.readyState === WebSocket.OPEN) this.#ws.ping();
  }

  welcome(identity: LinkIdentity, sessions: readonly StandingSession[]): void {
    this.#send(this.#codec.welcome(identity, sessions));
  }

  tell(telling: SessionTelling): void {
    this.#send(this.#codec.tell(telling));
  }

  taken(sessionId: string, number: number, turn: number, outcome: "ok" | "late"): void {
    this.#send(this.#codec.taken(sessionId, number, turn, outcome));
  }

  offer(offer: RunOffer): void {
    this.#brake.offered(offer);
    this.#send(this.#codec.offer(offer));
  }

  cancel(runId: string, attempt: number, reason: string): void {
    this.#send(this.#codec.cancel(runId, attempt, reason));
    if (this.#brake.ended(runId)) this.#readOn();
  }

  credit(runId: string, attempt: number, until: number): void {
    this.#send(this.#codec.credit(runId, attempt, until));
    if (this.#brake.granted(runId, until)) this.#readOn();
  }

  settled(runId: string, attempt: number, outcome: "ok" | "late"): void {
    this.#send(this.#codec.settled(runId, attempt, outcome));
    if (this.#brake.ended(runId)) this.#readOn();
  }

  tellSlot(telling: SlotTelling): void {
    this.#send(this.#codec.tellSlot(telling));
  }

  notice(code: string, message: string, sessionId?: string): void {
    this.#send(this.#codec.notice(code, message, sessionId));
  }

  close(closing: LinkClosing, message: string): void {
    if (this.#ws.readyState !== WebSocket.OPEN) return;
    this.#send(this.#codec.closing(closing, message, this.#receiver !== undefined));
    this.#ws.resume();
    const { closeCodes, closeWords } = this.#wire;
    const code = closeCodes?.[closing] ?? LINK_CLOSINGS[closing].code;
    this.#ws.close(code, closeWords?.[closing] ?? closing);
    const timeout = setTimeout(() => this.#ws.terminate(), CLOSE_GRACE_MS);
    this.#ws.on("close", () => clearTimeout(timeout));
  }

  bufferedBytes(): number {
    return this.#ws.bufferedAmount;
  }

  async #introduce(message: string, ticket: Ticket): Promise<void> {
    const introduction = this.#codec.introduce(message);
    if ("closing" in introduction) {
      this.close(introduction.closing, introduction.problem);
      return;
    }
    // What comes meanwhile stays in the network's buffers: an unknown peer gets none of ours.
    this.#ws.pause();
    try {
      await this.#attach(introduction, ticket);
    } catch (error) {
      this.#refuse(error);
    } finally {
      this.#ws.resume();
    }
  }

  async #attach(introduction: Introduction, ticket: Ticket): Promise<void> {
    const { hub, identify } = this.#parts;
    const { client, concurrency } = introduction;
    const { agentId, workspaceId, keyId } = await identify(introduction);
    if (this.#ws.readyState !== WebSocket.OPEN) return;
    if (!ticket.claim(workspaceId)) {
      this.close("rate_limited", "Too many connections of one workspace.");
      return;
    }
    const wire = this.#wire.name;
    const opening = { agentId, workspaceId, keyId, wire, client, concurrency };
    this.#agentId = agentId;
    const receiver = await hub.attach(this, opening);
    this.#receiver = receiver;
    // It may have gone while it was attached, when there was nobody yet to tell.
    if (this.#isClosed) receiver.closed();
    for (const message of this.#early.splice(0)) this.#admit(receiver, message);
  }

  /** Tells why somebody is not let in; a bug of ours is told as no more than that. */
  #refuse(error: unknown): void {
    const code = error instanceof Fault ? (error as Fault).code : "internal";
    if (error instanceof Fault && code === "invalid_request") {
      this.close("protocol_error", error.message);
      return;
    }
    if (error instanceof Fault && isDoorClosing(code)) {
      this.close(code, error.message);
      return;
    }
    this.#parts.log.error({ error }, "a provider could not be attached");
    this.close("internal", "Something went wrong on our side. Come back in a moment.");
  }

  #admit(receiver: LinkReceiver, message: string): void {
    receiver.alive();
    if (!receiver.admit()) return;
    if (this.#brake.isOn) this.#brake.hold(message);
    else this.#hear(receiver, message);
  }

  #hear(receiver: LinkReceiver, message: string): void {
    const heard = this.#codec.hear(message);
    if (heard.kind === "says") {
      receiver.receive(heard.says, message.length);
      if (this.#brake.sent(heard.says)) this.#ws.pause();
    } else if (heard.kind === "update") {
      void this.#update(heard.update);
    } else if (heard.kind !== "ignored") {
      this.#send(heard.reply);
    }
  }

  async #update(update: unknown): Promise<void> {
    try {
      await this.#parts.update?.(this.#agentId, update);
    } catch (error) {
      const isFault = error instanceof Fault;
      if (!isFault) this.#parts.log.error({ error }, "what a provider says of itself was not kept");
      const message = isFault ? error.message : "Something went wrong on our side.";
      this.notice(isFault ? (error as Fault).code : "internal", message);
    }
  }

  /** Reads on where there is room again, first what was held. */
  #readOn(): void {
    const receiver = this.#receiver;
    if (!receiver) return;
    for (let message = this.#brake.next(); message !== undefined; message = this.#brake.next()) {
      this.#hear(receiver, message);
    }
    if (!this.#brake.isOn) this.#ws.resume();
  }

  #send(frame: string | undefined): void {
    if (frame === undefined || this.#ws.readyState !== WebSocket.OPEN) return;
    this.#cork();
    this.#ws.send(frame);
  }
}

const DOOR_CLOSINGS = [
  "unauthenticated",
  "suspended",
  "forbidden",
  "not_found",
  "rate_limited",
] as const;

function isDoorClosing(code: string): code is (typeof DOOR_CLOSINGS)[number] {
  return (DOOR_CLOSINGS as readonly string[]).includes(code);
}
