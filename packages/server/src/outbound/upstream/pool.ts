/**
 * Asks interfaces for answers.
 *
 *   1. Of a route's endpoints, those that did not fail lately come first, by chance and weight.
 *   2. One that fails before its first byte is left alone for a while, and another one is asked. Where
 *      none is left but those, the one that is back first is waited for, if that is soon.
 *   3. A route that has nothing left gives way to the next one: another model that does as well.
 *   4. From the first byte on the answer is this one's: nothing is ever asked for a second time then.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Agent } from "undici";
import type {
  AnswerPiece,
  AskOptions,
  ModelAnswer,
  ModelRequest,
  ModelUpstreams,
  UpstreamEndpoint,
  UpstreamKind,
  UpstreamRoute,
} from "../../core/ports.ts";
import { Fault } from "../../domain/fault.ts";
import type { Clock } from "../../lib/clock.ts";
import { type Random, randomBelow } from "../../lib/random.ts";
import { anthropicWire } from "./anthropic/wire.ts";
import { type CoolDowns, createCoolDowns, retryAfterMs } from "./cool-downs.ts";
import { connectionFault, type Exchange, openExchange } from "./exchange.ts";
import { badAnswer } from "./faults.ts";
import { geminiWire } from "./gemini/wire.ts";
import { NO_WORDS } from "./no-words.ts";
import { OPENAI_WIRE } from "./openai/wire.ts";
import type { AnswerReader, Wire } from "./wire.ts";

export const UPSTREAM_LIMITS = {
  /** Connections to one origin: as many answers can be streamed at once. */
  connectionsMax: 1_024,
  connectMs: 5_000,
  firstByteMs: 300_000,
  idleMs: 120_000,
  /** Times that one call is sent, over all its routes, and to one that has a single endpoint. */
  attemptsMax: 6,
  routeAttemptsMax: 3,
  /** Who waits for a model waits a little longer for an endpoint that asks for it, not for minutes. */
  waitMsMax: 5_000,
  /** A request may itself be what makes an interface fail: others do not wait for long because of it. */
  failedMsMax: 1_000,
} as const;

interface Dependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly limits?: { readonly [Name in keyof typeof UPSTREAM_LIMITS]: number };
}

export interface UpstreamPool extends ModelUpstreams {
  close(): Promise<void>;
}

export function createUpstreamPool(deps: Dependencies): UpstreamPool {
  const { clock, limits = UPSTREAM_LIMITS } = deps;
  const agent = new Agent({
    connections: limits.connectionsMax,
    pipelining: 1,
    connect: { timeout: limits.connectMs },
  });
  const nowSeconds = () => Math.floor(clock.now().getTime() / 1000);
  const wires: Readonly<Record<UpstreamKind, Wire>> = {
    openai: OPENAI_WIRE,
    anthropic: anthropicWire(nowSeconds),
    gemini: geminiWire(nowSeconds),
    "openai-videos": NO_WORDS,
  };
  const context = { ...deps, limits, agent, wires, coolDowns: createCoolDowns(clock) };
  return {
    ask: (routes, request, options) => ask(context, routes, request, options),
    close: () => agent.destroy(),
  };
}

interface Context extends Dependencies {
  readonly limits: NonNullable<Dependencies["limits"]>;
  readonly agent: Agent;
  readonly wires: Readonly<Record<UpstreamKind, Wire>>;
  readonly coolDowns: CoolDowns;
}

/** A try that came to nothing, and whether another one may come to more. */
class Failed {
  readonly fault: Fault;
  readonly mayRetry: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(fault: Fault, mayRetry: boolean, retryAfter?: number) {
    this.fault = fault;
    this.mayRetry = mayRetry;
    this.retryAfterMs = retryAfter;
  }
}

async function ask(
  context: Context,
  routes: readonly UpstreamRoute[],
  request: ModelRequest,
  options: AskOptions,
): Promise<ModelAnswer> {
  const { coolDowns, limits } = context;
  let attempts = 0;
  let last: Fault | undefined;
  for (const route of routes) {
    let waitedMs = 0;
    const routeMax = attempts + Math.max(limits.routeAttemptsMax, route.endpoints.length);
    while (attempts < Math.min(routeMax, limits.attemptsMax)) {
      const { endpoint, waitMs } = chooseEndpoint(context, route);
      // What asked to be left alone is left alone, and another model asked.
      if (waitMs > 0 && waitedMs + waitMs > limits.waitMsMax) break;
      if (waitMs > 0) await rest(waitMs, options.signal);
      waitedMs += waitMs;
      attempts += 1;
      const name = nameOf(endpoint, route);
      const answer = await attempt(context, route, endpoint, request, options);
      if (!(answer instanceof Failed)) {
        coolDowns.succeeded(name);
        return answer;
      }
      if (!answer.mayRetry) throw answer.fault;
      const longestMs = BY_REQUEST.has(answer.fault.code) ? limits.failedMsMax : undefined;
      coolDowns.failed(name, answer.retryAfterMs, longestMs);
      last = answer.fault;
    }
  }
  if (last && last.code !== "provider_busy") throw last;
  throw busyFor(context, routes, last?.cause);
}

/** Whoever asked may come back when the first of them may be asked again. */
function busyFor(context: Context, routes: readonly UpstreamRoute[], cause: unknown): Fault {
  const waitMs = Math.min(...routes.map((route) => chooseEndpoint(context, route).waitMs));
  const facts = { retryAfterSeconds: waitMs / 1000 };
  return new Fault("provider_busy", "The model is busy. Try again later.", facts, { cause });
}

/** Failures that may be one request's doing. */
const BY_REQUEST: ReadonlySet<string> = new Set(["provider_failed", "provider_bad_output"]);

function nameOf(endpoint: UpstreamEndpoint, route: UpstreamRoute): string {
  return `${endpoint.id}\0${route.upstreamModel}`;
}

async function rest(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (error) {
    throw connectionFault(error, signal);
  }
}

/** One that may be asked now, by weight and chance; else the one that may be asked first. */
function chooseEndpoint(
  { coolDowns, random }: Context,
  route: UpstreamRoute,
): { endpoint: UpstreamEndpoint; waitMs: number } {
  const { endpoints } = route;
  const [only] = endpoints;
  if (!only) throw new Fault("provider_unconfigured", "The model has no endpoint.");
  if (endpoints.length === 1) {
    return { endpoint: only, waitMs: coolDowns.waitMs(nameOf(only, route)) };
  }
  const waits = endpoints.map((endpoint) => ({
    endpoint,
    waitMs: coolDowns.waitMs(nameOf(endpoint, route)),
  }));
  const ready = waits.filter(({ waitMs }) => waitMs === 0);
  if (ready.length === 0) return waits.reduce((a, b) => (b.waitMs < a.waitMs ? b : a));
  const total = ready.reduce((sum, { endpoint }) => sum + endpoint.weight, 0);
  let drawn = randomBelow(random, total);
  for (const choice of ready) {
    drawn -= choice.endpoint.weight;
    if (drawn < 0) return choice;
  }
  return ready[0] as { endpoint: UpstreamEndpoint; waitMs: number };
}

async function attempt(
  context: Context,
  route: UpstreamRoute,
  endpoint: UpstreamEndpoint,
  request: ModelRequest,
  options: AskOptions,
): Promise<ModelAnswer | Failed> {
  const wire = context.wires[route.kind];
  // A request that cannot be said in this wire's words is refused by what is thrown here.
  const encoded = wire.encode(route, endpoint, request, options);
  const { signal } = options;
  try {
    const exchange = await openExchange(context.agent, encoded, context.limits, signal);
    if (exchange.status !== 200) return await refused(context, wire, exchange);
    const reader = wire.reader(route, request);
    return request.isStream
      ? await begin(exchange, reader, signal)
      : await takeWhole(exchange, reader);
  } catch (error) {
    return new Failed(connectionFault(error, signal), !signal.aborted);
  }
}

/** The request itself is at fault: nobody else would take it either. */
const FINAL: ReadonlySet<string> = new Set(["invalid_request"]);

async function refused({ clock }: Context, wire: Wire, exchange: Exchange): Promise<Failed> {
  const body = await exchange.whole();
  const fault = wire.faultOf(exchange.status, body);
  const after = retryAfterMs(exchange.headers, clock);
  return new Failed(fault, !FINAL.has(fault.code), after);
}

async function takeWhole(exchange: Exchange, reader: AnswerReader): Promise<ModelAnswer> {
  const piece = reader.whole(await exchange.whole());
  return { pieces: oneOf(piece), isWhole: () => true, usage: () => reader.usage() };
}

async function* oneOf(piece: AnswerPiece): AsyncGenerator<AnswerPiece> {
  yield piece;
}

/** A stream begins with its first piece: until then another one can take its place. */
async function begin(
  exchange: Exchange,
  reader: AnswerReader,
  signal: AbortSignal,
): Promise<ModelAnswer | Failed> {
  const type = String(exchange.headers["content-type"] ?? "");
  if (!type.startsWith("text/event-stream")) {
    exchange.abort();
    return new Failed(badAnswer(new Error(`a stream of type ${type}`)), true);
  }
  let first: readonly AnswerPiece[] = [];
  while (first.length === 0 && !reader.failure) {
    const bytes = await exchange.next();
    first = bytes ? reader.push(bytes) : reader.end();
    if (!bytes) break;
  }
  if (first.length === 0) {
    exchange.abort();
    return new Failed(reader.failure ?? badAnswer(), true);
  }
  return {
    pieces: stream(exchange, reader, first, signal),
    isWhole: () => reader.isWhole,
    usage: () => reader.usage(),
  };
}

async function* stream(
  exchange: Exchange,
  reader: AnswerReader,
  first: readonly AnswerPiece[],
  signal: AbortSignal,
): AsyncGenerator<AnswerPiece> {
  try {
    yield* first;
    for (;;) {
      if (reader.failure) throw reader.failure;
      const bytes = await exchange.next();
      if (!bytes) break;
      yield* reader.push(bytes);
    }
    yield* reader.end();
    if (reader.failure) throw reader.failure;
  } catch (error) {
    throw brokenStream(error, signal);
  } finally {
    // Whoever reads no further does not want the rest.
    exchange.abort();
  }
}

/** A connection that breaks in the middle is no longer one that cannot be reached. */
function brokenStream(error: unknown, signal: AbortSignal): Fault {
  const fault = connectionFault(error, signal);
  if (fault.code !== "provider_offline") return fault;
  return new Fault("provider_failed", "The answer broke off.", undefined, { cause: error });
}
