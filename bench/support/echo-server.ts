/** The baseline of the invoke benchmark: the same HTTP server and socket library, and nothing else. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { type WebSocket, WebSocketServer } from "ws";

const waiting = new Map<number, (answer: unknown) => void>();
let peer: WebSocket | undefined;
let counter = 0;

const app = new Hono();
app.post("/echo", async (c) => {
  const input: unknown = await c.req.json();
  const id = counter++;
  const answer = new Promise<unknown>((resolve) => waiting.set(id, resolve));
  peer?.send(JSON.stringify({ id, input }));
  return c.json({ result: await answer });
});

const server = createServer(getRequestListener(app.fetch, { overrideGlobalObjects: false }));
new WebSocketServer({ server }).on("connection", (socket) => {
  peer = socket;
  socket.on("message", (message) => {
    const { id, output } = JSON.parse(String(message)) as { id: number; output: unknown };
    waiting.get(id)?.(output);
    waiting.delete(id);
  });
});
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
