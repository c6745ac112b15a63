/** The other end of the baseline's socket: says what it hears. */
import { WebSocket } from "ws";

const socket = new WebSocket(`ws://127.0.0.1:${process.argv[2]}`);
socket.on("open", () => process.send?.("open"));
socket.on("message", (message) => {
  const { id, input } = JSON.parse(String(message)) as { id: number; input: unknown };
  socket.send(JSON.stringify({ id, output: input }));
});
