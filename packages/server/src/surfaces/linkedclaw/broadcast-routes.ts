/** Gig tasks and mandates: method and path -> one use case (LinkedClaw contract §6.5, §6.8). */
import { prefixed } from "@guildhall/protocol";
import type { Context, Hono } from "hono";
import type { BroadcastView, Core } from "../../core/index.ts";
import { callerOf } from "../shared/caller.ts";
import { readJson, readQuery } from "../shared/json-body.ts";
import type { createRateLimiter } from "../shared/rate-limit.ts";
import { decodeId } from "./decode.ts";
import {
  decodeAccept,
  decodeAvailable,
  decodeMandate,
  decodeReview,
  decodeSubmit,
  decodeTask,
  decodeTaskId,
  decodeTaskList,
  decodeVerify,
} from "./decode-broadcast.ts";
import { encodeMandate, encodeSubmitted, encodeTaken, encodeTask } from "./encode-broadcast.ts";

const CHAIN_HEADER = "x-linkedclaw-chain-id";

type Limited = ReturnType<typeof createRateLimiter>;

export function broadcastRoutes(routes: Hono, core: Core, limited: Limited): void {
  mandateRoutes(routes, core, limited);
  requesterRoutes(routes, core, limited);
  providerRoutes(routes, core, limited);
  taskRoutes(routes, core);
}

function mandateRoutes(routes: Hono, core: Core, limited: Limited): void {
  routes.post("/mandates", limited("broadcasts"), async (c) => {
    const command = decodeMandate(await readJson(c), c.req.header("idempotency-key"));
    const { mandate, state, spentMicros } = await core.mandates.create(callerOf(c), command);
    return c.json(encodeMandate(mandate, state, spentMicros), 201);
  });
  routes.get("/mandates/:id", async (c) => {
    const id = decodeId("mnd", c.req.param("id"), "mandate");
    const { mandate, state, spentMicros } = await core.mandates.require(callerOf(c), id);
    return c.json(encodeMandate(mandate, state, spentMicros));
  });
  routes.post("/mandates/:id/revoke", limited("broadcasts"), async (c) => {
    const id = decodeId("mnd", c.req.param("id"), "mandate");
    const { mandate, state, spentMicros } = await core.mandates.revoke(callerOf(c), id);
    return c.json(encodeMandate(mandate, state, spentMicros));
  });
}

function requesterRoutes(routes: Hono, core: Core, limited: Limited): void {
  routes.post("/gig-tasks", limited("broadcasts"), async (c) => {
    const command = decodeTask(await readJson(c), {
      chainId: c.req.header(CHAIN_HEADER),
      idempotencyKey: c.req.header("idempotency-key"),
    });
    const view = await core.broadcasts.create(callerOf(c), command);
    nameChain(c, view);
    return c.json(encodeTask(view), 201);
  });
  routes.get("/gig-tasks", limited("broadcasts"), async (c) => {
    const page = await core.broadcasts.list(callerOf(c), decodeTaskList(readQuery(c)));
    const tasks = page.broadcasts.map(encodeTask);
    const cursor = page.cursor ?? null;
    return c.json({ tasks, next_cursor: cursor });
  });
  routes.post("/gig-tasks/:id/results/:result/verify", limited("broadcasts"), async (c) => {
    const command = decodeVerify(await readJson(c), c.req.param("id"), c.req.param("result"));
    return c.json(encodeTask(await core.broadcasts.judge(callerOf(c), command)));
  });
  routes.post("/gig-tasks/:id/results/:result/review", limited("broadcasts"), async (c) => {
    const command = decodeReview(await readJson(c), c.req.param("id"), c.req.param("result"));
    return c.json(encodeTask(await core.broadcasts.judge(callerOf(c), command)));
  });
  routes.post("/gig-tasks/:id/cancel", limited("broadcasts"), async (c) => {
    const id = decodeTaskId(c.req.param("id"));
    return c.json(encodeTask(await core.broadcasts.cancel(callerOf(c), id)));
  });
}

function providerRoutes(routes: Hono, core: Core, limited: Limited): void {
  routes.get("/gig-tasks/available", limited("slots"), async (c) => {
    const query = decodeAvailable(readQuery(c));
    const tasks = await core.broadcasts.available(callerOf(c), query);
    return c.json({ tasks: tasks.map(encodeTask) });
  });
  routes.post("/gig-tasks/:id/accept", limited("slots"), async (c) => {
    const command = decodeAccept(await readJson(c), c.req.param("id"));
    const taken = await core.broadcasts.accept(callerOf(c), command);
    nameChain(c, taken);
    return c.json(encodeTaken(taken));
  });
  routes.post("/gig-tasks/:id/submit", limited("slots"), async (c) => {
    const command = decodeSubmit(await readJson(c), c.req.param("id"));
    return c.json(encodeSubmitted(await core.broadcasts.submit(callerOf(c), command)));
  });
}

/** After `available`, which would be taken for an id. Not limited: clients poll it. */
function taskRoutes(routes: Hono, core: Core): void {
  routes.get("/gig-tasks/:id", async (c) => {
    const view = await core.broadcasts.require(callerOf(c), decodeTaskId(c.req.param("id")));
    return c.json(encodeTask(view));
  });
}

function nameChain(c: Context, { broadcast }: Pick<BroadcastView, "broadcast">): void {
  c.header(CHAIN_HEADER, prefixed("chn", broadcast.chainId));
}
