/** A server whose operator has set up interfaces of models, and somebody with money who asks them. */
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { request } from "undici";
import type { WantedHost } from "../support/database.ts";
import {
  type Environment,
  type Guildhall,
  type Member,
  startGuildhall,
} from "../support/guildhall.ts";
import { startUpstreamServer, type UpstreamServer } from "./upstream-server.ts";

/** US dollars for a million tokens: 1,000 of input and 100 of output come to 0.004. */
const PRICE = { input_usd: "2", cached_usd: "1", output_usd: "20" };
export const USUAL_MICROS = 4_000n;

const OPENAI_MODELS = [
  "gpt",
  "endless",
  "slow",
  "silent",
  "declines",
  "fails-midway",
  "breaks",
  "breaks-at-once",
  ...["odd-error", "odd-empty", "odd-list", "odd-cut", "odd-name"],
  "refuses-400",
  "refuses-401",
  "refuses-429",
  "refuses-500",
];

const OTHER_MODELS = ["an/claude", "an/endless", "re/gpt", "re/endless", "ge/flash"];

export interface ModelWorld {
  readonly hall: Guildhall;
  readonly upstream: UpstreamServer;
  readonly member: Member;
  /** Whose interfaces they are: paid for each call. */
  readonly owner: Member;
  /** What the member has, or whose key this is, and how much of it is promised. */
  wallet(key?: string): Promise<{ readonly postedMicros: bigint; readonly heldMicros: bigint }>;
  /** Waits until nothing is promised any more, and gives what was spent since `before`. */
  spentSince(before: bigint): Promise<bigint>;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Posted>;
  verify(): Promise<void>;
}

export interface Posted {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: an answer is whatever JSON the test looks into.
  readonly json: any;
}

export async function startModelWorld(
  t: TestContext,
  host: WantedHost,
  environment: Environment = {},
): Promise<ModelWorld> {
  const upstream = await startUpstreamServer(t);
  const hall = await startGuildhall(t, host, environment);
  const owner = await hall.member("owner@example.com");
  const member = await hall.member("ada@example.com");
  await addUpstreams(hall, owner, upstream);
  const wallet = (key = member.key) => walletOf(hall, key);
  return {
    ...{ hall, upstream, member, owner, wallet },
    async spentSince(before) {
      // Not so often that it meets the limit of looking at wallets.
      for (let wait = 0; wait < 150; wait++) {
        const { heldMicros, postedMicros } = await wallet();
        if (heldMicros === 0n) return before - postedMicros;
        await sleep(100);
      }
      throw new Error("something is still promised");
    },
    post: (path, body, headers) => post(hall, member.key, path, body, headers),
    async verify() {
      const verdict = await hall.admin("GET", "/ledger/verify");
      if (verdict.ok !== (true as never)) throw new Error(JSON.stringify(verdict));
    },
  };
}

async function addUpstreams(
  hall: Guildhall,
  owner: Member,
  upstream: UpstreamServer,
): Promise<void> {
  const email = owner.email;
  const add = (
    name: string,
    kind: string,
    path: string,
    models: readonly string[],
    more: object = {},
  ) =>
    hall.admin("POST", "/upstreams", {
      ...more,
      ...{ email, provider_id: name, kind, url: `${upstream.url}${path}`, key: `${name}-key` },
      models: models.map((model) => ({ model: `${name}/${model}` })),
    });
  await add("oa", "openai", "/v1", OPENAI_MODELS);
  await add("an", "anthropic", "/anthropic/v1", ["claude", "endless"]);
  await add("re", "openai", "/v1", ["gpt", "endless"], { has_responses: true });
  await add("ro", "openai", "/v1", ["odd-error", "odd-empty", "odd-list", "odd-cut"], {
    has_responses: true,
  });
  await add("ge", "gemini", "/v1beta", ["flash"]);
  for (const model of [...OPENAI_MODELS.map((name) => `oa/${name}`), ...OTHER_MODELS]) {
    await hall.admin("POST", "/prices", { model, ...PRICE });
  }
}

async function walletOf(hall: Guildhall, key: string) {
  const { statusCode, body } = await request(`${hall.url}/api/guildhall/v1/wallet`, {
    headers: { authorization: `Bearer ${key}` },
  });
  if (statusCode !== 200) throw new Error(`the wallet: ${statusCode} ${await body.text()}`);
  const wallet = (await body.json()) as { posted_micros: string; held_micros: string };
  return { postedMicros: BigInt(wallet.posted_micros), heldMicros: BigInt(wallet.held_micros) };
}

async function post(
  hall: Guildhall,
  key: string,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Posted> {
  const response = await request(`${hall.url}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
    body: typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body),
  });
  const text = await response.body.text();
  return {
    status: response.statusCode,
    headers: response.headers,
    text,
    get json() {
      return JSON.parse(text);
    },
  };
}
