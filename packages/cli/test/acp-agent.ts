/** An agent that speaks ACP on its stdin and stdout, and does what the input it is given says. */
import { readdirSync } from "node:fs";
import { Readable, Writable } from "node:stream";
import {
  type AgentContext,
  agent,
  methods,
  ndJsonStream,
  PROTOCOL_VERSION,
  RequestError,
  type StopReason,
} from "@agentclientprotocol/sdk";

interface Input {
  readonly do: string;
  readonly text?: string;
  readonly tool?: Readonly<Record<string, unknown>>;
  readonly stop?: StopReason;
}

const SESSION = "only";
let meta: unknown;
let turns = 0;

await agent({ name: "test-agent" })
  .onRequest(methods.agent.initialize, ({ params }) => ({
    protocolVersion: PROTOCOL_VERSION,
    agentCapabilities: {},
    _meta: { offered: params.clientCapabilities ?? {} },
  }))
  .onRequest(methods.agent.session.new, ({ params }) => {
    meta = params._meta ?? null;
    return { sessionId: SESSION };
  })
  .onRequest(methods.agent.session.prompt, async ({ params, client }) => {
    turns += 1;
    const [block] = params.prompt;
    const text = block?.type === "text" ? block.text : "";
    return { stopReason: await turn(inputOf(text), text, client) };
  })
  .connect(
    ndJsonStream(
      Writable.toWeb(process.stdout) as WritableStream<Uint8Array>,
      Readable.toWeb(process.stdin) as ReadableStream<Uint8Array>,
    ),
  ).closed;

async function turn(input: Input, prompt: string, client: AgentContext): Promise<StopReason> {
  const say = (text: string, sessionUpdate = "agent_message_chunk" as const) =>
    client.notify(methods.client.session.update, {
      sessionId: SESSION,
      update: { sessionUpdate, content: { type: "text", text } },
    });
  switch (input.do) {
    case "say":
      await say("a thought that nobody is told", "agent_thought_chunk" as never);
      for (const piece of (input.text ?? "").split(" ")) await say(`${piece} `);
      return input.stop ?? "end_turn";
    case "tell": {
      const files = readdirSync(process.cwd());
      const env = Object.keys(process.env);
      const facts = { env, cwd: process.cwd(), files, meta, prompt, turns, argv: process.argv };
      await say(JSON.stringify(facts));
      return "end_turn";
    }
    case "ask":
      await say(await outcomeOf(input.tool ?? {}, client));
      return "end_turn";
    case "flood":
      for (let sent = 0; sent < 64; sent++) await say("x".repeat(32_768));
      return "end_turn";
    case "error":
      throw new RequestError(-32000, "the disk /home/somebody is full");
    case "exit":
      return process.exit(3);
    default:
      return new Promise(() => undefined);
  }
}

/** Announces a call of a tool, asks for permission, and gives the kind of the option that was chosen. */
async function outcomeOf(
  { announced, ...tool }: Readonly<Record<string, unknown>>,
  client: AgentContext,
): Promise<string> {
  const toolCallId = "call-1";
  if (announced !== undefined) {
    await client.notify(methods.client.session.update, {
      sessionId: SESSION,
      update: {
        ...{ sessionUpdate: "tool_call", toolCallId, title: "Read" },
        name: String(announced),
      },
    });
  }
  const { outcome } = await client.request(methods.client.session.requestPermission, {
    sessionId: SESSION,
    toolCall: { toolCallId, title: "Read", kind: "read", ...tool },
    options: [
      { optionId: "allowed always", name: "Always", kind: "allow_always" },
      { optionId: "allowed once", name: "Once", kind: "allow_once" },
      { optionId: "rejected once", name: "No", kind: "reject_once" },
    ],
  });
  return outcome.outcome === "selected" ? outcome.optionId : outcome.outcome;
}

/** The JSON at the end of a prompt. */
function inputOf(text: string): Input {
  const from = text.startsWith("{") ? 0 : text.lastIndexOf("\n{");
  return JSON.parse(text.slice(from)) as Input;
}
