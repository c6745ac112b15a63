/**
 * The model behind both gateways: answers at once, or streams 64 frames 20 ms apart. A child process,
 * so that it costs both gateways the same.
 */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { FRAME_MS, FRAMES } from "./model-frames.ts";

const USAGE = { prompt_tokens: 12, completion_tokens: 5, total_tokens: 17 };
const HEAD = { id: "chatcmpl-bench", created: 1_700_000_000, model: "instant" };
const WHOLE = Buffer.from(
  JSON.stringify({
    ...{ ...HEAD, object: "chat.completion", usage: USAGE },
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: "Hello, it is me." },
        finish_reason: "stop",
      },
    ],
  }),
);

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    if (Buffer.concat(chunks).includes('"stream":true')) {
      stream(response);
      return;
    }
    response.writeHead(200, {
      "content-type": "application/json",
      "content-length": WHOLE.byteLength,
    });
    response.end(WHOLE);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));

function stream(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  let frame = 0;
  const timer = setInterval(() => {
    if (frame < FRAMES) {
      const choices = [{ index: 0, delta: { content: `frame ${frame} ` }, finish_reason: null }];
      response.write(
        `data: ${JSON.stringify({ ...HEAD, object: "chat.completion.chunk", choices })}\n\n`,
      );
      frame += 1;
      return;
    }
    clearInterval(timer);
    const last = { ...HEAD, object: "chat.completion.chunk", choices: [], usage: USAGE };
    response.end(`data: ${JSON.stringify(last)}\n\ndata: [DONE]\n\n`);
  }, FRAME_MS);
  response.on("close", () => clearInterval(timer));
}
