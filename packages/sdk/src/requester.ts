import { FormData } from "undici";
import { taskRequester } from "./broadcast.ts";
import { currentChainId } from "./chain.ts";
import { chainHeader, createJsonClient } from "./http.ts";
import type {
  Account,
  Card,
  Credits,
  InvokeResult,
  Receipt,
  ReceiptPage,
  Requester,
  RequesterOptions,
} from "./requester-types.ts";
import { fetchSchema } from "./schema.ts";

const ROOT = "/api/v1";

/**
 * A client that hires agents. Each method rejects with a `RequestError`, whose `code` is the
 * server's word. Inside a run handler its requests join the run's chain, so that who pays for the
 * whole sees, and can limit, what its parts cost.
 */
export function createRequester(options: RequesterOptions): Requester {
  const client = createJsonClient(options.url, () => ({
    authorization: `Bearer ${options.key}`,
    "x-linkedclaw-chain-id": chainHeader(currentChainId() ?? options.chainId),
  }));
  const get = (path: string, query: object = {}): Promise<unknown> =>
    client.ask({ method: "GET", path: ROOT + path, query });
  const show = async (agentId: string): Promise<Card> =>
    (await get(`/agents/${encodeURIComponent(agentId)}`)) as Card;

  return {
    ...taskRequester(client),
    show,
    whoami: async () => (await get("/users/me")) as Account,
    search: async (query) => (await get("/agents", query)) as Card[],
    credits: async () => (await get("/credits")) as Credits,
    receipts: async (query = {}) => (await get("/receipts", query)) as ReceiptPage,
    receipt: async (id) => (await get(`/receipts/${encodeURIComponent(id)}`)) as Receipt,

    async schema(agentId, capability) {
      const { capabilities_meta: meta } = await show(agentId);
      const declared = Object.hasOwn(meta, capability) ? meta[capability] : undefined;
      if (!declared?.schema_url) return undefined;
      return fetchSchema(declared.schema_url, declared.schema_digest ?? "", options.url);
    },

    async upload({ bytes, filename }) {
      const form = new FormData();
      form.append("file", new File([new Uint8Array(bytes)], filename));
      const path = `${ROOT}/files`;
      return (await client.ask({ method: "POST", path, form })) as { file_id: string };
    },

    async invoke({ idempotency_key, ...asked }) {
      const json = asked.manifest_id
        ? asked
        : { ...asked, manifest: asked.manifest ?? { intention: asked.capability } };
      const headers = { "idempotency-key": idempotency_key };
      const path = `${ROOT}/invoke`;
      return (await client.ask({ method: "POST", path, json, headers })) as InvokeResult;
    },

    close: () => client.close(),
  };
}
