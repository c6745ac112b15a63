/**
 * Shows keys that are none to a server, so many a second: a child process, so that it is in nobody's
 * way but by the processor. Requests are bytes that were made before, over connections that stay open,
 * and of answers no more is looked at than their status.
 */
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { composeKey, KEY_SHAPES } from "../../packages/server/src/domain/key.ts";

export type FloodKind = "malformed" | "unknown";

/** What is to be shown, or why to end. */
export interface FloodOrder {
  readonly port: number;
  readonly kind: FloodKind;
  readonly count: number;
  readonly perSecond: number;
}

export interface Flooded {
  readonly answered: number;
  /** Answers that were no 401. */
  readonly others: number;
  readonly seconds: number;
}

const CONNECTIONS = 512;
const TICK_MS = 1;
const BODY = JSON.stringify({
  model: "bench/instant",
  messages: [{ role: "user", content: "Hi" }],
});

process.on("message", (order: FloodOrder) => {
  void flood(order).then((flooded) => process.send?.(flooded));
});

async function flood({ port, kind, count, perSecond }: FloodOrder): Promise<Flooded> {
  const requests = Array.from({ length: count }, () => requestWith(keyOf(kind)));
  const idle: Socket[] = [];
  const { promise: done, resolve } = Promise.withResolvers<void>();
  let answered = 0;
  let others = 0;
  for (let index = 0; index < CONNECTIONS; index++) {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => {
      if (!text.startsWith("HTTP/1.1 ")) return;
      answered += 1;
      if (!text.startsWith("HTTP/1.1 401")) others += 1;
      idle.push(socket);
      if (answered === count) resolve();
    });
    await new Promise((connected) => socket.once("connect", connected));
    idle.push(socket);
  }
  // From here on it is measured.
  process.send?.("begun");
  const startedMs = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    const due = Math.min(count, Math.floor(((performance.now() - startedMs) / 1000) * perSecond));
    while (sent < due && idle.length > 0) idle.pop()?.write(requests[sent++] ?? "");
  }, TICK_MS);
  await done;
  clearInterval(timer);
  for (const socket of idle) socket.destroy();
  return { answered, others, seconds: (performance.now() - startedMs) / 1000 };
}

/** A key of the right shape that nobody has, or the same with a checksum that is not its own. */
function keyOf(kind: FloodKind): string {
  const key = composeKey("gld", randomBytes(KEY_SHAPES.gld.randomBytes));
  if (kind === "unknown") return key;
  return key.slice(0, -1) + (key.endsWith("0") ? "1" : "0");
}

function requestWith(key: string): string {
  return [
    "POST /v1/chat/completions HTTP/1.1",
    "host: 127.0.0.1",
    `authorization: Bearer ${key}`,
    "content-type: application/json",
    `content-length: ${BODY.length}`,
    "",
    BODY,
  ].join("\r\n");
}
