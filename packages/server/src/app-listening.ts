/**
 * The port: opened first, so that the server knows its address, and closed in two steps.
 *
 *   1. `stopServing`: nobody new is let in, and the requests under way get a few seconds. All of the
 *      server still works meanwhile: a run that somebody waits for can end, and its answer be told.
 *   2. `close`: whoever was told by then that the server stops reads that; the rest is cut.
 */
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Config } from "./config.ts";
import { UPLOAD_PACE } from "./domain/asset.ts";
import { StartFault } from "./start-fault.ts";
import { isWebSocketUpgrade } from "./surfaces/upgrade.ts";

/** Requests under way at a stop get this long. */
export const DRAIN_MS_MAX = 5_000;
/** What is being said when everything is closed is said within this time. */
const LAST_WORDS_MS = 1_000;

/** Addresses that stand for all of a machine's, and one of them. */
const EVERY_ADDRESS: ReadonlyMap<string, string> = new Map([
  ["0.0.0.0", "127.0.0.1"],
  ["[::]", "[::1]"],
]);

type Listener = NonNullable<Parameters<typeof createServer>[1]>;

/** Listens where the configuration says. Until `serve` is called the answer is 503. */
export async function listen(config: Config) {
  let listener = notNow("starting", "The server is starting.");
  const underWay = new UnderWay();
  // A slow sender may not hold a connection for ever; an upload may take its ten minutes, and is then
  // told so.
  const limits = { headersTimeout: 20_000, requestTimeout: UPLOAD_PACE.msMax + 30_000 };
  const server = createServer(
    { ...limits, shouldUpgradeCallback: isWebSocketUpgrade },
    (request, response) => {
      underWay.add(response);
      listener(request, response);
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(listenProblem(error, config)));
    server.listen(config.port, config.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const host = config.host.includes(":") ? `[${config.host}]` : config.host;
  const reached = EVERY_ADDRESS.get(host) ?? host;
  return {
    server,
    url: config.publicUrl ?? `http://${host}:${port}`,
    localUrl: `http://${reached}:${port}`,
    serve(next: Listener) {
      listener = next;
    },
    /** What is asked from now on is refused; resolves when what was asked before is answered. */
    async stopServing() {
      listener = notNow("stopping", "The server is stopping.");
      server.close();
      await underWay.answered(DRAIN_MS_MAX);
    },
    close: () => closeServer(server),
  };
}

function notNow(code: string, message: string): Listener {
  return (_request, response) => {
    const headers = { "retry-after": "1", "content-type": "application/json" };
    response.writeHead(503, { ...headers, connection: "close" });
    response.end(JSON.stringify({ error: { code, message } }));
  };
}

/** Requests that are not answered yet. */
class UnderWay {
  readonly #responses = new Set<ServerResponse>();
  #onAnswered: (() => void) | undefined;

  add(response: ServerResponse): void {
    this.#responses.add(response);
    response.once("close", () => {
      this.#responses.delete(response);
      if (this.#responses.size === 0) this.#onAnswered?.();
    });
  }

  /** Resolves when each is answered or gone, at the latest after so many milliseconds. */
  async answered(msMax: number): Promise<void> {
    if (this.#responses.size === 0) return;
    await new Promise<void>((resolve) => {
      const late = setTimeout(resolve, msMax);
      this.#onAnswered = () => {
        clearTimeout(late);
        resolve();
      };
    });
  }
}

/** Connections that only wait are closed at once, the others when they have had the time to say it. */
function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => server.closeAllConnections(), LAST_WORDS_MS);
    server.close(() => {
      clearTimeout(force);
      resolve();
    });
    server.closeIdleConnections();
  });
}

/** Why an address cannot be listened on, and what to do about it, in words. */
function listenProblem(error: NodeJS.ErrnoException, { host, port }: Config): Error {
  const words: Record<string, string> = {
    EADDRINUSE: `port ${port} of ${host} is taken by another program. Stop that one, or set PORT to another; 0 takes a free one.`,
    EACCES: `port ${port} may not be listened on by this user. Set PORT to another, above 1023.`,
    EADDRNOTAVAIL: `${host} is no address of this machine. Set HOST to another.`,
  };
  const message = words[error.code ?? ""];
  return message === undefined ? error : new StartFault(message, { cause: error });
}
