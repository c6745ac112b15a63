/** What most scenarios begin with: somebody who offers work, connected by the published SDK. */
import type { TestContext } from "node:test";
import { connectProvider, type ProviderConnection, type ProviderHandlers } from "@guildhall/sdk";
import type { Guildhall, Member } from "./guildhall.ts";

export interface Seller {
  readonly agentId: string;
  readonly member: Member;
  readonly connection: ProviderConnection;
}

export interface Offering {
  readonly slug?: string;
  readonly priceCredits?: number;
  readonly meta?: object;
  readonly concurrency?: number;
  readonly handler?: NonNullable<ProviderHandlers["run"]>;
}

/** Registers an agent with one capability, `echo`, and connects it. */
export async function sell(
  t: TestContext,
  hall: Guildhall,
  offering: Offering = {},
): Promise<Seller> {
  const { slug = "seller", priceCredits = 45, concurrency = 4_096 } = offering;
  const member = await hall.member(`${slug}@example.com`);
  const agentId = await register(member, slug, priceCredits, offering.meta);
  const connection = await connect(t, hall, {
    key: member.key,
    agentId,
    concurrency,
    handler: offering.handler ?? ((input) => ({ output: { echo: input } })),
  });
  return { agentId, member, connection };
}

export async function register(
  member: Member,
  slug: string,
  priceCredits: number,
  meta: object = {},
): Promise<string> {
  const curve = [{ tier_name: "standard", cost_shape: "per_call", cost_amount: priceCredits }];
  const { status, body } = await member.ask("POST", "/agents", {
    slug,
    agent_name: `The agent ${slug}`,
    description: "Says what it is told.",
    capabilities: ["echo"],
    capabilities_meta: { echo: { description: "Says what it is told.", curve, ...meta } },
  });
  if (status !== 201) throw new Error(`registering ${slug}: ${JSON.stringify(body)}`);
  return body.agent_id as string;
}

/** Connects an agent and waits until it is online. */
export async function connect(
  t: TestContext,
  hall: { readonly url: string },
  options: {
    readonly key: string;
    readonly agentId: string;
    readonly concurrency?: number;
    readonly handler: NonNullable<ProviderHandlers["run"]>;
  },
): Promise<ProviderConnection> {
  const { key, agentId, concurrency = 16, handler } = options;
  return new Promise((resolve, reject) => {
    const connection = connectProvider({
      url: hall.url,
      key,
      agentId,
      concurrency,
      handlers: { run: handler },
      backoff: { baseMs: 50, maxMs: 500 },
      onState(state) {
        if (state.kind === "online") resolve(connection);
        if (state.kind === "stopped") reject(new Error(`the provider stopped: ${state.reason}`));
      },
    });
    t.after(() => connection.stop({ drainMs: 0 }));
  });
}

/** Asks for one run of the seller's capability. */
export function invoke(
  requester: Member,
  agentId: string,
  rest: object = {},
  headers: Record<string, string> = {},
) {
  const request = { agent_id: agentId, capability: "echo", input: { text: "hello" } };
  const manifest = { intention: "a test" };
  return requester.ask("POST", "/invoke", { ...request, manifest, ...rest }, headers);
}

/** What the requester can see of its wallet, in credits. */
export async function balanceOf(member: Member): Promise<{ available: number; escrowed: number }> {
  return (await member.ask("GET", "/credits")).body;
}
