/** LinkedClaw's REST interface (contract §6): method and path -> one use case. */
import { isId, prefixed } from "@guildhall/protocol";
import { type Context, Hono } from "hono";
import type { Core } from "../../core/index.ts";
import type { Fault } from "../../domain/fault.ts";
import { authenticated, callerOf } from "../shared/caller.ts";
import { wordFault } from "../shared/fault-table.ts";
import { sendFile } from "../shared/file-response.ts";
import { readJson, readQuery } from "../shared/json-body.ts";
import { readUpload } from "../shared/multipart.ts";
import type { createRateLimiter } from "../shared/rate-limit.ts";
import { requestIdOf } from "../shared/request-id.ts";
import { broadcastRoutes } from "./broadcast-routes.ts";
import { chainRoutes } from "./chain-routes.ts";
import { balanceCredits, MICROS_PER_CREDIT } from "./credits.ts";
import { decodeId, decodeInvoke, decodeManifest, decodeReceipts, decodeSearch } from "./decode.ts";
import { decodeListing, decodeListingPatch } from "./decode-listing.ts";
import {
  encodeCard,
  encodeInvoked,
  encodeInvokeState,
  encodeListing,
  encodeReceipt,
  encodeTrust,
} from "./encode.ts";
import { LINKEDCLAW_ERRORS, type LinkedclawWord, NOT_FOUND_CODES } from "./errors.ts";
import { sessionRoutes } from "./session-routes.ts";

const CHAIN_HEADER = "x-linkedclaw-chain-id";
const RUN_HEADER = "x-linkedclaw-invoke-id";

export function linkedclawRoutes(
  core: Core,
  options: {
    readonly limited: ReturnType<typeof createRateLimiter>;
    readonly publicUrl: string;
    /** Sends a header before the answer is there (103), where the connection can. */
    readonly hint: (c: Context, headers: Readonly<Record<string, string>>) => void;
  },
): Hono {
  const { limited } = options;
  const routes = new Hono();
  routes.onError((error, c) => refuse(c, error, options.publicUrl));
  routes.use(authenticated(core.callers));
  accountRoutes(routes, core, limited);
  agentRoutes(routes, core, limited);
  fileRoutes(routes, core, limited);

  routes.post("/manifests", limited("manifests"), async (c) => {
    const body = decodeManifest(await readJson(c));
    const manifest = await core.manifests.create(callerOf(c), body);
    return c.json(encodeManifest(manifest), 201);
  });
  routes.get("/manifests/:id", async (c) => {
    const id = decodeId("mft", c.req.param("id"), "manifest");
    return c.json(encodeManifest(await core.manifests.require(callerOf(c), id)));
  });
  invokeRoutes(routes, core, options);
  broadcastRoutes(routes, core, limited);
  sessionRoutes(routes, core, limited, codeOf);
  chainRoutes(routes, core, options);
  return routes;
}

function accountRoutes(routes: Hono, core: Core, limited: Limited): void {
  routes.get("/users/me", async (c) => {
    const member = await core.profiles.require(callerOf(c));
    return c.json({
      user_id: prefixed("usr", member.workspaceId),
      handle: `@${member.handle}`,
      email: member.email,
      created_at: member.createdAt.toISOString(),
      auto_spend_ceiling_credits: balanceCredits(callerOf(c).chainCeilingMicros),
    });
  });
  routes.get("/credits", async (c) => {
    const balance = await core.wallets.balance(callerOf(c));
    return c.json({
      balance: balanceCredits(balance.postedMicros),
      escrowed: balanceCredits(balance.heldMicros),
      available: balanceCredits(balance.availableMicros),
      currency: "credits",
      usd_per_credit: Number(MICROS_PER_CREDIT) / 1_000_000,
    });
  });
  routes.get("/receipts", limited("receipts"), async (c) => {
    const page = await core.receipts.list(callerOf(c), decodeReceipts(readQuery(c)));
    const receipts = page.receipts.map((receipt) => encodeReceipt(receipt, codeOf));
    const charged = page.receipts.map(({ receipt }) => BigInt(receipt.charged_micros));
    return c.json({
      receipts,
      total_credits: balanceCredits(charged.reduce((sum, micros) => sum + micros, 0n)),
      next_cursor: page.cursor ?? null,
    });
  });
  routes.get("/receipts/:id", async (c) => {
    const id = decodeId("rct", c.req.param("id"), "receipt");
    return c.json(encodeReceipt(await core.receipts.require(callerOf(c), id), codeOf));
  });
}

function agentRoutes(routes: Hono, core: Core, limited: Limited): void {
  routes.get("/agents", limited("search"), async (c) => {
    const caller = callerOf(c);
    const query = decodeSearch(readQuery(c), caller.workspaceId);
    return c.json((await core.discovery.search(caller, query)).map(encodeCard));
  });
  routes.post("/agents", limited("agents"), async (c) => {
    const draft = decodeListing(await readJson(c));
    return c.json(encodeCard(await core.agents.register(callerOf(c), draft)), 201);
  });
  routes.get("/agents/:id", async (c) => {
    const id = decodeId("agt", c.req.param("id"), "agent");
    return c.json(encodeCard(await core.agents.require(callerOf(c), id)));
  });
  routes.patch("/agents/:id", limited("agents"), async (c) => {
    const id = decodeId("agt", c.req.param("id"), "agent");
    const owned = await core.agents.requireOwned(callerOf(c), id);
    const patch = decodeListingPatch(await readJson(c), encodeListing(owned));
    return c.json(encodeCard(await core.agents.update(callerOf(c), id, patch)));
  });
  routes.get("/agents/:id/trust", async (c) => {
    const id = decodeId("agt", c.req.param("id"), "agent");
    return c.json(encodeTrust(await core.agents.require(callerOf(c), id)));
  });
}

function fileRoutes(routes: Hono, core: Core, limited: Limited): void {
  routes.post("/files", limited("files"), async (c) => {
    const caller = callerOf(c);
    const asset = await readUpload(c, (file) => core.assets.upload(caller, file));
    return c.json({ file_id: prefixed("fil", asset.id) }, 201);
  });
  routes.get("/files/:id/content", async (c) => {
    const id = decodeId("fil", c.req.param("id"), "file");
    return sendFile(c, await core.assets.open(callerOf(c), id));
  });
}

function invokeRoutes(
  routes: Hono,
  core: Core,
  options: Parameters<typeof linkedclawRoutes>[1],
): void {
  routes.post("/invoke", options.limited("invoke"), async (c) => {
    const caller = callerOf(c);
    const asked = decodeInvoke(await readJson(c), {
      chainId: c.req.header(CHAIN_HEADER),
      idempotencyKey: c.req.header("idempotency-key"),
    });
    const manifest = asked.manifest ?? (await manifestOf(core, c, asked.manifestId));
    const command = { ...asked, manifest };
    if (/\brespond-async\b/i.test(c.req.header("prefer") ?? "")) {
      const started = await core.runs.start(caller, command);
      nameRun(c, started.run);
      return c.json(encodeInvokeState(started, codeOf), 202);
    }
    const view = await core.runs.invoke(caller, command, (run) => {
      nameRun(c, run);
      options.hint(c, { [RUN_HEADER]: prefixed("inv", run.id) });
    });
    return c.json(encodeInvoked(view));
  });
  routes.get("/invoke/:id", async (c) => {
    const id = decodeId("inv", c.req.param("id"), "invoke");
    return c.json(encodeInvokeState(await core.runs.require(callerOf(c), id), codeOf));
  });
}

type Limited = ReturnType<typeof createRateLimiter>;

/** Its id is told with every answer from here on, also with a refusal. */
function nameRun(c: Context, run: { readonly id: string; readonly chainId: string }): void {
  c.header(RUN_HEADER, prefixed("inv", run.id));
  c.header(CHAIN_HEADER, prefixed("chn", run.chainId));
}

async function manifestOf(core: Core, c: Context, id: string | undefined) {
  const manifest = await core.manifests.require(callerOf(c), id ?? "");
  return JSON.parse(manifest.body) as Record<string, unknown>;
}

function encodeManifest(manifest: {
  readonly id: string;
  readonly body: string;
  readonly createdAt: Date;
}): object {
  return {
    manifest_id: prefixed("mft", manifest.id),
    ...(JSON.parse(manifest.body) as object),
    created_at: manifest.createdAt.toISOString(),
  };
}

function codeOf(code: string): string {
  return LINKEDCLAW_ERRORS[code as keyof typeof LINKEDCLAW_ERRORS]?.code ?? "subagent_error";
}

/** One body that every reader of this wire understands (contract §4.1). */
export function refuse(c: Context, error: unknown, publicUrl: string): Response {
  const { word, fault, retryAfterSeconds } = wordFault<LinkedclawWord>(LINKEDCLAW_ERRORS, error);
  if (retryAfterSeconds !== undefined) c.header("retry-after", String(retryAfterSeconds));
  const facts = factsOf(fault.facts, publicUrl);
  const kind = (fault.facts as { kind?: string } | undefined)?.kind ?? "";
  const code = fault.code === "not_found" ? (NOT_FOUND_CODES[kind] ?? word.code) : word.code;
  const body = {
    detail: detailOf(fault),
    code,
    error_code: code,
    request_id: requestIdOf(c),
    ...facts,
    ...(retryAfterSeconds !== undefined && { retry_after: retryAfterSeconds }),
  };
  // Bugs are logged by the handler of all surfaces, which looks here for what was thrown.
  c.set("thrown", error);
  return c.json(body, word.status as 400);
}

/** A provider's reason is told in this wire's words (contract §7.5). */
function detailOf({ code, message, facts }: Fault): string {
  if (code !== "work_declined") return message;
  return `session_rejected: ${reasonOf((facts as { reason: string }).reason)}`;
}

function reasonOf(reason: string): string {
  return LINKEDCLAW_ERRORS[reason as keyof typeof LINKEDCLAW_ERRORS]?.code ?? reason;
}

/** What a refusal knows, in this wire's words and units. */
function factsOf(facts: unknown, publicUrl: string): object {
  const known = (facts ?? {}) as Partial<Record<string, unknown>>;
  if (typeof known.chainId === "string") {
    const chainId = isId(known.chainId) ? prefixed("chn", known.chainId) : known.chainId;
    return {
      chain_id: chainId,
      current_spend: balanceCredits(known.spentMicros as bigint),
      ceiling: balanceCredits(known.ceilingMicros as bigint),
      resume_endpoint: `${publicUrl}/chains/${chainId}`,
    };
  }
  return {
    ...(typeof known.field === "string" && { field: known.field }),
    ...(typeof known.scope === "string" && { limit: known.scope }),
    ...(typeof known.windowSeconds === "number" && { window_s: known.windowSeconds }),
    ...(typeof known.reason === "string" && { reason: reasonOf(known.reason) }),
    ...(Array.isArray(known.errors) && { errors: known.errors }),
  };
}
