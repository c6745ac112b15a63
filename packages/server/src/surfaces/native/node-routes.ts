/** The operator's commands about programs that run models. */
import { prefixed } from "@guildhall/protocol";
import type { Hono } from "hono";
import { z } from "zod";
import type { Core, DirectedNode } from "../../core/index.ts";
import { check } from "../shared/check.ts";
import { readJson } from "../shared/json-body.ts";

const Grant = z.strictObject({
  provider_id: z.string().min(1).max(64),
  model: z.string().min(1).max(200),
});

export function nodeRoutes(routes: Hono, core: Core): void {
  routes.get("/nodes", async (c) =>
    c.json({ nodes: (await core.executions.nodes()).map(encodeNode) }),
  );
  routes.post("/nodes/grant", async (c) => {
    const { provider_id, model } = check(Grant, await readJson(c));
    await core.nodes.grant(provider_id, model);
    return c.json({ provider_id, model, granted: true });
  });
  routes.post("/nodes/revoke", async (c) => {
    const { provider_id, model } = check(Grant, await readJson(c));
    await core.nodes.revoke(provider_id, model);
    return c.json({ provider_id, model, granted: false });
  });
}

function encodeNode(node: DirectedNode): object {
  return {
    provider_id: node.providerId,
    agent_id: prefixed("agt", node.agentId),
    via: node.via,
    kinds: node.kinds,
    models: node.models.map(({ name }) => name),
    labels: node.labels,
    in_flight: node.load,
    max_concurrency: node.concurrency,
  };
}
