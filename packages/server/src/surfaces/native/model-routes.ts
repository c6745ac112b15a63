/** The operator's commands about models: interfaces that the server calls, and prices. */
import { microsOfUsd, prefixed, usdOfMicros } from "@guildhall/protocol";
import type { Hono } from "hono";
import { z } from "zod";
import type { Core, ModelPrice, UpstreamView } from "../../core/index.ts";
import type { UpstreamDraft } from "../../domain/upstream.ts";
import { check } from "../shared/check.ts";
import { readJson } from "../shared/json-body.ts";
import { decodeId } from "./decode.ts";

export type ModelCore = Pick<Core, "upstreams" | "modelPrices">;

export function modelRoutes(routes: Hono, core: ModelCore): void {
  routes.post("/upstreams", async (c) => {
    const { email, draft } = check(AddUpstream, await readJson(c));
    const { endpointId, ...upstream } = await core.upstreams.add(email, draft);
    return c.json({ ...encodeUpstream(upstream), endpoint_id: endpointId }, 201);
  });
  routes.get("/upstreams", async (c) => {
    return c.json({ upstreams: (await core.upstreams.list()).map(encodeUpstream) });
  });
  routes.post("/upstreams/:name/remove", async (c) => {
    const { endpoint_id: endpoint } = check(RemoveUpstream, await readJson(c));
    const name = c.req.param("name");
    const id = endpoint === undefined ? undefined : decodeId(endpoint, "endpoint");
    await core.upstreams.remove(name, id);
    return c.json({ provider_id: name, endpoint_id: id ?? null, state: "removed" });
  });
  routes.post("/upstreams/:name/test", async (c) => {
    const { model } = check(TestUpstream, await readJson(c));
    const tests = await core.upstreams.test(c.req.param("name"), model);
    return c.json({
      ok: tests.length > 0 && tests.every(({ problem }) => problem === undefined),
      endpoints: tests.map(({ endpointId, model: tested, ms, problem }) => ({
        endpoint_id: endpointId,
        model: tested,
        ok: problem === undefined,
        ms,
        problem: problem ?? null,
      })),
    });
  });
  routes.post("/prices", async (c) => {
    const price = check(SetPrice, await readJson(c));
    await core.modelPrices.set(price);
    return c.json(encodePrice(price), 201);
  });
  routes.get("/prices", async (c) => {
    return c.json({ prices: (await core.modelPrices.list()).map(encodePrice) });
  });
  routes.post("/prices/remove", async (c) => {
    const { model } = check(OfModel, await readJson(c));
    await core.modelPrices.remove(model);
    return c.json({ model, state: "removed" });
  });
}

const text = z.string().min(1).max(1_000);

const AddUpstream = z
  .strictObject({
    email: text,
    provider_id: text,
    kind: z.enum(["openai", "anthropic", "gemini", "openai-videos"]),
    url: text.transform((url) => url.replace(/\/+$/, "")),
    key: text.optional(),
    weight: z.int().default(1),
    models: z
      .array(
        z.strictObject({
          model: text,
          upstream_model: text.optional(),
          fallbacks: z.array(text).default([]),
        }),
      )
      .default([]),
    labels: z.record(z.string(), z.string()).default({}),
    concurrency: z.int().default(1_000),
    has_responses: z.boolean().optional(),
  })
  .transform((body) => {
    const draft: UpstreamDraft = {
      providerId: body.provider_id,
      kind: body.kind,
      endpoint: { url: body.url, key: body.key, weight: body.weight },
      models: body.models.map(({ model, upstream_model: own, fallbacks }) => ({
        model,
        // Most interfaces call a model what stands behind its maker's name.
        upstreamModel: own ?? model.slice(model.indexOf("/") + 1),
        fallbacks,
      })),
      labels: body.labels,
      concurrency: body.concurrency,
      hasResponses: body.has_responses,
    };
    return { email: body.email, draft };
  });
const RemoveUpstream = z.strictObject({ endpoint_id: text.optional() });
const TestUpstream = z.strictObject({ model: text.optional() });
const OfModel = z.strictObject({ model: text });

/** Exact: a JSON number would have been rounded before we see it. */
const usd = z.string().transform((amount, context) => {
  const micros = microsOfUsd(amount);
  if (micros !== undefined) return micros;
  context.addIssue({ code: "custom", message: 'an amount in US dollars, as text, like "2.50"' });
  return z.NEVER;
});

/** US dollars for a million tokens. What is not said of cached input is what input costs. */
const SetPrice = z
  .strictObject({
    model: text,
    input_usd: usd,
    cached_usd: usd.optional(),
    output_usd: usd,
    request_usd: usd.optional(),
  })
  .transform(
    (body): ModelPrice => ({
      model: body.model,
      inputMicros: body.input_usd,
      cachedMicros: body.cached_usd ?? body.input_usd,
      outputMicros: body.output_usd,
      requestMicros: body.request_usd ?? 0n,
    }),
  );

function encodePrice(price: ModelPrice): object {
  return {
    model: price.model,
    input_usd: usdOfMicros(price.inputMicros),
    cached_usd: usdOfMicros(price.cachedMicros),
    output_usd: usdOfMicros(price.outputMicros),
    request_usd: usdOfMicros(price.requestMicros),
  };
}

function encodeUpstream(upstream: UpstreamView): object {
  return {
    provider_id: upstream.providerId,
    agent_id: prefixed("agt", upstream.agentId),
    workspace_id: upstream.workspaceId,
    kind: upstream.kind,
    has_responses: upstream.hasResponses,
    concurrency: upstream.concurrency,
    labels: upstream.labels,
    models: upstream.models.map(({ model, upstreamModel, fallbacks }) => ({
      model,
      upstream_model: upstreamModel,
      fallbacks,
    })),
    endpoints: upstream.endpoints.map(({ id, url, hasKey, weight }) => ({
      endpoint_id: id,
      url,
      has_key: hasKey,
      weight,
    })),
  };
}
