/** What one conversation says to its host: words of the hired agent, and questions about money. */
import { randomUUID } from "node:crypto";
import { type AgentContext, methods, RequestError } from "@agentclientprotocol/sdk";

export class HostConversation {
  readonly #client: AgentContext;
  readonly #id: string;

  constructor(client: AgentContext, id: string) {
    this.#client = client;
    this.#id = id;
  }

  /** Words for the user, from the hired agent or from us. */
  async say(text: string): Promise<void> {
    await this.#chunk("agent_message_chunk", text);
  }

  /** What the user said earlier, where a conversation is shown again. */
  async replay(text: string): Promise<void> {
    await this.#chunk("user_message_chunk", text);
  }

  /** Tells the host which words beginning with a slash it may offer. */
  async offerCommands(
    commands: readonly { readonly name: string; readonly description: string }[],
  ): Promise<void> {
    await this.#client.notify(methods.client.session.update, {
      sessionId: this.#id,
      update: { sessionUpdate: "available_commands_update", availableCommands: [...commands] },
    });
  }

  /**
   * Asks the user whether money may be held. Everything but a plain yes is a no: a host that cannot
   * ask, a question that was cancelled, an answer that was none of the options.
   */
  async mayPay(
    title: string,
    facts: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const toolCallId = randomUUID();
    const rawInput = { ...facts };
    await this.#client.notify(methods.client.session.update, {
      sessionId: this.#id,
      update: {
        ...{ sessionUpdate: "tool_call", toolCallId, title, rawInput },
        ...{ kind: "other", status: "pending", name: "payment" },
      },
    });
    const isAgreed = await this.#ask({ toolCallId, title, rawInput }, signal);
    await this.#client.notify(methods.client.session.update, {
      sessionId: this.#id,
      update: {
        ...{ sessionUpdate: "tool_call_update", toolCallId },
        status: isAgreed ? "completed" : "failed",
      },
    });
    return isAgreed;
  }

  async #ask(
    call: { readonly toolCallId: string; readonly title: string; readonly rawInput: object },
    signal: AbortSignal,
  ): Promise<boolean> {
    try {
      const { outcome } = await this.#client.request(
        methods.client.session.requestPermission,
        {
          sessionId: this.#id,
          toolCall: { ...call, kind: "other", status: "pending" },
          options: [
            { optionId: "pay", name: "Yes, pay for it", kind: "allow_once" },
            { optionId: "decline", name: "No", kind: "reject_once" },
          ],
        },
        { cancellationSignal: signal, stopWaitingOnCancel: true },
      );
      return outcome.outcome === "selected" && outcome.optionId === "pay";
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof RequestError) return false;
      throw error;
    }
  }

  async #chunk(
    sessionUpdate: "agent_message_chunk" | "user_message_chunk",
    text: string,
  ): Promise<void> {
    await this.#client.notify(methods.client.session.update, {
      sessionId: this.#id,
      update: { sessionUpdate, content: { type: "text", text } },
    });
  }
}
