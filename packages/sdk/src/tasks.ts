/**
 * The slots of broadcasts that a provider has in hand.
 *
 *   1. A broadcast that is announced is claimed where the program has a handler for it, room for it,
 *      and does not mind its stake; else it is passed over.
 *   2. A slot is handed to the handler. The result is kept until the server says that it took it, and
 *      sent again when the slot is told again: no slot is done twice.
 *   3. At the deadline, or when the slot is taken back, the handler's signal is aborted.
 */
import {
  jsonProblem,
  LIMITS,
  type ProviderSlotFrame,
  type ServerSlotFrame,
} from "@guildhall/protocol";
import { inChain } from "./chain.ts";
import { ProviderError, toldOf } from "./errors.ts";
import { fetchFile } from "./file.ts";
import type { ProviderOptions, TaskContext, TaskOffer } from "./provider-types.ts";

type Announcement = Extract<ServerSlotFrame, { readonly type: "announce" }>;
type SlotFrame = Extract<ServerSlotFrame, { readonly type: "slot" }>;
type Answer = Extract<ProviderSlotFrame, { readonly type: "fill" | "give-up" }>;
type Refusal = Pick<Extract<ProviderSlotFrame, { readonly type: "pass" }>, "code" | "message">;

interface HeldSlot {
  readonly frame: SlotFrame;
  readonly abort: AbortController;
  answer: Answer | undefined;
  timer: NodeJS.Timeout;
}

export interface TasksOptions extends ProviderOptions {
  readonly agentId: string;
}

/** An answer that the server never asks for again, and that there was one, is forgotten after this long. */
const FORGET_AFTER_MS = 60_000;
/** `setTimeout` takes no longer spans than this. */
const TIMER_MS_MAX = 2 ** 31 - 1;
/** Claims that were not answered yet. */
const CLAIM_MS = 30_000;

export class Tasks {
  readonly #options: TasksOptions;
  readonly #send: (frame: ProviderSlotFrame) => void;
  /** Whether there is room for so many more pieces of work, beside what this counts itself. */
  readonly #hasRoom: (own: number) => boolean;
  readonly #held = new Map<string, HeldSlot>();
  /** Slots that are over. One may be told again by a server that had not seen its answer yet. */
  readonly #over = new Set<string>();
  readonly #claimed = new Map<string, NodeJS.Timeout>();
  /** Slots whose handlers have not returned; some may be over already and not held any more. */
  readonly #active = new Set<HeldSlot>();
  readonly #idle = new Set<() => void>();
  #isStopping = false;

  constructor(
    options: TasksOptions,
    send: (frame: ProviderSlotFrame) => void,
    hasRoom: (own: number) => boolean,
  ) {
    this.#options = options;
    this.#send = send;
    this.#hasRoom = hasRoom;
  }

  /** Handlers at work, and claims that may become work. */
  get running(): number {
    return this.#active.size + this.#claimed.size;
  }

  receive(frame: ServerSlotFrame): void {
    switch (frame.type) {
      case "announce":
        this.#receiveAnnouncement(frame);
        break;
      case "withdrawn":
        this.#endClaim(frame.broadcast);
        break;
      case "slot":
        this.#endClaim(frame.broadcast);
        this.#receiveSlot(frame);
        break;
      case "filled":
        this.#receiveVerdict(frame);
        break;
      case "revoked":
        this.#drop(frame.slot, new Error(`The slot was taken back: ${frame.reason}`));
        break;
    }
  }

  /**
   * Claims nothing more; resolves when every result was given and taken, or after `drainMs`. What is not
   * done by then is given up where the program does not come back, so that somebody else may do it.
   */
  async drain(drainMs: number, isGoodbye = false): Promise<void> {
    this.#isStopping = true;
    for (const broadcast of [...this.#claimed.keys()]) this.#endClaim(broadcast);
    if (this.#held.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, drainMs);
        this.#idle.add(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    for (const [slot, held] of [...this.#held]) {
      const message = "The provider stops.";
      if (isGoodbye && !held.answer) {
        this.#send({ type: "give-up", slot, code: "provider_failed", message });
      }
      this.#drop(slot, new Error(message));
    }
  }

  #receiveAnnouncement(frame: Announcement): void {
    const { broadcast } = frame;
    if (this.#claimed.has(broadcast)) return;
    const refusal = this.#refusalOf(frame);
    if (refusal) {
      this.#send({ type: "pass", broadcast, ...refusal });
      return;
    }
    const timer = setTimeout(() => this.#endClaim(broadcast), CLAIM_MS);
    timer.unref();
    this.#claimed.set(broadcast, timer);
    this.#send({ type: "claim", broadcast });
  }

  #refusalOf(frame: Announcement): Refusal | undefined {
    const { capabilities, handlers, stakeMicrosMax = 0n } = this.#options;
    if (!handlers.task) return { code: "provider_manual" };
    if (this.#isStopping) return { code: "provider_busy", message: "The provider is stopping." };
    if (capabilities && !capabilities.includes(frame.capability)) {
      return { code: "capability_not_supported" };
    }
    if (BigInt(frame.stakeMicros) > stakeMicrosMax) {
      return { code: "provider_manual", message: "The stake is more than this program risks." };
    }
    if (!this.#hasRoom(this.running)) return { code: "provider_busy" };
    if (!this.#isWanted(frame)) return { code: "provider_manual" };
    return undefined;
  }

  /** What it is asked about was written by a stranger: that it chokes on it must not end the program. */
  #isWanted(frame: Announcement): boolean {
    const { wantsTask } = this.#options;
    try {
      return !wantsTask || wantsTask(toOffer(frame));
    } catch (error) {
      this.#report(error, { slot: frame.broadcast, capability: frame.capability });
      return false;
    }
  }

  #endClaim(broadcast: string): void {
    clearTimeout(this.#claimed.get(broadcast));
    this.#claimed.delete(broadcast);
  }

  #receiveSlot(frame: SlotFrame): void {
    if (this.#over.has(frame.slot)) return;
    const known = this.#held.get(frame.slot);
    if (known) {
      if (known.answer) this.#send(known.answer);
      return;
    }
    const { handlers } = this.#options;
    if (!handlers.task || this.#isStopping) {
      const message = "This program does no tasks now.";
      this.#send({ type: "give-up", slot: frame.slot, code: "provider_failed", message });
      return;
    }
    const abort = new AbortController();
    const timer = setTimeout(() => this.#expire(held), Math.min(frame.remainingMs, TIMER_MS_MAX));
    const held: HeldSlot = { frame, abort, answer: undefined, timer };
    this.#held.set(frame.slot, held);
    void this.#work(held, handlers.task);
  }

  async #work(
    held: HeldSlot,
    task: NonNullable<ProviderOptions["handlers"]["task"]>,
  ): Promise<void> {
    const { frame, abort } = held;
    this.#active.add(held);
    try {
      const context = contextOf(held, this.#options.agentId);
      const { output } = await inChain(frame.chain, () => task(frame.params, context));
      this.#answer(held, resultOf(frame, output));
    } catch (error) {
      if (abort.signal.aborted) return;
      this.#report(error, frame);
      this.#answer(held, failureOf(frame, error));
    } finally {
      this.#active.delete(held);
    }
  }

  #answer(held: HeldSlot, answer: Answer): void {
    if (held.answer || held.abort.signal.aborted) return;
    held.answer = answer;
    this.#send(answer);
  }

  /** A result that was refused cannot be made better here: the seat is given back, for others. */
  #receiveVerdict({
    slot,
    outcome,
    message = "",
  }: Extract<ServerSlotFrame, { readonly type: "filled" }>): void {
    const held = this.#held.get(slot);
    if (outcome !== "refused" || held?.answer?.type !== "fill") {
      this.#drop(slot, new Error("The slot is over."));
      return;
    }
    this.#report(new ProviderError("provider_bad_output", message), held.frame);
    held.answer = { type: "give-up", slot, code: "provider_bad_output", message };
    this.#send(held.answer);
  }

  /** At the deadline. The answer stays a while: the server may not have seen the time pass yet. */
  #expire(held: HeldSlot): void {
    const { frame, abort } = held;
    if (!held.answer) abort.abort(new ProviderError("provider_timeout", "The time was up."));
    held.timer = setTimeout(
      () => this.#drop(frame.slot, new Error("The slot is over.")),
      FORGET_AFTER_MS,
    );
    held.timer.unref();
  }

  #drop(slot: string, reason: Error): void {
    const held = this.#held.get(slot);
    if (!held) return;
    this.#held.delete(slot);
    clearTimeout(held.timer);
    this.#over.add(slot);
    setTimeout(() => this.#over.delete(slot), FORGET_AFTER_MS).unref();
    if (!held.answer) held.abort.abort(reason);
    if (this.#held.size > 0) return;
    for (const wake of this.#idle) wake();
    this.#idle.clear();
  }

  #report(error: unknown, { slot, capability }: Pick<SlotFrame, "slot" | "capability">): void {
    const { onError } = this.#options;
    if (onError) onError(error, { runId: slot, capability });
    else process.emitWarning(error instanceof Error ? error : String(error));
  }
}

function toOffer(frame: Announcement): TaskOffer {
  return {
    taskId: frame.broadcast,
    capability: frame.capability,
    instruction: frame.instruction,
    input: frame.params,
    resultSchema: frame.schema,
    payment: frame.payment,
    maxMicros: BigInt(frame.slotMicros),
    stakeMicros: BigInt(frame.stakeMicros),
    requester: frame.requester,
    slotKeys: frame.keys,
  };
}

function contextOf({ frame, abort }: HeldSlot, agentId: string): TaskContext {
  const { signal } = abort;
  return {
    taskId: frame.broadcast,
    resultId: frame.slot,
    slotKey: frame.key,
    agentId,
    capability: frame.capability,
    instruction: frame.instruction,
    resultSchema: frame.schema,
    payment: frame.payment,
    requester: frame.requester,
    chainId: frame.chain,
    maxMicros: BigInt(frame.slotMicros),
    stakeMicros: BigInt(frame.stakeMicros),
    deadlineAt: new Date(Date.now() + frame.remainingMs),
    signal,
    file: (reference, limits) => fetchFile(reference, signal, limits),
  };
}

/** Throws where the server would not take it, so that its author hears of it as of any failure. */
function resultOf({ slot }: SlotFrame, output: unknown): Answer {
  const problem = problemOf(output);
  if (problem !== undefined) throw new ProviderError("provider_bad_output", problem);
  return { type: "fill", slot, result: output };
}

/** Why a result cannot be sent. Better said here, to its author, than by the server. */
function problemOf(output: unknown): string | undefined {
  if (typeof output !== "object" || output === null || Array.isArray(output)) {
    return "The result of a task is a JSON object.";
  }
  let text: string;
  try {
    text = JSON.stringify(output);
  } catch (error) {
    return `The result is not JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
  if (text.length > LIMITS.slotResultCharactersMax) {
    return `The result is larger than ${LIMITS.slotResultCharactersMax} characters; hand large things over as files.`;
  }
  const problem = jsonProblem(output);
  return problem === undefined ? undefined : `The result ${problem}.`;
}

function failureOf({ slot }: SlotFrame, error: unknown): Answer {
  const isTold = error instanceof ProviderError;
  const code = isTold ? error.code : "provider_failed";
  // What other errors say may be about this machine, and is nobody else's business.
  const message = isTold ? toldOf(error) : "The provider failed.";
  return { type: "give-up", slot, code, message };
}
