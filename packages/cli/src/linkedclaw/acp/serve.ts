/**
 * `acp serve`: an agent for hire, spoken to by an editor or another host of agents over stdin and
 * stdout in the Agent Client Protocol. stdout is the protocol's alone; what happens is told on stderr.
 */
import { Readable, Writable } from "node:stream";
import { ndJsonStream } from "@agentclientprotocol/sdk";
import { LIMITS } from "@guildhall/protocol";
import type { Cli } from "../../cli.ts";
import { openApi } from "../api.ts";
import { Bridge } from "./bridge.ts";
import { fetchOffer } from "./offer.ts";

export interface ServeOptions {
  readonly agent: string;
  readonly capability?: string;
  readonly maxMessages: number;
}

/** Serves until the host closes our stdin. Refuses before that where there is no such agent, or no key. */
export async function serve(cli: Cli, options: ServeOptions): Promise<void> {
  const api = await openApi(cli);
  const offer = await fetchOffer(api, options.agent, options.capability);
  const bridge = new Bridge({ cli, api, offer, messagesMax: options.maxMessages });
  const connection = bridge.app().connect(
    ndJsonStream(
      Writable.toWeb(process.stdout) as WritableStream<Uint8Array>,
      Readable.toWeb(process.stdin) as ReadableStream<Uint8Array>,
      // A prompt may carry files; what is sent on is bounded by the server.
      { maxMessageBytes: 4 * LIMITS.bodyBytesMax },
    ),
  );
  const { agentId: agent_id, capability } = offer;
  cli.terminal.event("acp_serving", { agent_id, capability, price: offer.price });
  await connection.closed;
  // Whether to close them is for people to decide (LinkedClaw contract §10.1).
  for (const session_id of bridge.sessionIds()) {
    const hint = `${cli.name} end ${session_id}, or cancel; the host can also load it again.`;
    cli.terminal.event("acp_session_left_open", { session_id, hint });
  }
}
