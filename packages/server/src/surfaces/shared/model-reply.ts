/** Answers of models on their way out: written to the socket itself, at the pace of whoever reads. */
import type { ServerResponse } from "node:http";
import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { Context } from "hono";
import type { ModelReply, ReplyPiece } from "../../core/index.ts";
import { requestIdOf } from "./request-id.ts";

/** How a wire words what is not in its own bytes already. */
export interface ReplyWords {
  /** Of a stream: events of this wire, whole. */
  piece(piece: ReplyPiece): Buffer | string;
  /** After the last piece of a stream that came to its end. */
  end(): string;
  /** A failure in the middle of a stream: its last event. */
  failed(error: unknown): string;
}

/** Fires when the caller's connection closes before its answer went out. */
export function callerGone(c: Context): AbortSignal {
  const { outgoing } = c.env as HttpBindings;
  const controller = new AbortController();
  if (outgoing.destroyed) controller.abort();
  outgoing.once("close", () => {
    if (!outgoing.writableFinished) controller.abort();
  });
  return controller.signal;
}

/** Writes a streamed answer. What fails before its first piece is thrown. */
export async function streamReply(
  c: Context,
  reply: ModelReply,
  words: ReplyWords,
): Promise<Response> {
  const outgoing = begin(c, reply, "text/event-stream; charset=utf-8");
  outgoing.setHeader("cache-control", "no-cache");
  try {
    for await (const piece of reply.pieces) {
      const bytes = words.piece(piece);
      // What was not handed to a caller who is there was not delivered, and what was, was.
      if (outgoing.destroyed) break;
      // Whoever reads slowly is waited for, and with them whoever answers.
      if (bytes.length > 0 && !outgoing.write(bytes)) await drained(outgoing);
    }
    outgoing.end(words.end());
  } catch (error) {
    c.set("thrown", error);
    outgoing.end(words.failed(error));
  }
  return RESPONSE_ALREADY_SENT;
}

/** Writes an answer that comes at once. `encode` words it where it is not in this wire's bytes. */
export async function wholeReply(
  c: Context,
  reply: ModelReply,
  encode: (piece: ReplyPiece) => Buffer | string,
): Promise<Response> {
  const { value: piece } = await reply.pieces.next();
  if (!piece) throw new Error("an answer without a piece");
  let body: Buffer | string | undefined;
  try {
    body = encode(piece);
  } finally {
    // Nothing was handed over that cannot be worded, nor where nobody is there any more.
    if (body === undefined || (c.env as HttpBindings).outgoing.destroyed) {
      await reply.pieces.return();
    }
  }
  if ((c.env as HttpBindings).outgoing.destroyed) return RESPONSE_ALREADY_SENT;
  const outgoing = begin(c, reply, "application/json");
  outgoing.setHeader("content-length", Buffer.byteLength(body));
  outgoing.end(body);
  // It was handed on: that settles it, and nobody waits for that.
  await reply.pieces.next();
  return RESPONSE_ALREADY_SENT;
}

function begin(c: Context, { runId }: ModelReply, type: string): ServerResponse {
  const { outgoing } = c.env as { outgoing: ServerResponse };
  // What other answers are given on their way: this one goes by none of it.
  outgoing.setHeader("x-request-id", requestIdOf(c));
  outgoing.setHeader("x-content-type-options", "nosniff");
  outgoing.setHeader("content-type", type);
  outgoing.setHeader("x-guildhall-run-id", runId);
  outgoing.statusCode = 200;
  return outgoing;
}

function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      outgoing.off("drain", done);
      outgoing.off("close", done);
      resolve();
    };
    outgoing.on("drain", done);
    outgoing.on("close", done);
  });
}
