/** What core asks of interfaces that make videos. `outbound/upstream/videos.ts` fulfils it. */
import type { Readable } from "node:stream";
import type { UpstreamEndpoint } from "./model-ports.ts";

/** What an interface is asked for. */
export interface VideoRequest {
  /** What the interface itself calls the model. */
  readonly model: string;
  readonly prompt: string;
  readonly seconds: string | undefined;
  readonly size: string | undefined;
  readonly picture: VideoPicture | undefined;
  /** The same for the same job: an interface that heeds it makes one video. */
  readonly idempotencyKey: string;
}

export interface VideoPicture {
  readonly bytes: Uint8Array;
  readonly mime: string;
  readonly filename: string;
}

/** A video as its interface tells of it. */
export interface VideoReport {
  readonly id: string;
  readonly state: "queued" | "running" | "done" | "failed";
  /** The share that is done, from 0 to 1. */
  readonly progress: number | undefined;
  /** Why it failed, in the interface's words. */
  readonly problem: string | undefined;
  readonly seconds: number | undefined;
  /** Such as `1280x720`. */
  readonly size: string | undefined;
}

/**
 * Each throws `Fault`s: `provider_offline` and `provider_busy` where the interface surely did nothing,
 * `provider_timeout` where that is not known, `invalid_request`, `provider_unconfigured`,
 * `provider_failed`, `provider_bad_output`; `cancelled` where the signal fired.
 */
export interface VideoUpstreams {
  create(
    endpoint: UpstreamEndpoint,
    request: VideoRequest,
    signal: AbortSignal,
  ): Promise<VideoReport>;
  look(endpoint: UpstreamEndpoint, id: string, signal: AbortSignal): Promise<VideoReport>;
  /** Its bytes, which may break off. */
  content(endpoint: UpstreamEndpoint, id: string, signal: AbortSignal): Promise<Readable>;
  /** Whether the interface takes the key. */
  probe(endpoint: UpstreamEndpoint, signal: AbortSignal): Promise<void>;
}
