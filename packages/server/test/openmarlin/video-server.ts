/** An interface on the loopback that makes videos as OpenAI's does, and what it was asked. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { afterTest } from "../support/cleanup.ts";
import { MP4 } from "./filmer.ts";

export interface VideoServer {
  /** With its `/v1`. */
  readonly url: string;
  /** What it was asked to make, oldest first. */
  readonly made: { readonly form: FormData; readonly headers: IncomingMessage["headers"] }[];
  /** How often it was looked at what became of them. */
  looks: number;
  /** What it answers next, by turns; afterwards it does what is asked. Nothing is never answered. */
  readonly answers: (readonly [status: number, body: object] | "nothing")[];
  /** How the videos stand. */
  status: "queued" | "in_progress" | "completed" | "failed";
  progress: number;
  content: Buffer;
}

export const VIDEO_KEY = "sk-video-0123456789abcdef";

export async function startVideoServer(t: TestContext): Promise<VideoServer> {
  const server = createServer((request, response) => void answer(video, request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterTest(t, () => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const video: VideoServer = {
    ...{ url: `http://127.0.0.1:${port}/v1`, made: [], looks: 0, answers: [] },
    ...{ status: "queued", progress: 0, content: MP4 },
  };
  return video;
}

async function answer(
  video: VideoServer,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const say = (status: number, body: object) => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  };
  if (request.headers.authorization !== `Bearer ${VIDEO_KEY}`) {
    return say(401, { error: { message: "Incorrect API key provided" } });
  }
  if (request.method === "POST") {
    const headers = { "content-type": String(request.headers["content-type"]) };
    const form = await new Response(Buffer.concat(parts), { headers }).formData();
    video.made.push({ form, headers: request.headers });
  }
  const next = video.answers.shift();
  if (next === "nothing") return;
  if (next) return say(...next);
  const path = String(request.url);
  if (path.endsWith("/content")) {
    response.writeHead(200, { "content-type": "video/mp4" }).end(video.content);
    return;
  }
  if (path.startsWith("/v1/videos?")) return say(200, { object: "list", data: [] });
  if (request.method === "GET") video.looks += 1;
  const { status, progress } = video;
  const error = status === "failed" ? { code: "x", message: "Nobody may be shown" } : null;
  const form = video.made.at(-1)?.form;
  say(200, {
    ...{ id: `video_${video.made.length}`, object: "video", status, progress, error },
    ...{ seconds: form?.get("seconds") ?? "4", size: form?.get("size") ?? "1280x720" },
  });
}
