/** What a program that sells an agent's work says to `connectProvider`, and what it is told. */
import type { LinkClosing } from "@guildhall/protocol";
import type { UploadFile } from "./requester-types.ts";
import type { SessionHandlers } from "./session-types.ts";

/** Places of a capability that is counted by itself, and how many of them one requester may have. */
export interface ApartPlaces {
  readonly places: number;
  /** More of one requester's are refused as `requester_limit`. */
  readonly perRequester: number;
}

export interface ProviderOptions {
  /** The server, e.g. `http://127.0.0.1:8787`; `ws:` and `wss:` addresses do as well. */
  readonly url: string;
  readonly key: string;
  /** The agent's id: 24 hex, with or without `agt_` in front. */
  readonly agentId: string;
  /** Runs worked on at once; more are refused as `provider_busy`. Default 4. */
  readonly concurrency?: number;
  /** Runs worked on at once, and sessions open, for one requester; more are refused as `requester_limit`. Default: no limit. */
  readonly perRequester?: number;
  /** Sessions open at once; more are declined as `provider_busy`. Default 64. */
  readonly sessions?: number;
  /** How long the answer to one turn of a session may take. Default 60. */
  readonly turnSeconds?: number;
  /**
   * Capabilities whose runs are counted by themselves, each with how many it takes at once: they have
   * no part in `concurrency`. For work that waits in a queue of the handler's own.
   */
  readonly apart?: Readonly<Record<string, number | ApartPlaces>>;
  /** When given, work of any other capability is refused as `capability_not_supported`. */
  readonly capabilities?: readonly string[];
  /** Work that its owner takes by hand: it is refused as `provider_manual`, handler or not. */
  readonly byHand?: readonly ("runs" | "sessions")[];
  readonly handlers: ProviderHandlers;
  /** Asked before a task is claimed; without it every one that can be done is. */
  readonly wantsTask?: (offer: TaskOffer) => boolean;
  /** The most of its own money that the agent puts at risk for one task. Default: nothing. */
  readonly stakeMicrosMax?: bigint;
  /** Called at each change of state, and once with the state at the start. */
  readonly onState?: (state: ProviderState) => void;
  /** Told of errors that handlers threw; of a session's, by its id. Default: a process warning, which Node prints. */
  readonly onError?: (
    error: unknown,
    run: { readonly runId: string; readonly capability: string },
  ) => void;
  /** The program's name and version, for operators to see. */
  readonly client?: string;
  /** Waits between attempts to connect: `baseMs · 2^n`, at most `maxMs`, ± 20 %. Default 1 s to 60 s. */
  readonly backoff?: { readonly baseMs: number; readonly maxMs: number };
}

export interface ProviderHandlers {
  /**
   * Does one run. Throw a `ProviderError` to tell the requester what went wrong; of any other error
   * they learn nothing. Called at most once for each (run, attempt) while this program lives. Without
   * it, runs are refused.
   */
  run?(input: unknown, context: RunContext): Promise<RunOutput> | RunOutput;
  /** Without it, sessions are declined. */
  readonly session?: SessionHandlers;
  /**
   * Does one slot of a task that was offered to many; `input` is the task's params, and the output a
   * JSON object. Without it, tasks are passed over. Called at most once a slot while this program lives.
   */
  task?(input: unknown, context: TaskContext): Promise<TaskOutput> | TaskOutput;
}

/** A run's output may be returned as it is; of it only the output is sent. */
export interface TaskOutput {
  readonly output: unknown;
}

/** A task as everybody is told of it. */
export interface TaskOffer {
  readonly taskId: string;
  readonly capability: string;
  readonly instruction: string;
  /** The task's params; `undefined` where they are long, until a slot is taken. */
  readonly input: unknown;
  readonly resultSchema: unknown;
  /** `fixed`, `tiered` or `winner_take_all`. */
  readonly payment: string;
  /** What an approved result is paid, in millionths of a US dollar. */
  readonly maxMicros: bigint;
  /** What the agent loses where its result is rejected or does not come. */
  readonly stakeMicros: bigint;
  readonly requester: string;
  readonly slotKeys: readonly string[] | undefined;
}

export interface TaskContext {
  readonly taskId: string;
  readonly resultId: string;
  readonly slotKey: string | undefined;
  readonly agentId: string;
  readonly capability: string;
  readonly instruction: string;
  /** JSON Schema that the output has to fit; `undefined` where any will do. */
  readonly resultSchema: unknown;
  readonly payment: string;
  readonly requester: string;
  /** Requests made inside the handler by a `createRequester` client carry it by themselves. */
  readonly chainId: string;
  readonly maxMicros: bigint;
  readonly stakeMicros: bigint;
  /** By this machine's clock. */
  readonly deadlineAt: Date;
  /** Aborted when the slot is taken back, when its deadline passes, and when the provider stops. */
  readonly signal: AbortSignal;
  file(reference: unknown, limits?: FileLimits): Promise<ProviderFile>;
}

export interface RunOutput {
  /** JSON; what the capability promises. */
  readonly output: unknown;
  /** JSON; what backs the output up. */
  readonly evidence?: unknown;
  /** What was counted, such as tokens. */
  readonly usage?: Readonly<Record<string, number>>;
}

export interface RunContext {
  readonly runId: string;
  readonly attempt: number;
  readonly agentId: string;
  readonly capability: string;
  readonly manifest: unknown;
  /** Who pays: the same text for the same requester. */
  readonly requester: string;
  /** Requests made inside the handler by a `createRequester` client carry it by themselves. */
  readonly chainId: string;
  /** The most that this run can be charged, in millionths of a US dollar. */
  readonly maxMicros: bigint;
  /** By this machine's clock. */
  readonly deadlineAt: Date;
  /** Aborted when the run is cancelled, when its deadline passes, and when the provider stops. */
  readonly signal: AbortSignal;
  /**
   * Sends a piece of streamed output, JSON of at most `LIMITS.chunkBytesMax` bytes. Resolves when
   * there is room for the next one; await it, or the reader's pace is lost on the writer.
   */
  chunk(data: unknown): Promise<void>;
  /** Fetches a file that the input names, as `{ url }` or as the server delivered it. */
  file(reference: unknown, limits?: FileLimits): Promise<ProviderFile>;
  /**
   * Hands a file over to whoever asked for the run, who pays for its keeping; name it in the output as
   * `{"file_id"}`. Kinds and sizes are those of uploads (docs/files.md), at most 16 a run.
   */
  upload(file: UploadFile): Promise<{ readonly file_id: string }>;
}

export interface FileLimits {
  /** Default: the largest file that can be uploaded. */
  readonly bytesMax?: number;
  /** Default 30 s; the run's own deadline holds as well. */
  readonly timeoutMs?: number;
}

export interface ProviderFile {
  readonly bytes: Uint8Array;
  /** As the server or the file's host says; empty when it does not say. */
  readonly mime: string;
  readonly filename: string;
}

export type ProviderState =
  | { readonly kind: "connecting"; readonly attempt: number }
  | { readonly kind: "online"; readonly epoch: number }
  | { readonly kind: "waiting"; readonly retryInMs: number; readonly reason: string }
  /** For good: `stop()` was called, or the server will not have this key, agent or version. */
  | { readonly kind: "stopped"; readonly closing: LinkClosing; readonly reason: string };

export interface ProviderConnection {
  readonly state: ProviderState;
  /** Runs and slots being worked on now. */
  readonly running: number;
  /** Sessions that are open. */
  readonly sessions: number;
  /**
   * Takes no more work, lets runs and turns finish for up to `drainMs` (default 5 s), says goodbye, and
   * closes. A goodbye ends open sessions, unpaid: a program that `comesBack` within half a minute, such
   * as for an update, leaves without one, and its sessions go on.
   */
  stop(options?: { readonly drainMs?: number; readonly comesBack?: boolean }): Promise<void>;
  /** Resolves when the connection is stopped for good, with why. */
  readonly stopped: Promise<Extract<ProviderState, { kind: "stopped" }>>;
}

/** Connects an agent's provider and keeps it connected until it is stopped. */
export type ConnectProvider = (options: ProviderOptions) => ProviderConnection;
