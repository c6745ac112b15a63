/**
 * The CPU work that runs in worker threads: a name, what goes in and what comes out. The modules that
 * do it load when their first task arrives, each in the thread that needs it.
 */
import type { Conversion, ConversionRequest } from "../documents/convert.ts";
import type { Embeddings, EmbedRequest } from "../language/embed.ts";
import type { Ranking, RankRequest } from "../language/rank.ts";
import type { FaceDetection } from "../vision/detect-faces.ts";
import type { ImageTags } from "../vision/tag-image.ts";

/** What a task may ask while it works. */
export interface TaskContext {
  /** Aborted when nobody waits for the result; long tasks look between their parts. */
  readonly signal: AbortSignal;
}

export type Tasks = {
  convert: (input: ConversionRequest, context: TaskContext) => Promise<Conversion>;
  embed: (input: EmbedRequest, context: TaskContext) => Promise<Embeddings>;
  rank: (input: RankRequest, context: TaskContext) => Promise<Ranking>;
  detectFaces: (input: Uint8Array, context: TaskContext) => Promise<FaceDetection>;
  tagImage: (input: Uint8Array, context: TaskContext) => Promise<ImageTags>;
};

export type TaskName = keyof Tasks;
export type TaskInput<Name extends TaskName> = Parameters<Tasks[Name]>[0];
export type TaskOutput<Name extends TaskName> = Awaited<ReturnType<Tasks[Name]>>;

/**
 * Documents are a stranger's; models are ours and dear to load. So each has threads of its own, and so
 * have the two kinds of models: each brings its TensorFlow, and two of those in one thread share state.
 */
export const LANES = ["documents", "language", "vision"] as const;
export type Lane = (typeof LANES)[number];

interface TaskPlan<Name extends TaskName> {
  lane: Lane;
  /** From the moment a thread starts on it. Far above what was measured for the largest input. */
  timeLimitMs: number;
  load(): Promise<Tasks[Name]>;
}

export const TASKS: { readonly [Name in TaskName]: TaskPlan<Name> } = {
  convert: {
    lane: "documents",
    timeLimitMs: 90_000,
    load: async () => (await import("../documents/convert.ts")).convert,
  },
  embed: {
    lane: "language",
    timeLimitMs: 60_000,
    load: async () => (await import("../language/embed.ts")).embed,
  },
  rank: {
    lane: "language",
    timeLimitMs: 60_000,
    load: async () => (await import("../language/rank.ts")).rank,
  },
  detectFaces: {
    lane: "vision",
    timeLimitMs: 30_000,
    load: async () => (await import("../vision/detect-faces.ts")).detectFaces,
  },
  tagImage: {
    lane: "vision",
    timeLimitMs: 30_000,
    load: async () => (await import("../vision/tag-image.ts")).tagImage,
  },
};

/** What the pool says to a worker. */
export type ToWorker =
  | { kind: "start"; job: number; task: TaskName; input: unknown }
  | { kind: "cancel"; job: number };

/** What a worker answers, once a job. */
export type FromWorker =
  | { kind: "done"; job: number; output: unknown }
  | { kind: "refused"; job: number; code: string; message: string }
  | { kind: "failed"; job: number; error: string };
