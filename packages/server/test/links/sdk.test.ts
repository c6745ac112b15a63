import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import {
  connectProvider,
  type ProviderConnection,
  ProviderError,
  type ProviderOptions,
} from "@guildhall/sdk";
import { openTestDatabase } from "../support/database.ts";
import { type Hall, type SeededAgent, startHall, until } from "./support.ts";

type Connect = (
  run: NonNullable<ProviderOptions["handlers"]["run"]>,
  options?: Partial<ProviderOptions>,
) => ProviderConnection;

/** Providers built on the SDK, and the real hub on a real database. */
async function withHall(
  t: TestContext,
  work: (hall: Hall, agent: SeededAgent, connect: Connect) => Promise<void>,
): Promise<void> {
  const hall = await startHall(await openTestDatabase(t, "any"));
  const agent = await hall.agent();
  const providers: ProviderConnection[] = [];
  const connect: Connect = (run, options = {}) => {
    const provider = connectProvider({
      url: hall.url,
      key: agent.key,
      agentId: agent.agentId,
      backoff: { baseMs: 10, maxMs: 50 },
      handlers: { run },
      ...options,
    });
    providers.push(provider);
    return provider;
  };
  try {
    await work(hall, agent, connect);
  } finally {
    await Promise.all(providers.map((provider) => provider.stop({ drainMs: 0 })));
    await hall.stop();
  }
}

test("a provider built on the SDK does four runs at a time and refuses a fifth, a hundred of them each once", (t) =>
  withHall(t, async (hall, { agentId }, connect) => {
    let gate = Promise.withResolvers<void>();
    const provider = connect(async (input) => {
      await gate.promise;
      return { output: input };
    });
    await until(() => hall.hub.holds(agentId));
    for (let batch = 0; batch < 25; batch++) {
      for (let index = 0; index < 5; index++) hall.offer(agentId, { input: { batch, index } });
      await until(() => hall.runs.named("refused").length === batch + 1);
      assert.equal(provider.running, 4);
      gate.resolve();
      await until(() => hall.runs.live.size === 0 && provider.running === 0);
      gate = Promise.withResolvers();
    }
    assert.equal(hall.runs.named("succeeded").length, 100);
  }));

test("a provider's own word for what went wrong arrives, however long its message is", (t) =>
  withHall(t, async (hall, { agentId }, connect) => {
    connect(() => {
      throw new ProviderError("provider_timeout", `${"o".repeat(1_999)}🦉`);
    });
    await until(() => hall.hub.holds(agentId));
    hall.offer(agentId);
    await until(() => hall.runs.named("failed").length === 1);
    assert.equal(hall.runs.named("failed")[0]?.[2], "provider_timeout");
  }));

test("what is counted apart takes no place from the rest, and has a bound of its own", (t) =>
  withHall(t, async (hall, { agentId }, connect) => {
    const gate = Promise.withResolvers<void>();
    const work = async (input: unknown) => {
      await gate.promise;
      return { output: input };
    };
    const provider = connect(work, { concurrency: 1, apart: { video: 2 } });
    await until(() => hall.hub.holds(agentId));
    for (let count = 0; count < 3; count++) hall.offer(agentId, { capability: "video" });
    await until(() => hall.runs.named("refused").length === 1 && provider.running === 2);
    hall.offer(agentId);
    await until(() => provider.running === 3);
    hall.offer(agentId);
    await until(() => hall.runs.named("refused").length === 2);
    gate.resolve();
    await until(() => hall.runs.named("succeeded").length === 3);
  }));

test("of what is counted apart one requester has its share, and others have the rest", (t) =>
  withHall(t, async (hall, { agentId }, connect) => {
    const gate = Promise.withResolvers<void>();
    const work = async (input: unknown) => {
      await gate.promise;
      return { output: input };
    };
    const apart = { video: { places: 3, perRequester: 2 } };
    const provider = connect(work, { concurrency: 1, apart });
    await until(() => hall.hub.holds(agentId));
    const video = { capability: "video", requesterWorkspaceId: "a" };
    for (let count = 0; count < 3; count++) hall.offer(agentId, video);
    await until(() => hall.runs.named("refused").length === 1 && provider.running === 2);
    // Its other work is not counted by this share.
    hall.offer(agentId, { requesterWorkspaceId: "a" });
    await until(() => provider.running === 3);
    hall.offer(agentId, { ...video, requesterWorkspaceId: "b" });
    await until(() => provider.running === 4);
    hall.offer(agentId, { ...video, requesterWorkspaceId: "c" });
    await until(() => hall.runs.named("refused").length === 2);
    const refusals = hall.runs.named("refused").map((event) => event[3]);
    assert.deepEqual(refusals, ["requester_limit", "provider_busy"]);
    gate.resolve();
    await until(() => hall.runs.named("succeeded").length === 4);
  }));

test("a connection that is cut in the middle of a run costs neither the work nor its answer", (t) =>
  withHall(t, async (hall, { agentId }, connect) => {
    const gate = Promise.withResolvers<void>();
    let calls = 0;
    const provider = connect(async () => {
      calls += 1;
      await gate.promise;
      return { output: calls };
    });
    await until(() => hall.hub.holds(agentId));
    const { runId } = hall.offer(agentId);
    await until(() => calls === 1);
    hall.cut();
    await until(() => hall.hub.size === 0);
    gate.resolve();
    await until(() => hall.runs.named("succeeded").length === 1);
    assert.deepEqual(hall.runs.named("succeeded"), [["succeeded", runId, 1]]);
    assert.equal((await hall.links.whereIs(agentId))?.epoch, 2);
    assert.equal(provider.running, 0);
  }));

test("a stream of chunks arrives whole and in order, far beyond its window", (t) =>
  withHall(t, async (hall, { agentId }, connect) => {
    connect(async (_input, context) => {
      for (let index = 0; index < 500; index++) await context.chunk(`token ${index}`);
      return { output: "end" };
    });
    await until(() => hall.hub.holds(agentId));
    hall.offer(agentId);
    await until(() => hall.runs.named("succeeded").length === 1);
    const data = hall.runs.named("chunk").map((event) => event[3]);
    assert.deepEqual(
      data,
      Array.from({ length: 500 }, (_, index) => `token ${index}`),
    );
  }));

test("a stopped provider is offline at once; a wrong key stops it for good", (t) =>
  withHall(t, async (hall, { agentId }, connect) => {
    const provider = connect(() => ({ output: 1 }));
    await until(() => hall.hub.holds(agentId));
    await provider.stop();
    await until(() => hall.runs.named("gone").length === 1);
    assert.deepEqual(hall.runs.named("gone"), [["gone", agentId, 1, "shutdown"]]);
    const stranger = connect(() => ({ output: 1 }), { key: "gld_wrong" });
    assert.equal((await stranger.stopped).closing, "unauthenticated");
  }));
