/** Tasks (contract §7). */
import type { Hono } from "hono";
import { authenticated, callerOf } from "../shared/caller.ts";
import { readObject } from "./decode.ts";
import { decodeTask, decodeTaskId } from "./decode-task.ts";
import { encodeTask } from "./encode-task.ts";
import { maxUsdOf } from "./execution-routes.ts";
import type { OpenmarlinCore, OpenmarlinOptions } from "./routes.ts";

export function taskRoutes(
  routes: Hono,
  { callers, tasks }: OpenmarlinCore,
  { limited }: OpenmarlinOptions,
): void {
  const member = authenticated(callers);

  routes.post("/v1/tasks", member, limited("invoke"), async (c) => {
    const order = decodeTask(await readObject(c), maxUsdOf(c));
    const { task, isReplay } = await tasks.submit(callerOf(c), order);
    return c.json(encodeTask(task), isReplay ? 200 : 202);
  });

  // Clients look every two seconds, and give up at the first refusal: looking is not limited.
  routes.get("/v1/tasks/:id", member, async (c) => {
    const id = decodeTaskId(c.req.param("id"));
    return c.json(encodeTask(await tasks.require(callerOf(c), id)));
  });
}
