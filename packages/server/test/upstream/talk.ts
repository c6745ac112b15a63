/** A conversation with a picture and two calls of a tool, as chat completions say it. */
import type { ChatRequest } from "../../src/domain/chat.ts";

export const TALK: ChatRequest = {
  model: "a/b",
  messages: [
    { role: "system", content: "Be brief." },
    {
      role: "user",
      content: [
        { type: "text", text: "What is this?" },
        { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
      ],
    },
    {
      role: "assistant",
      content: null,
      tool_calls: [
        { id: "c1", type: "function", function: { name: "look", arguments: '{"at":"it"}' } },
        { id: "c2", type: "function", function: { name: "look", arguments: "" } },
      ],
    },
    { role: "tool", tool_call_id: "c1", content: '{"seen":"a fox"}' },
    { role: "tool", tool_call_id: "c2", content: "nothing" },
    { role: "user", content: "Well?" },
  ],
  max_completion_tokens: 300,
  temperature: 1.5,
  stop: "END",
  tools: [
    {
      type: "function",
      function: { name: "look", description: "Looks.", parameters: { type: "object" } },
    },
  ],
  tool_choice: "required",
  parallel_tool_calls: false,
};
