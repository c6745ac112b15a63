/**
 * The runs that a provider has in hand.
 *
 *   1. An offer is refused for a reason of this program's own, or accepted and handed to the handler.
 *   2. The answer is kept until the server says that it took it, or that the run is over. An offer of
 *      the same attempt again is answered from memory: no run is done twice.
 *   3. At the deadline, or when the run is cancelled, the handler's signal is aborted.
 */
import { jsonProblem, LIMITS, type ProviderFrame, type ServerFrame } from "@guildhall/protocol";
import { inChain } from "./chain.ts";
import { ProviderError, toldOf } from "./errors.ts";
import { fetchFile } from "./file.ts";
import { OutputStream } from "./output-stream.ts";
import type { ApartPlaces, ProviderOptions, RunContext, RunOutput } from "./provider-types.ts";
import { uploadForRun } from "./run-upload.ts";

type Offer = Extract<ServerFrame, { readonly type: "offer" }>;
type Answer = Extract<ProviderFrame, { readonly type: "result" | "error" }>;
type Refusal = Pick<Extract<ProviderFrame, { readonly type: "refuse" }>, "code" | "message">;

const CONCURRENCY_DEFAULT = LIMITS.providerRunsDefault;
/** An answer that the server never asks for again is forgotten this long after its deadline. */
const FORGET_AFTER_MS = 60_000;
/** `setTimeout` takes no longer spans than this. */
const TIMER_MS_MAX = 2 ** 31 - 1;

interface HeldRun {
  readonly offer: Offer;
  readonly abort: AbortController;
  readonly stream: OutputStream;
  answer: Answer | undefined;
  timer: NodeJS.Timeout;
}

export interface RunsOptions extends ProviderOptions {
  readonly agentId: string;
}

export class Runs {
  readonly #options: RunsOptions;
  readonly #send: (frame: ProviderFrame) => void;
  /** Other work that the provider has in hand. */
  readonly #others: () => number;
  readonly #held = new Map<string, HeldRun>();
  /** Runs whose handlers have not returned; some may be over already and not held any more. */
  readonly #active = new Set<HeldRun>();
  readonly #idle = new Set<() => void>();
  #isStopping = false;

  /** `send` may drop frames while there is no connection: what matters is sent again. */
  constructor(
    options: RunsOptions,
    send: (frame: ProviderFrame) => void,
    others: () => number = () => 0,
  ) {
    this.#options = options;
    this.#send = send;
    this.#others = others;
  }

  /** Handlers at work. */
  get running(): number {
    return this.#active.size;
  }

  /** Of these, those that are counted together. */
  get counted(): number {
    const { apart = {} } = this.#options;
    const counted = [...this.#active].filter(
      ({ offer }) => !Object.hasOwn(apart, offer.capability),
    );
    return counted.length;
  }

  /** What to name when resuming. */
  inHand(): readonly { readonly run: string; readonly attempt: number }[] {
    const runs = [...this.#held.values()].map(({ offer: { run, attempt } }) => ({ run, attempt }));
    return runs.slice(0, LIMITS.resumeRunsMax);
  }

  receive(
    frame: Extract<ServerFrame, { readonly type: "offer" | "cancel" | "settled" | "credit" }>,
  ): void {
    switch (frame.type) {
      case "offer":
        this.#receiveOffer(frame);
        break;
      case "cancel":
        this.#drop(frame, new Error(`The run was cancelled: ${frame.reason}`));
        break;
      case "settled":
        this.#drop(frame, new Error("The run is settled."));
        break;
      case "credit":
        this.#held.get(keyOf(frame))?.stream.grant(frame.until);
        break;
    }
  }

  /** Takes no more runs; resolves when every answer was given and taken, or after `drainMs`. */
  async drain(drainMs: number): Promise<void> {
    this.#isStopping = true;
    if (this.#held.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, drainMs);
        this.#idle.add(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    for (const held of [...this.#held.values()]) {
      this.#drop(held.offer, new Error("The provider stops."));
    }
  }

  #receiveOffer(offer: Offer): void {
    const { run, attempt, chunks } = offer;
    const known = this.#held.get(keyOf(offer));
    if (known) {
      known.stream.resume(chunks.next, chunks.until);
      this.#send(known.answer ?? { type: "accept", run, attempt });
      return;
    }
    if (offer.remainingMs <= 0) {
      // It may have been done and forgotten here already; and nobody would pay for it.
      const message = "It was offered when its time was over.";
      this.#send({ type: "error", run, attempt, code: "provider_timeout", message });
      return;
    }
    const refusal = this.#refusalOf(offer);
    if (refusal) {
      this.#send({ type: "refuse", run, attempt, ...refusal });
      return;
    }
    this.#send({ type: "accept", run, attempt });
    const held = this.#hold(offer);
    void this.#work(held);
  }

  #refusalOf({ capability, requester }: Offer): Refusal | undefined {
    const { capabilities, concurrency = CONCURRENCY_DEFAULT, perRequester } = this.#options;
    if (this.#options.byHand?.includes("runs")) {
      return { code: "provider_manual", message: "The provider takes calls by hand only." };
    }
    if (!this.#options.handlers.run) {
      return { code: "capability_not_supported", message: "This program serves sessions only." };
    }
    if (this.#isStopping) return { code: "provider_busy", message: "The provider is stopping." };
    if (capabilities && !capabilities.includes(capability)) {
      const message = "This program does not do that capability.";
      return { code: "capability_not_supported", message };
    }
    if (!this.#hasRoom(capability, concurrency)) {
      return { code: "provider_busy", message: "The provider works on as much as it can." };
    }
    const theirs = [...this.#active].filter(({ offer }) => offer.requester === requester);
    const same = theirs.filter(({ offer }) => offer.capability === capability);
    const isFull =
      (perRequester !== undefined && theirs.length >= perRequester) ||
      same.length >= (this.#apart(capability)?.perRequester ?? Number.POSITIVE_INFINITY);
    if (!isFull) return undefined;
    return { code: "requester_limit", message: "The provider works on enough of yours." };
  }

  #hasRoom(capability: string, concurrency: number): boolean {
    const apart = this.#apart(capability);
    if (!apart) return this.counted + this.#others() < concurrency;
    const same = [...this.#active].filter(({ offer }) => offer.capability === capability);
    return same.length < apart.places;
  }

  /** The places of a capability that is counted by itself. */
  #apart(capability: string): ApartPlaces | undefined {
    const { apart = {} } = this.#options;
    const places = Object.hasOwn(apart, capability) ? apart[capability] : undefined;
    return typeof places === "number" ? { places, perRequester: places } : places;
  }

  #hold(offer: Offer): HeldRun {
    const { run, attempt, chunks, remainingMs } = offer;
    const stream = new OutputStream((seq, data) => {
      this.#send({ type: "chunk", run, attempt, seq, data });
    });
    stream.resume(chunks.next, chunks.until);
    const abort = new AbortController();
    const timer = setTimeout(() => this.#expire(held), Math.min(remainingMs, TIMER_MS_MAX));
    const held: HeldRun = { offer, abort, stream, answer: undefined, timer };
    this.#held.set(keyOf(offer), held);
    return held;
  }

  async #work(held: HeldRun): Promise<void> {
    const { offer, abort, stream } = held;
    const context = contextOf(held, this.#options);
    this.#active.add(held);
    try {
      const { run } = this.#options.handlers;
      if (!run) throw new ProviderError("provider_failed", "This program serves sessions only.");
      const output = await inChain(offer.chain, () => run(offer.input, context));
      await stream.flushed(abort.signal);
      this.#answer(held, resultOf(offer, output));
    } catch (error) {
      if (abort.signal.aborted) return;
      this.#report(error, offer);
      this.#answer(held, errorOf(offer, error));
    } finally {
      this.#active.delete(held);
    }
  }

  #answer(held: HeldRun, answer: Answer): void {
    if (held.answer || held.abort.signal.aborted) return;
    held.answer = answer;
    this.#send(answer);
  }

  /** At the deadline. The answer stays a while: the server may not have seen the time pass yet. */
  #expire(held: HeldRun): void {
    const { offer, abort } = held;
    if (!held.answer) {
      const { run, attempt } = offer;
      const message = "The provider did not finish by the deadline.";
      this.#answer(held, { type: "error", run, attempt, code: "provider_timeout", message });
      abort.abort(new ProviderError("provider_timeout", message));
    }
    held.timer = setTimeout(
      () => this.#drop(offer, new Error("The run is over.")),
      FORGET_AFTER_MS,
    );
    held.timer.unref();
  }

  #drop(of: { readonly run: string; readonly attempt: number }, reason: Error): void {
    const held = this.#held.get(keyOf(of));
    if (!held) return;
    this.#held.delete(keyOf(of));
    clearTimeout(held.timer);
    if (!held.answer) held.abort.abort(reason);
    this.#wakeIdle();
  }

  #wakeIdle(): void {
    if (this.#held.size > 0) return;
    for (const wake of this.#idle) wake();
    this.#idle.clear();
  }

  #report(error: unknown, { run: runId, capability }: Offer): void {
    const { onError } = this.#options;
    if (onError) onError(error, { runId, capability });
    else process.emitWarning(error instanceof Error ? error : String(error));
  }
}

function keyOf({ run, attempt }: { readonly run: string; readonly attempt: number }): string {
  return `${run}.${attempt}`;
}

function contextOf(
  { offer, abort, stream }: HeldRun,
  { agentId, url, key }: RunsOptions,
): RunContext {
  const { signal } = abort;
  return {
    runId: offer.run,
    attempt: offer.attempt,
    agentId,
    capability: offer.capability,
    manifest: offer.manifest,
    requester: offer.requester,
    chainId: offer.chain,
    maxMicros: BigInt(offer.maxMicros),
    deadlineAt: new Date(Date.now() + offer.remainingMs),
    signal,
    chunk: (data) => stream.write(data, signal),
    file: (reference, limits) => fetchFile(reference, signal, limits),
    upload: (file) => uploadForRun({ url, key }, offer.run, file, signal),
  };
}

/** Throws where the server would not take it, so that its author hears of it as of any failure. */
function resultOf({ run, attempt }: Offer, { output, evidence, usage }: RunOutput): Answer {
  const answer: Answer = {
    type: "result",
    run,
    attempt,
    output,
    ...(evidence !== undefined && { evidence }),
    ...(usage && { usage }),
  };
  const problem = problemOf(answer);
  if (problem !== undefined) throw new ProviderError("provider_bad_output", problem);
  return answer;
}

/** Why a result cannot be sent. Better said here, to its author, than by the server. */
function problemOf(answer: Extract<Answer, { readonly type: "result" }>): string | undefined {
  if (answer.output === undefined) return "The handler gave no output.";
  if (typeof answer.output === "function" || typeof answer.output === "symbol") {
    return `The output is not JSON: it is a ${typeof answer.output}.`;
  }
  let frame: string;
  try {
    frame = JSON.stringify(answer);
  } catch (error) {
    return `The output is not JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
  if (Buffer.byteLength(frame) > LIMITS.frameBytesMax) {
    return `The output is larger than ${LIMITS.frameBytesMax} bytes; hand large things over as files.`;
  }
  const problem = jsonProblem(answer);
  return problem === undefined ? undefined : `The output ${problem}.`;
}

function errorOf({ run, attempt }: Offer, error: unknown): Answer {
  const isTold = error instanceof ProviderError;
  const code = isTold ? error.code : "provider_failed";
  // What other errors say may be about this machine, and is nobody else's business.
  const message = isTold ? toldOf(error) : "The provider failed.";
  return { type: "error", run, attempt, code, message };
}
