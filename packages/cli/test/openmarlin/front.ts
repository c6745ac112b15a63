/** One address for two servers: what begins with one of some paths goes to the second, everything else to the first. */
import { createServer, request } from "node:http";
import type { TestContext } from "node:test";
import { listen } from "../support.ts";

export function startFront(
  t: TestContext,
  first: string,
  second: string,
  paths: readonly string[],
): Promise<string> {
  const server = createServer((incoming, outgoing) => {
    const path = incoming.url ?? "/";
    const target = paths.some((start) => path.startsWith(start)) ? second : first;
    const { host: _, ...headers } = incoming.headers;
    const passed = request(
      new URL(path, target),
      { method: incoming.method ?? "GET", headers, agent: false },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
        answer.pipe(outgoing);
      },
    );
    passed.on("error", () => outgoing.destroy());
    incoming.pipe(passed);
  });
  return listen(t, server);
}
