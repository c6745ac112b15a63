/** What core asks of the outside. `outbound/` fulfils it; `app.ts` joins the two. */
import type { Readable } from "node:stream";

import type { FaultCode, LinkClosing } from "@guildhall/protocol";
import type { Ranked } from "../domain/ranking.ts";
import type {
  SessionDispatcher,
  SessionSays,
  SessionTelling,
  StandingSession,
} from "./session-ports.ts";

export type {
  AnswerPiece,
  AskOptions,
  ModelAnswer,
  ModelDialect,
  ModelRequest,
  ModelUpstreams,
  UpstreamEndpoint,
  UpstreamKind,
  UpstreamRoute,
} from "./model-ports.ts";
export type { CardPayments, Checkout, PaymentReport } from "./payment-ports.ts";
export type {
  HeldSession,
  ProviderMessage,
  SessionDispatcher,
  SessionEvents,
  SessionSays,
  SessionTelling,
  StandingSession,
  Taken,
  ToldSession,
  ToldTerms,
} from "./session-ports.ts";

export type { VideoPicture, VideoReport, VideoRequest, VideoUpstreams } from "./video-ports.ts";

import type { SlotDispatcher, SlotSays, SlotTelling } from "./slot-ports.ts";

export type {
  SlotDispatcher,
  SlotEvents,
  SlotSays,
  SlotTelling,
  ToldBroadcast,
} from "./slot-ports.ts";

/**
 * Carries hints between processes: it may lose or repeat a message, so whoever waits for one also
 * reads the database at least each second. Alone, a process hears itself; over NATS, all hear all.
 */
export interface Bus {
  /** `message` is JSON of at most 64 KB; larger things travel by reference. Never throws. */
  publish(subject: string, message: BusMessage): void;
  /** Calls `listener` for each message on exactly this subject; returns what stops it. */
  subscribe(subject: string, listener: (message: BusMessage) => void): () => void;
  close(): Promise<void>;
  /** Whether other processes hear it now. */
  readonly reachesOthers: boolean;
  /** What keeps it from reaching others that it is there to reach, in words for an operator. */
  readonly problem?: string | undefined;
}
export type BusMessage = Readonly<Record<string, string | number | boolean | null>>;

/** The subject on which processes tell each other that an agent has connected. */
export const LINKS_OPENED = "links.opened";

/** One offer of a run to the agent that is to do it. Deduplicated by (runId, attempt). */
export interface RunOffer {
  readonly runId: string;
  readonly attempt: number;
  readonly agentId: string;
  readonly capability: string;
  readonly input: unknown;
  readonly manifest: unknown;
  readonly requesterWorkspaceId: string;
  readonly chainId: string;
  /** The most that this run can be charged. */
  readonly maxMicros: bigint;
  readonly deadlineAt: Date;
  readonly timeoutSeconds: number;
  /** Chunks of streamed output that were taken before a reconnection. Absent is none. */
  readonly chunksTaken?: number;
}

/** Reaches the providers that are connected to this process. */
export interface Dispatcher {
  /** Whether this process holds the agent's connection. */
  holds(agentId: string): boolean;
  /** Sends an offer down the agent's connection. `false` when this process does not hold it. */
  offer(offer: RunOffer): boolean;
  /** Tells the provider that nobody waits for this run any more. Nothing happens when it is not here. */
  cancel(agentId: string, runId: string, attempt: number, reason: string): void;
}

/** Which connection a provider's answer came by. An answer from an older epoch is refused. */
export interface LinkIdentity {
  readonly agentId: string;
  /** Raised at each identification of the agent, whichever process it reaches. */
  readonly epoch: number;
}

/** A run, as often as it was begun: the same attempt again is the same work. */
export interface RunAttempt {
  readonly runId: string;
  readonly attempt: number;
}

/** Codes with which a provider may turn an offer down before it has accepted it. */
export type RunRefusal = Extract<
  FaultCode,
  | "provider_busy"
  | "requester_limit"
  | "capability_not_supported"
  | "provider_manual"
  | "provider_unconfigured"
>;

/** Codes with which accepted work fails. */
export type RunFailure = Extract<
  FaultCode,
  "provider_failed" | "provider_timeout" | "provider_bad_output"
>;

export interface RunAnswer {
  /** JSON that a database can keep: no NUL characters, no lone surrogates, bounded depth. */
  readonly output: unknown;
  readonly evidence: unknown;
  /** What the provider counted, by name, such as tokens. */
  readonly usage?: Readonly<Record<string, number>>;
}

/**
 * What providers' connections tell the run engine. An answer may be repeated, and may come without
 * `accepted` before it: not every wire has a frame for that.
 */
export interface RunEvents {
  accepted(link: LinkIdentity, runId: string, attempt: number): void | Promise<void>;
  refused(
    link: LinkIdentity,
    runId: string,
    attempt: number,
    refusal: { readonly code: RunRefusal; readonly message: string },
  ): Promise<void>;
  /**
   * One chunk of streamed output, in order, without gaps or repeats on one connection. The provider
   * may send more once this resolves.
   */
  chunk(
    link: LinkIdentity,
    runId: string,
    attempt: number,
    chunk: { readonly seq: number; readonly data: unknown },
  ): Promise<void>;
  /** `late` when the run had ended already, or by a connection that was replaced. */
  succeeded(
    link: LinkIdentity,
    runId: string,
    attempt: number,
    answer: RunAnswer,
  ): Promise<"ok" | "late">;
  failed(
    link: LinkIdentity,
    runId: string,
    attempt: number,
    failure: { readonly code: RunFailure; readonly message: string },
  ): Promise<"ok" | "late">;
  /**
   * The provider said goodbye, or was not seen for `LIMITS.heartbeatMissMs`. Not called for a
   * connection that was replaced: nothing is gone then. Told at most once a link; a process that
   * dies at this very moment leaves its runs to their deadlines.
   */
  gone(agentId: string, epoch: number, reason: "shutdown" | "missed"): Promise<void>;
  /** Which of these runs of an agent have ended, or have gone on to another attempt. */
  listOver(agentId: string, runs: readonly RunAttempt[]): Promise<readonly RunAttempt[]>;
  /** What an agent that just identified is told again: each live run of its, from the database. */
  unanswered(agentId: string): Promise<RunOffer[]>;
}

/** What an agent said of itself when it identified. */
export interface LinkOpening {
  readonly agentId: string;
  readonly workspaceId: string;
  readonly keyId: string | undefined;
  /** Which wire it speaks, for operators to see. */
  readonly wire: string;
  /** Its program and version, in its own words. */
  readonly client: string;
  /** How many runs it says it works on at once. */
  readonly concurrency: number | undefined;
}

/** One live connection of a provider, whichever wire it speaks: what can be said to it. */
export interface ProviderLink {
  /** The first thing said, before any offer. */
  welcome(identity: LinkIdentity, sessions: readonly StandingSession[]): void;
  offer(offer: RunOffer): void;
  cancel(runId: string, attempt: number, reason: string): void;
  /** Chunks of this run with a sequence number below `until` may be sent. */
  credit(runId: string, attempt: number, until: number): void;
  /** The provider's answer was taken, or came too late; it can forget it either way. */
  settled(runId: string, attempt: number, outcome: "ok" | "late"): void;
  tell(telling: SessionTelling): void;
  /** A session's message, of this number and about this turn, was kept, or is of no use. */
  taken(sessionId: string, number: number, turn: number, outcome: "ok" | "late"): void;
  tellSlot(telling: SlotTelling): void;
  /** Something was wrong with what the provider sent; the connection goes on. */
  /** Something that it said is of no account; which session that was about, where it was one. */
  notice(code: string, message: string, sessionId?: string): void;
  close(reason: LinkClosing, message: string): void;
  /** Bytes that were sent and that the network has not taken yet. */
  bufferedBytes(): number;
}

/** What a provider says, whichever wire it speaks. */
export type ProviderSays =
  | { readonly kind: "accepted"; readonly runId: string; readonly attempt: number }
  | {
      readonly kind: "refused";
      readonly runId: string;
      readonly attempt: number;
      readonly code: RunRefusal;
      readonly message: string;
    }
  | {
      readonly kind: "chunk";
      readonly runId: string;
      readonly attempt: number;
      readonly seq: number;
      readonly data: unknown;
    }
  | {
      readonly kind: "succeeded";
      readonly runId: string;
      readonly attempt: number;
      readonly answer: RunAnswer;
    }
  | {
      readonly kind: "failed";
      readonly runId: string;
      readonly attempt: number;
      readonly code: RunFailure;
      readonly message: string;
    }
  /** The runs that the provider has in hand after a reconnection. */
  | {
      readonly kind: "resume";
      readonly runs: readonly RunAttempt[];
      readonly sessionIds: readonly string[];
    }
  | { readonly kind: "goodbye"; readonly reason: string }
  | SessionSays
  | SlotSays;

/** The hub's end of one connection: what its socket reports. */
export interface LinkReceiver {
  readonly identity: LinkIdentity;
  /** Any sign of life: a frame, a pong. */
  alive(): void;
  /** Whether another frame may come in now. `false` once: the connection is being closed for it. */
  admit(): boolean;
  /** `bytes` is how large what it said was on the wire. */
  receive(says: ProviderSays, bytes: number): void;
  closed(): void;
}

/** Where identified connections are handed in. */
export interface ProviderHub extends Dispatcher, SessionDispatcher, SlotDispatcher {
  attach(link: ProviderLink, opening: LinkOpening): Promise<LinkReceiver>;
}

/** The record of who is connected where, shared by all processes (`core/link.ts`). */
export interface LinkRecord {
  /** Opens the agent's next epoch at this process. */
  connect(opening: LinkOpening): Promise<LinkIdentity>;
  /** Records signs of life, many at once. */
  touch(
    seen: readonly { readonly identity: LinkIdentity; readonly lastSeenAt: Date }[],
  ): Promise<void>;
  /** Which of these connections may not go on, and why: replaced elsewhere, key revoked, suspended. */
  listOusted(
    identities: readonly LinkIdentity[],
  ): Promise<readonly { readonly identity: LinkIdentity; readonly reason: LinkClosing }[]>;
  /** Ends a link for good. `false` when it had ended, or the agent is back already. */
  end(identity: LinkIdentity): Promise<boolean>;
  /** Ends links of any process that were not seen for too long; each is returned to one caller. */
  endOverdue(): Promise<readonly LinkIdentity[]>;
}

/** What an index of agents reads: what an agent says about itself. */
export interface AgentDocument {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly capabilities: readonly { readonly slug: string; readonly description: string }[];
}

export interface AgentSearch {
  /** What is wanted, in anybody's words. */
  readonly intent: string;
  /** Only these agents are found; absent, all. */
  readonly candidates?: ReadonlySet<string> | undefined;
  /** How long each list may be. */
  readonly count: number;
}

/** Two opinions, each best first; `domain/ranking.ts` makes one of them. */
export interface AgentMatches {
  /** By the same words. */
  readonly lexical: readonly Ranked[];
  /** By the same meaning. Empty while that is not ready, or for once too slow. */
  readonly semantic: readonly Ranked[];
}

/** Finds agents by intent. Each process has its own, and core hands it what changed in the table. */
export interface AgentIndex {
  /** Found by its words at once, by its meaning a little later. Costs some 0.1 ms. */
  upsert(document: AgentDocument): void;
  remove(id: string): void;
  find(id: string): AgentDocument | undefined;
  /** Never throws for what is in `intent`, however strange. */
  match(search: AgentSearch): Promise<AgentMatches>;
  /** Resolves once everything handed in so far can be found by its meaning. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** Orders a few agents by how well they fit. May fail, and is told nothing but what is listed. */
export interface AgentReranker {
  /** Ids, best first, perhaps not all of them. Throws within a few seconds when it cannot. */
  rerank(intent: string, agents: readonly AgentDocument[]): Promise<readonly string[]>;
}

/** Sends mail to people. */
export interface Mailer {
  /** Resolves when a mail server has taken the mail; rejects when none did. */
  send(mail: Mail): Promise<void>;
}

export interface Mail {
  readonly to: string;
  readonly subject: string;
  /** Plain text. */
  readonly text: string;
}

/**
 * Stored bytes, by key. A blob is written once, whole, under a key that was never used before and
 * never will be again: so nothing that reads, writes or removes can meet another at the same key.
 */
export interface BlobStore {
  /**
   * Takes a stream in, to a place of this process's own. When the stream fails, what it threw is
   * thrown on, and nothing of it remains.
   */
  stage(source: AsyncIterable<Uint8Array>): Promise<StagedBlob>;
  /** The bytes from `start` up to, not including, `end`. `undefined` when there is no such blob. */
  read(key: string, range: ByteRange): Promise<Readable | undefined>;
  /** Nothing happens when there is no such blob. */
  remove(key: string): Promise<void>;
}

export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** A stream that arrived whole, and is nowhere to be found until it is stored. */
export interface StagedBlob {
  readonly bytes: number;
  /** SHA-256, 64 hex. */
  readonly sha256: string;
  readAt(range: ByteRange): Promise<Buffer>;
  /** Stores it for good: once this returns, a power cut does not lose it. */
  store(key: string): Promise<void>;
  /** Gives its place back. To be called in the end, stored or not. */
  discard(): Promise<void>;
}
