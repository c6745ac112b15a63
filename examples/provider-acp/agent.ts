/**
 * An agent that speaks the Agent Client Protocol on its stdin and stdout, and needs no model: it looks
 * words up in docs/GLOSSARY.md. What it is asked is the last text in a prompt; what it answers, it sends in
 * pieces, as agents do.
 */
import { readFileSync } from "node:fs";
import { Readable, Writable } from "node:stream";
import { agent, methods, ndJsonStream, PROTOCOL_VERSION } from "@agentclientprotocol/sdk";

const PAGE = readFileSync(new URL("../../docs/GLOSSARY.md", import.meta.url), "utf8");

/** Word by word, from the rows of the page's table. */
const MEANINGS = new Map(
  PAGE.split("\n")
    .filter((line) => line.startsWith("| "))
    .flatMap((line) => {
      const [, words = "", meaning = ""] = line.split("|").map((cell) => cell.trim());
      return words.split(",").map((word) => [word.trim(), meaning] as const);
    }),
);

await agent({ name: "glossary" })
  .onRequest(methods.agent.initialize, () => ({
    protocolVersion: PROTOCOL_VERSION,
    agentCapabilities: {},
  }))
  .onRequest(methods.agent.session.new, () => ({ sessionId: "glossary" }))
  .onRequest(methods.agent.session.prompt, async ({ params, client }) => {
    const asked = params.prompt
      .map((block) => (block.type === "text" ? block.text : ""))
      .join("\n");
    for (const piece of answer(asked).split(/(?<= )/)) {
      await client.notify(methods.client.session.update, {
        sessionId: params.sessionId,
        update: {
          sessionUpdate: "agent_message_chunk",
          content: { type: "text", text: piece },
        },
      });
    }
    return { stopReason: "end_turn" };
  })
  .connect(
    ndJsonStream(
      Writable.toWeb(process.stdout) as WritableStream<Uint8Array>,
      Readable.toWeb(process.stdin) as ReadableStream<Uint8Array>,
    ),
  ).closed;

/** What the words in a text mean; of a prompt that carries an input as JSON, the words in that. */
function answer(asked: string): string {
  const text = asked.slice(Math.max(0, asked.lastIndexOf("\n{"))).toLowerCase();
  const words = new Set(text.match(/[a-z-]+/g));
  const known = [...MEANINGS].filter(([word]) => words.has(word));
  if (known.length === 0) return `I know ${[...MEANINGS.keys()].join(", ")}.`;
  return known.map(([word, meaning]) => `${word}: ${meaning}.`).join("\n");
}
