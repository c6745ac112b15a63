/**
 * Who gets a connection that asks to become a WebSocket. Two wires share `/ws`: with an `EIO` query
 * parameter it is Socket.IO's, without one it is a provider's relay.
 */
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { PROVIDER_PATH } from "@guildhall/protocol";

import { NODES_PATH } from "./openmarlin/nodes/codec.ts";

export interface UpgradeHandler {
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

export interface UpgradeRoutes {
  /** `/provider`: the native provider protocol. */
  readonly provider: UpgradeHandler;
  /** `/v1/providers/connect`: programs that run models, where there is OpenMarlin's wire. */
  readonly nodes?: UpgradeHandler;
  /** `/ws` without `EIO`. */
  readonly relay: UpgradeHandler;
  /** `/ws` with `EIO`; where there is none, such a request finds nothing. */
  readonly engine?: UpgradeHandler;
  /** What has to be refused before it is routed, as for plain requests: an HTTP status, or nothing. */
  readonly refuse?: (request: IncomingMessage) => 400 | 403 | 503 | undefined;
}

const STATUS_TEXT = {
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  503: "Service Unavailable",
} as const;

/**
 * Whether a request asks for what there is to upgrade to. Any other offer, such as `h2c`, may be
 * passed over: the request is then answered as it came (RFC 9110 §7.8).
 */
export function isWebSocketUpgrade({ headers }: Pick<IncomingMessage, "headers">): boolean {
  const offers = (headers.upgrade ?? "").split(",");
  return offers.some((offer) => offer.trim().toLowerCase() === "websocket");
}

/** Answers every upgrade that `server` is asked for. Nothing else may listen to its `upgrade` event. */
export function routeUpgrades(server: Server, routes: UpgradeRoutes): void {
  server.on("upgrade", (request, socket, head) => {
    // A peer that goes away at the wrong moment is no reason to fall over.
    socket.on("error", () => socket.destroy());
    const refusal = routes.refuse?.(request);
    const handler = refusal === undefined ? handlerOf(request, routes) : undefined;
    if (handler) handler.upgrade(request, socket, head);
    else answer(socket, refusal ?? 404);
  });
}

function handlerOf(request: IncomingMessage, routes: UpgradeRoutes): UpgradeHandler | undefined {
  const [path = "", query = ""] = (request.url ?? "").split("?", 2);
  switch (path.replace(/\/$/, "")) {
    case PROVIDER_PATH:
      return routes.provider;
    case NODES_PATH:
      return routes.nodes;
    case "/ws":
      return new URLSearchParams(query).has("EIO") ? routes.engine : routes.relay;
    default:
      return undefined;
  }
}

function answer(socket: Duplex, status: keyof typeof STATUS_TEXT): void {
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_TEXT[status]}`,
    "Connection: close",
    "Content-Length: 0",
  ];
  socket.end(`${lines.join("\r\n")}\r\n\r\n`);
}
