/** Anthropic's interface: one question to a model. To be mounted at the root: the path is whole. */
import { type Context, Hono, type MiddlewareHandler } from "hono";
import type { Core } from "../../core/index.ts";
import { Fault } from "../../domain/fault.ts";
import { type Authenticator, bearerOf, callerOf } from "../shared/caller.ts";
import { callHeaders, readModelBody } from "../shared/model-body.ts";
import { callerGone, streamReply, wholeReply } from "../shared/model-reply.ts";
import type { createRateLimiter } from "../shared/rate-limit.ts";
import { decodeMessages } from "./decode.ts";
import { encodeMessage } from "./encode.ts";
import { refuse } from "./refusal.ts";
import { messageWords } from "./stream.ts";

/** What this wire uses of the product. */
export type AnthropicCore = Pick<Core, "callers" | "models">;

export interface AnthropicOptions {
  readonly limited: ReturnType<typeof createRateLimiter>;
}

const PATH = "/v1/messages";

export function anthropicRoutes(core: AnthropicCore, { limited }: AnthropicOptions): Hono {
  const routes = new Hono();
  routes.onError((error, c) => refuse(c, error));
  routes.post(PATH, entered(core.callers), limited("models"), async (c) => {
    const question = decodeMessages(await readModelBody(c));
    const asked = { ...question, ...callHeaders(c) };
    const reply = await core.models.ask(callerOf(c), asked, callerGone(c));
    const head = { runId: reply.runId, model: question.model };
    if (question.request.isStream) return streamReply(c, reply, messageWords(head));
    return wholeReply(c, reply, (piece) => encodeMessage(piece, head));
  });
  routes.all(PATH, (c) => {
    c.header("allow", "POST");
    const error = { type: "invalid_request_error", message: "This path answers to POST." };
    return c.json({ type: "error", error }, 405);
  });
  return routes;
}

/** This wire's clients show their key as `x-api-key`, or as everybody else does. */
function entered(callers: Authenticator): MiddlewareHandler {
  return async (c, next) => {
    c.set("caller", await callers.authenticate(secretOf(c)));
    await next();
  };
}

function secretOf(c: Context): string {
  const key = c.req.header("x-api-key");
  if (key === undefined) return bearerOf(c);
  if (/^\S+$/.test(key)) return key;
  throw new Fault("unauthenticated", "Show a key as x-api-key, or as Authorization: Bearer <key>.");
}
