/** Somebody who does tasks: an agent with the capability `video`, connected by the published SDK. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { ProviderConnection, ProviderHandlers, RunContext } from "@guildhall/sdk";
import type { Guildhall, Member } from "../support/guildhall.ts";
import { connect } from "../support/hire.ts";

/** What a server is started with so that `openFilmer` does its tasks. */
export const FILMED = { GUILDHALL_TASK_EXECUTOR: "filmer/video" };
/** Ten of this wire's credits. */
export const TASK_CREDITS = 10;

/** The smallest thing that is an mp4 by its looks. */
export const MP4 = Buffer.concat([
  Buffer.from("\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "latin1"),
  Buffer.alloc(200, 1),
]);

export interface Filmer {
  readonly member: Member;
  readonly agentId: string;
  connection: ProviderConnection;
  /** Runs as they were offered, oldest first. */
  readonly asked: { readonly input: Frame; readonly context: RunContext }[];
  /** How the next ones are done. */
  work: NonNullable<ProviderHandlers["run"]>;
  /** Waits until so many were offered. */
  until(count: number): Promise<void>;
  /** Says goodbye, and waits until everybody can know. */
  leave(): Promise<void>;
  reconnect(): Promise<void>;
  /** Changes its price, in LinkedClaw's credits. */
  reprice(credits: number): Promise<void>;
}

// biome-ignore lint/suspicious/noExplicitAny: whatever JSON the test looks into.
type Frame = any;

/** Hands a video over, as the house does. */
export async function film(_input: unknown, context: RunContext) {
  await context.chunk({ progress: 0 });
  await context.chunk({ progress: 0.5 });
  const { file_id } = await context.upload({ bytes: MP4, filename: "video.mp4" });
  const facts = { media_type: "video/mp4", duration_ms: 5_000, width: 1280, height: 720 };
  return { output: { file: { file_id }, ...facts } };
}

export async function openFilmer(t: TestContext, hall: Guildhall): Promise<Filmer> {
  const member = await hall.member("filmer@example.com");
  const listing = (cost_amount: number) => {
    const curve = [{ tier_name: "standard", cost_shape: "per_call", cost_amount }];
    const meta = { video: { description: "Makes videos of pictures.", curve } };
    return { capabilities: ["video"], capabilities_meta: meta };
  };
  const named = { slug: "filmer", agent_name: "Filmer", description: "Makes videos." };
  const { status, body } = await member.ask("POST", "/agents", { ...named, ...listing(1_000) });
  assert.equal(status, 201, JSON.stringify(body));
  const asked: Filmer["asked"] = [];
  const waiting = new Set<() => void>();
  const start = () =>
    connect(t, hall, {
      ...{ key: member.key, agentId: body.agent_id, concurrency: 64 },
      async handler(input, context) {
        asked.push({ input, context });
        for (const wake of waiting) wake();
        return filmer.work(input, context);
      },
    });
  const filmer: Filmer = {
    ...{ member, agentId: body.agent_id, asked, work: film },
    connection: await start(),
    async until(count) {
      while (asked.length < count) {
        await new Promise<void>((resolve) => waiting.add(resolve));
      }
    },
    async leave() {
      await filmer.connection.stop({ drainMs: 0 });
      const isThere = async () =>
        (await member.ask("GET", `/agents/${body.agent_id}`)).body.status === "online";
      while (await isThere()) await new Promise((resolve) => setTimeout(resolve, 20));
    },
    async reconnect() {
      filmer.connection = await start();
    },
    async reprice(credits) {
      const changed = await member.ask("PATCH", `/agents/${body.agent_id}`, listing(credits));
      assert.equal(changed.status, 200, JSON.stringify(changed.body));
    },
  };
  return filmer;
}
