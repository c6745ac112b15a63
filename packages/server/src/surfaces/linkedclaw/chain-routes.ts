/** A chain as its owner sees it (LinkedClaw contract §6.9). What it may cost is decided on its page. */
import { prefixed } from "@guildhall/protocol";
import type { Hono } from "hono";
import type { Core } from "../../core/index.ts";
import { Fault } from "../../domain/fault.ts";
import { callerOf } from "../shared/caller.ts";
import { decodeId } from "./decode.ts";
import { encodeChain } from "./encode-chain.ts";

export function chainRoutes(
  routes: Hono,
  core: Pick<Core, "chains">,
  { publicUrl }: { readonly publicUrl: string },
): void {
  routes.get("/chains/:id", async (c) => {
    const id = decodeId("chn", c.req.param("id"), "chain");
    return c.json(encodeChain(await core.chains.require(callerOf(c), id), publicUrl));
  });
  // An agent's key must not lift the very limit that stopped the agent.
  for (const decision of ["approve", "close"]) {
    routes.post(`/chains/:id/${decision}`, async (c) => {
      const id = decodeId("chn", c.req.param("id"), "chain");
      await core.chains.require(callerOf(c), id);
      const page = `${publicUrl}/chains/${prefixed("chn", id)}`;
      throw new Fault("forbidden", `A person decides about a chain, signed in, at ${page}`);
    });
  }
}
