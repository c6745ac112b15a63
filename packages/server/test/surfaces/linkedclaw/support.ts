/** Requests to LinkedClaw's interface as they are, good or bad, and what has to hold after a bad one. */
import assert from "node:assert/strict";
import { request } from "node:http";
import type { Guildhall, Member } from "../../support/guildhall.ts";
import { balanceOf } from "../../support/hire.ts";

export type Body = string | Uint8Array<ArrayBuffer> | FormData | URLSearchParams | ReadableStream;

export interface Sent {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Body;
}

export interface Reply {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON the test looks into.
  readonly body: any;
  readonly headers: Headers;
}

/** Sends a request under `/api/v1` as the member; its own headers win. */
export async function send(hall: Guildhall, member: Member, sent: Sent): Promise<Reply> {
  const { method = "POST", path, headers = {}, body } = sent;
  const response = await fetch(`${hall.url}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${member.key}`, ...headers },
    redirect: "manual",
    signal: AbortSignal.timeout(ANSWER_MS_MAX),
    ...(body !== undefined && { body }),
    ...(body instanceof ReadableStream && { duplex: "half" }),
  } as RequestInit);
  const text = await response.text();
  return { status: response.status, body: parsed(text), headers: response.headers };
}

/** `Host` and other headers that fetch does not let anybody set. */
export function sendRaw(
  hall: Guildhall,
  path: string,
  headers: Record<string, string | string[]>,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request(`${hall.url}${path}`, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      resolve({
        status: response.statusCode ?? 0,
        body: parsed(Buffer.concat(chunks).toString()),
        headers: new Headers(response.headers as Record<string, string>),
      });
    });
    // One by one: a list of values is then a header each.
    for (const [name, value] of Object.entries(headers)) sent.setHeader(name, value);
    sent.once("error", reject).end();
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A refusal takes no time; whoever waits for a deadline was not refused. */
const ANSWER_MS_MAX = 15_000;

export const JSON_TYPE = { "content-type": "application/json" } as const;

/** A body that says nothing of its length. */
export function streamOf(bytes: number): ReadableStream {
  const piece = new Uint8Array(64 * 1024).fill(0x61);
  let left = bytes;
  return new ReadableStream({
    pull(controller) {
      if (left <= 0) return controller.close();
      controller.enqueue(piece.subarray(0, Math.min(left, piece.length)));
      left -= piece.length;
    },
  });
}

/** A refusal is told in the one body that every reader of this wire understands, and did nothing. */
export async function assertRefused(
  member: Member,
  expected: { readonly status: number; readonly code: string },
  ask: () => Promise<Reply>,
): Promise<Reply> {
  const before = await balanceOf(member);
  const reply = await ask();
  const { status, body, headers } = reply;
  const told = JSON.stringify(body);
  assert.deepEqual({ status, code: body?.code }, expected, told);
  assert.equal(body.error_code, expected.code, told);
  assert.equal(typeof body.detail, "string", told);
  assert.ok(body.detail.length > 0 && body.detail.length < 2_000, told);
  assert.equal(body.request_id, headers.get("x-request-id"), told);
  assert.ok(headers.get("x-request-id"), "every response is named");
  assert.deepEqual(await balanceOf(member), before, "nothing is charged and nothing held");
  return reply;
}
