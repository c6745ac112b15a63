import type { ChatRequest } from "../domain/chat.ts";
import type { ModelRequest } from "./ports.ts";

/** A question that any model that talks can answer in a word. */
export function testRequest(model: string, outputTokensMax: number): ModelRequest {
  const chat: ChatRequest = {
    model,
    messages: [{ role: "user", content: "Say hello." }],
    max_completion_tokens: outputTokensMax,
  };
  return {
    // In no dialect of an interface's own: each says it in its own words.
    dialect: "converted",
    body: Buffer.from("{}"),
    isStream: false,
    wantsUsage: false,
    toChat: () => chat,
    toEmbeddings: () => ({ model, input: ["Say hello."] }),
  };
}
