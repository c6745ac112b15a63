/** Models and executions (contract §5, §6). */
import type { Context, Hono } from "hono";
import type { ExecutionEvent, ExecutionStream } from "../../core/index.ts";
import { authenticated, callerOf } from "../shared/caller.ts";
import { eventBody, eventText } from "../shared/event-stream.ts";
import { callerGone } from "../shared/model-reply.ts";
import { readObject } from "./decode.ts";
import { decodeExecution } from "./decode-execution.ts";
import {
  encodeChunk,
  encodeExecution,
  encodeFailure,
  encodeModels,
  encodeStart,
} from "./encode-execution.ts";
import type { OpenmarlinCore, OpenmarlinOptions } from "./routes.ts";

/** Contract §6.4: comments every 15 s. */
const KEEP_ALIVE_MS = 15_000;

export function executionRoutes(
  routes: Hono,
  { callers, executions }: OpenmarlinCore,
  { limited }: OpenmarlinOptions,
): void {
  const member = authenticated(callers);

  routes.get("/v1/models", member, async (c) => c.json(encodeModels(await executions.nodes())));

  routes.post("/v1/executions", member, limited("invoke"), async (c) => {
    const { execution, isStreamed } = decodeExecution(await readObject(c), maxUsdOf(c));
    const leaving = callerGone(c);
    if (!isStreamed) {
      return c.json(encodeExecution(await executions.execute(callerOf(c), execution, leaving)));
    }
    const stream = await executions.stream(callerOf(c), execution, leaving);
    const body = eventBody(textsOf(stream), { keepAliveMs: KEEP_ALIVE_MS, onGone: stream.stop });
    // Not a Response of one's own: that would go out without what every answer has, such as its id.
    return c.body(body, 200, {
      // Clients look this up by its lower-case name (contract §2, gotcha 1).
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    });
  });
}

/** The most that one request may cost, which this wire has no field for. */
export function maxUsdOf(c: Context): string | undefined {
  return c.req.header("guildhall-max-usd");
}

async function* textsOf({ events, runId }: ExecutionStream): AsyncGenerator<string> {
  try {
    for await (const event of events) yield textOf(event, runId());
  } catch (error) {
    yield eventText("execution.error", encodeFailure(runId(), error));
  }
}

function textOf(event: ExecutionEvent, requestId: string): string {
  switch (event.kind) {
    case "start":
      return eventText("execution.start", encodeStart(event.call));
    case "chunk":
      return eventText("execution.chunk", encodeChunk(requestId, event));
    case "end":
      return eventText("execution.end", {
        ...encodeExecution(event.view, event.isCut ? event.text : undefined),
        streamed_text: event.text,
      });
  }
}
