/** OpenAI's interface: method and path -> one question to a model. To be mounted at the root: the paths are whole. */
import { type Context, Hono } from "hono";
import type { Core, ModelReply } from "../../core/index.ts";
import { authenticated, callerOf } from "../shared/caller.ts";
import { callHeaders, readModelBody } from "../shared/model-body.ts";
import { callerGone, streamReply, wholeReply } from "../shared/model-reply.ts";
import type { createRateLimiter } from "../shared/rate-limit.ts";
import { decodeChat, decodeEmbeddings, type Question } from "./decode.ts";
import { decodeResponses } from "./decode-responses.ts";
import { chatWords, encodeChat, encodeEmbeddings } from "./encode.ts";
import { encodeResponse } from "./encode-responses.ts";
import { errorBody, refuse } from "./refusal.ts";
import { responsesWords } from "./stream-responses.ts";

/** What this wire uses of the product. */
export type OpenaiCore = Pick<Core, "callers" | "models">;

export interface OpenaiOptions {
  readonly limited: ReturnType<typeof createRateLimiter>;
  /** Seconds since 1970. */
  readonly nowSeconds: () => number;
}

export function openaiRoutes(core: OpenaiCore, options: OpenaiOptions): Hono {
  const { limited, nowSeconds } = options;
  const routes = new Hono();
  routes.onError((error, c) => refuse(c, error));
  const entered = [authenticated(core.callers), limited("models")] as const;
  const ask = (c: Context, question: Question): Promise<ModelReply> => {
    const asked = { ...question, ...callHeaders(c) };
    return core.models.ask(callerOf(c), asked, callerGone(c));
  };

  routes.post("/v1/chat/completions", ...entered, async (c) => {
    const question = decodeChat(await readModelBody(c));
    const reply = await ask(c, question);
    const { request, model, choices } = question;
    if (!request.isStream) return wholeReply(c, reply, (piece) => encodeChat(piece, model));
    const id = `chatcmpl-${reply.runId}`;
    return streamReply(c, reply, chatWords(request, { id, model, choices, created: nowSeconds() }));
  });

  routes.post("/v1/responses", ...entered, async (c) => {
    const body = await readModelBody(c);
    const question = decodeResponses(body);
    const reply = await ask(c, question);
    const answer = {
      runId: reply.runId,
      model: question.model,
      createdAt: nowSeconds(),
      asked: body.fields,
    };
    if (question.request.isStream) return streamReply(c, reply, responsesWords(answer));
    return wholeReply(c, reply, (piece) => encodeResponse(piece, answer));
  });

  routes.post("/v1/embeddings", ...entered, async (c) => {
    const body = await readModelBody(c);
    const question = decodeEmbeddings(body);
    const reply = await ask(c, question);
    const format = body.fields.encoding_format === "base64" ? "base64" : "float";
    return wholeReply(c, reply, (piece) => encodeEmbeddings(piece, question.model, format));
  });

  for (const path of ["/v1/chat/completions", "/v1/responses", "/v1/embeddings"]) {
    routes.all(path, (c) => {
      c.header("allow", "POST");
      const message = "This path answers to POST.";
      return c.json({ error: { ...errorBody(undefined).error, ...METHOD, message } }, 405);
    });
  }
  return routes;
}

const METHOD = { type: "invalid_request_error", code: "method_not_allowed" };
