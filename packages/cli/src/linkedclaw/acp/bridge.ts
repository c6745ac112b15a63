/**
 * An agent for hire as an ACP agent: what a host asks for, and which of our conversations it is about.
 * Money is never held without the host's user having said yes (LinkedClaw contract §9.2).
 */
import { randomBytes } from "node:crypto";
import {
  type AgentApp,
  type AgentContext,
  agent,
  methods,
  PROTOCOL_VERSION,
  RequestError,
} from "@agentclientprotocol/sdk";
import type { Cli } from "../../cli.ts";
import { Failure } from "../../failure.ts";
import { fieldsOf } from "../../server.ts";
import type { Api } from "../api.ts";
import { COMMANDS, Conversation } from "./conversation.ts";
import { HostConversation } from "./host.ts";
import type { Offer } from "./offer.ts";
import { promptText } from "./prompt-text.ts";
import { findConversation } from "./state.ts";

/** A host that opens more has lost count of them. */
const CONVERSATIONS_MAX = 1_000;

export interface BridgeParts {
  readonly cli: Cli;
  readonly api: Api;
  readonly offer: Offer;
  readonly messagesMax: number;
}

interface Open {
  readonly conversation: Conversation;
  readonly host: HostConversation;
  /** Aborts the turn that is under way. */
  turn: AbortController | undefined;
}

export class Bridge {
  readonly #parts: BridgeParts;
  readonly #open = new Map<string, Open>();

  constructor(parts: BridgeParts) {
    this.#parts = parts;
  }

  /** What answers a host. */
  app(): AgentApp {
    const { cli, offer } = this.#parts;
    return agent({ name: "linkedclaw" })
      .onRequest(methods.agent.initialize, () => ({
        protocolVersion: PROTOCOL_VERSION,
        agentInfo: { name: "linkedclaw", title: offer.agentName, version: cli.version },
        agentCapabilities: {
          loadSession: true,
          promptCapabilities: { embeddedContext: true },
        },
        authMethods: [],
      }))
      .onRequest(methods.agent.session.new, ({ client }) => {
        const id = `acp_${randomBytes(16).toString("hex")}`;
        this.#begin(id, client, undefined);
        return { sessionId: id };
      })
      .onRequest(methods.agent.session.load, async ({ params, client }) => {
        await this.#load(params.sessionId, client);
        return {};
      })
      .onRequest(methods.agent.session.prompt, async ({ params, signal }) => ({
        stopReason: await this.#prompt(params.sessionId, promptText(params.prompt), signal),
      }))
      .onNotification(methods.agent.session.cancel, ({ params }) => {
        this.#open.get(params.sessionId)?.turn?.abort();
      })
      .onRequest("session/end", fieldsOf, ({ params }) => this.#close(params))
      .onRequest("_session/end", fieldsOf, ({ params }) => this.#close(params));
  }

  /** Sessions that money may still be held for. */
  sessionIds(): string[] {
    return [...this.#open.values()].flatMap(({ conversation }) => conversation.sessionId ?? []);
  }

  #begin(id: string, client: AgentContext, sessionId: string | undefined): Open {
    if (this.#open.size >= CONVERSATIONS_MAX) {
      throw RequestError.invalidRequest({ max: CONVERSATIONS_MAX }, "too many conversations");
    }
    const host = new HostConversation(client, id);
    const more = sessionId === undefined ? {} : { sessionId };
    const conversation = new Conversation({ ...this.#parts, host, id, ...more });
    const open: Open = { conversation, host, turn: undefined };
    this.#open.set(id, open);
    // After the answer: before it the host does not know this id.
    setImmediate(() => void host.offerCommands(COMMANDS).catch(() => undefined));
    return open;
  }

  async #load(id: string, client: AgentContext): Promise<void> {
    const { cli, offer } = this.#parts;
    const kept = await findConversation(cli, id);
    const isOurs = kept?.agentId === offer.agentId && kept.capability === offer.capability;
    if (kept === undefined || !isOurs) throw RequestError.resourceNotFound(id);
    const { conversation } = this.#open.get(id) ?? this.#begin(id, client, kept.sessionId);
    await told(() => conversation.replay());
  }

  async #prompt(id: string, text: string, signal: AbortSignal) {
    const open = this.#require(id);
    if (open.turn !== undefined) {
      throw RequestError.invalidRequest({ sessionId: id }, "a turn is under way");
    }
    const turn = new AbortController();
    open.turn = turn;
    try {
      return await open.conversation.prompt(text, AbortSignal.any([turn.signal, signal]));
    } finally {
      open.turn = undefined;
    }
  }

  /** `session/end`, for hosts that have a button for it. */
  #close({ sessionId, cancel }: Readonly<Record<string, unknown>>) {
    const { conversation } = this.#require(String(sessionId));
    return told(() => conversation.close(cancel === true ? "cancel" : "end"));
  }

  #require(id: string): Open {
    const open = this.#open.get(id);
    if (open === undefined) throw RequestError.resourceNotFound(id);
    return open;
  }
}

/** A refusal of the server's, as one of this protocol's. */
async function told<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { code, message, facts } = error;
    throw RequestError.invalidRequest({ ...facts, code }, message);
  }
}
