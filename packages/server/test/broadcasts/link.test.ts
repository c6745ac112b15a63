/** Agents that take part over their connections: built on the SDK, and as LinkedClaw's plugins do. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import {
  connectProvider,
  createRequester,
  createTaskWorker,
  ProviderError,
  type ProviderOptions,
  type Requester,
  type Task,
} from "@guildhall/sdk";
import { Peer, until } from "../links/support.ts";
import { DATABASE_HOSTS, isSkipped } from "../support/database.ts";
import { type Guildhall, startGuildhall } from "../support/guildhall.ts";
import { balanceOf } from "../support/hire.ts";
import { verifies } from "../surfaces/linkedclaw/requirements.ts";
import {
  type Asker,
  accept,
  asker,
  fresh,
  open,
  submit,
  taskOf,
  verify,
  type Worker,
  worker,
} from "./support.ts";

for (const host of DATABASE_HOSTS) {
  test(`broadcasts over connections (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const environment = { GUILDHALL_BROADCAST_WORK_SECONDS: "20" };
    const hall = await startGuildhall(t, host, environment);
    for (const [name, scenario] of Object.entries(SCENARIOS)) {
      await t.test(name, (inner) => scenario(inner, hall));
      await t.test(`${name}: the books verify`, async () => {
        const verdict = await hall.admin("GET", "/ledger/verify");
        assert.equal(verdict.ok, true, JSON.stringify(verdict));
      });
    }
  });
}

type Handlers = Partial<ProviderOptions> & { readonly task?: ProviderOptions["handlers"]["task"] };

/** Connects an agent that does tasks, and waits until it is online. */
function connectAs(
  t: TestContext,
  hall: Guildhall,
  who: Worker,
  { task, ...options }: Handlers = {},
): Promise<ReturnType<typeof connectProvider>> {
  return new Promise((resolve, reject) => {
    const connection = connectProvider({
      url: hall.url,
      key: who.member.key,
      agentId: who.agentId,
      handlers: { run: (input) => ({ output: input }), ...(task && { task }) },
      backoff: { baseMs: 20, maxMs: 100 },
      onError: () => undefined,
      onState(state) {
        if (state.kind === "online") resolve(connection);
        if (state.kind === "stopped") reject(new Error(state.reason));
      },
      ...options,
    });
    t.after(() => connection.stop({ drainMs: 0 }));
  });
}

function requesterOf(t: TestContext, hall: Guildhall, { member }: Asker): Requester {
  const requester = createRequester({ url: hall.url, key: member.key });
  t.after(() => requester.close());
  return requester;
}

/** Each scenario has a capability of its own, so that no other's agents are asked. */
async function ownCapability(who: Worker): Promise<string> {
  const capability = fresh("echo");
  const { status, body } = await who.member.ask("PATCH", `/agents/${who.agentId}`, {
    capabilities: [capability],
    capabilities_meta: { [capability]: { description: "Says what it is told." } },
  });
  assert.equal(status, 200, JSON.stringify(body));
  return capability;
}

async function workersOf(hall: Guildhall, capability: string, count: number): Promise<Worker[]> {
  const workers: Worker[] = [];
  for (let index = 0; index < count; index++) {
    const who = await worker(hall);
    const { status } = await who.member.ask("PATCH", `/agents/${who.agentId}`, {
      capabilities: [capability],
      capabilities_meta: { [capability]: { description: "Says what it is told." } },
    });
    assert.equal(status, 200);
    workers.push(who);
  }
  return workers;
}

function statuses(task: Task): string[] {
  return task.results.map(({ status }) => status).sort();
}

type Scenario = (t: TestContext, hall: Guildhall) => Promise<void>;

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  async "a task is offered to agents of the SDK, done by as many as it wants, and paid"(t, hall) {
    const alice = await asker(hall);
    const capability = fresh("echo");
    const workers = await workersOf(hall, capability, 4);
    const begun: string[] = [];
    for (const who of workers) {
      await connectAs(t, hall, who, {
        task(input, context) {
          begun.push(context.agentId);
          assert.equal(context.instruction, "Say it.");
          assert.equal(context.maxMicros, 1_500n);
          return { output: { said: input } };
        },
      });
    }
    const requester = requesterOf(t, hall, alice);
    const opened = await requester.broadcast({
      capability,
      instruction: "Say it.",
      target_providers: 3,
      credits_per_provider: 15,
      task_params: { text: "hello" },
      principal_agent_id: alice.agentId,
    });
    const task = await opened.wait({ timeoutMs: 15_000, pollMs: 100 });
    assert.deepEqual(statuses(task), Array(3).fill("pending_verification"));
    assert.deepEqual(task.results[0]?.result_data, { said: { text: "hello" } });
    assert.equal(begun.length, 3, "nobody works who has no slot");
    for (const { result_id } of task.results) await opened.approve(result_id);
    assert.equal((await opened.get()).status, "completed");
    const paid = await Promise.all(workers.map(({ member }) => balanceOf(member)));
    assert.deepEqual(
      paid.map(({ available }) => available - 1_000_000).sort((a, b) => a - b),
      [0, 15, 15, 15],
    );
  },

  async "an agent that comes online later is offered what is still open"(t, hall) {
    const alice = await asker(hall);
    const bob = await worker(hall);
    const capability = await ownCapability(bob);
    const taskId = await open(alice, { capability, target_providers: 1 });
    await connectAs(t, hall, bob, { task: () => ({ output: { late: true } }) });
    await until(async () => (await taskOf(alice, taskId)).results[0]?.result_data?.late === true);
  },

  async "a handler's failure, and a bad result, give the seat to somebody else"(t, hall) {
    const alice = await asker(hall);
    const capability = fresh("echo");
    const [failing, wrong, good] = await workersOf(hall, capability, 3);
    assert.ok(failing && wrong && good);
    const result_schema = { type: "object", required: ["text"] };
    const taskId = await open(alice, {
      capability,
      target_providers: 1,
      result_schema,
      verifier_method: "output_schema",
    });
    await connectAs(t, hall, failing, {
      task() {
        throw new ProviderError("provider_failed", "The kettle is empty.");
      },
    });
    await until(async () => statuses(await taskOf(alice, taskId)).includes("failed"));
    const told: unknown[] = [];
    await connectAs(t, hall, wrong, {
      task: () => ({ output: { words: 1 } }),
      onError: (error) => told.push(error),
    });
    await until(async () => (await taskOf(alice, taskId)).results.length === 2);
    await until(() => told.length === 1);
    assert.match(String(told[0]), /schema/);
    await connectAs(t, hall, good, { task: () => ({ output: { text: "hello" } }) });
    await until(async () => (await taskOf(alice, taskId)).status === "completed");
    const task: Task = await taskOf(alice, taskId);
    assert.deepEqual(statuses(task), ["approved", "failed", "failed"]);
    assert.equal((await balanceOf(good.member)).available, 1_000_010);
    assert.equal((await balanceOf(alice.member)).escrowed, 0);
  },

  async "who has no handler, no room, or no wish to risk a stake is not made to work"(t, hall) {
    const alice = await asker(hall);
    const capability = fresh("echo");
    const [manual, careful, choosy] = await workersOf(hall, capability, 3);
    assert.ok(manual && careful && choosy);
    const begun: string[] = [];
    const task = (_input: unknown, { agentId }: { agentId: string }) => {
      begun.push(agentId);
      return { output: {} };
    };
    await connectAs(t, hall, manual);
    await connectAs(t, hall, careful, { task });
    await connectAs(t, hall, choosy, { task, wantsTask: () => false, stakeMicrosMax: 10_000n });
    const taskId = await open(alice, { capability, target_providers: 3, required_stake: 5 });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    assert.deepEqual((await taskOf(alice, taskId)).results, []);
    const brave = await workersOf(hall, capability, 1);
    for (const who of brave) await connectAs(t, hall, who, { task, stakeMicrosMax: 500n });
    // Its seat is taken a moment before it is told to begin.
    await until(() => begun.length > 0);
    assert.equal((await taskOf(alice, taskId)).results.length, 1);
    assert.deepEqual(
      begun,
      brave.map(({ agentId }) => agentId.replace(/^agt_/, "")),
    );
    assert.equal((await balanceOf((brave[0] as Worker).member)).escrowed, 5);
  },

  async "a connection that is lost costs neither the slot nor its result"(t, hall) {
    const alice = await asker(hall);
    const bob = await worker(hall);
    const capability = await ownCapability(bob);
    let isBegun = false;
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    let count = 0;
    await connectAs(t, hall, bob, {
      async task() {
        count += 1;
        isBegun = true;
        await gate;
        return { output: { count } };
      },
    });
    const taskId = await open(alice, { capability, target_providers: 1 });
    await until(() => isBegun);
    await hall.kill("SIGKILL");
    await hall.restart();
    release();
    await until(async () => {
      const answer = await alice.member.ask("GET", `/gig-tasks/${taskId}`).catch(() => undefined);
      return answer?.body?.results?.[0]?.status === "pending_verification";
    }, 20_000);
    assert.equal(count, 1);
  },

  async "what a handler asks for joins the task's chain"(t, hall) {
    const alice = await asker(hall);
    const tool = await worker(hall);
    await connectAs(t, hall, tool);
    const bob = await worker(hall);
    const capability = await ownCapability(bob);
    const inner = createRequester({ url: hall.url, key: bob.member.key });
    t.after(() => inner.close());
    await connectAs(t, hall, bob, {
      async task() {
        const asked = { agent_id: tool.agentId, capability: "echo", input: { text: "inner" } };
        const { receipt_id } = await inner.invoke(asked);
        return { output: { chain_id: (await inner.receipt(receipt_id)).chain_id } };
      },
    });
    const taskId = await open(alice, { capability, target_providers: 1 });
    await until(async () => (await taskOf(alice, taskId)).results[0]?.result_data);
    const task = await taskOf(alice, taskId);
    assert.equal(task.results[0].result_data.chain_id, task.chain_id);
  },

  async "an agent of the relay bids, accepts over HTTP, is told to execute, and hands in"(
    _t,
    hall,
  ) {
    verifies("gig-offer");
    const alice = await asker(hall);
    const bob = await worker(hall);
    const capability = await ownCapability(bob);
    const peer = await Peer.open(`${hall.url.replace("http", "ws")}/ws`);
    peer.send({ type: "IDENTIFY", api_key: bob.member.key, agent_id: bob.agentId });
    await peer.next("IDENTIFIED");
    const taskId = await open(alice, { capability, target_providers: 1 });
    const offer = await peer.next("GIG_TASK_OFFER");
    assert.deepEqual(
      [offer.task_id, offer.instruction, offer.credits_per_provider],
      [taskId, "Say something.", 10],
    );
    assert.ok(
      Number(offer.offer_deadline_ms) <= 30_000 && Number(offer.offer_deadline_ms) > 25_000,
    );
    peer.send({ type: "GIG_TASK_BID", task_id: taskId, accept: true, reply_to: offer.id });
    assert.deepEqual((await taskOf(alice, taskId)).results, [], "a bid is no acceptance");
    const { body } = await accept(bob, taskId);
    const execute = await peer.next("GIG_TASK_EXECUTE");
    assert.deepEqual([execute.task_id, execute.result_id], [taskId, body.result_id]);
    assert.equal(execute.execute_deadline, body.execute_deadline);
    assert.equal((await submit(bob, taskId)).body.status, "pending_verification");
    assert.equal((await verify(alice, taskId, body.result_id, "approved")).status, 200);
    peer.socket.close();
    await peer.closed;
  },

  async "a GIG_TASK_ERROR gives the seat back, and its sender is not offered it again"(_t, hall) {
    const alice = await asker(hall);
    const bob = await worker(hall);
    const capability = await ownCapability(bob);
    const peer = await Peer.open(`${hall.url.replace("http", "ws")}/ws`);
    peer.send({ type: "IDENTIFY", api_key: bob.member.key, agent_id: bob.agentId });
    await peer.next("IDENTIFIED");
    const taskId = await open(alice, { capability, target_providers: 1, required_stake: 7 });
    await peer.next("GIG_TASK_OFFER");
    await accept(bob, taskId);
    await peer.next("GIG_TASK_EXECUTE");
    peer.send({ type: "GIG_TASK_ERROR", task_id: taskId, code: "subagent_error", message: "no" });
    await until(async () => statuses(await taskOf(alice, taskId))[0] === "failed");
    assert.equal((await balanceOf(bob.member)).available, 1_000_000 - 7, "its stake is lost");
    assert.equal((await balanceOf(alice.member)).available, 1_000_000 - 10 + 7);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const offers = peer.frames.filter(({ type }) => type === "GIG_TASK_OFFER");
    assert.equal(offers.length, 1);
    peer.socket.close();
    await peer.closed;
  },

  async "nobody fills, gives up or bids for what is another's, whatever it sends"(t, hall) {
    const alice = await asker(hall);
    const bob = await worker(hall);
    const capability = await ownCapability(bob);
    const [mallory] = await workersOf(hall, capability, 1);
    assert.ok(mallory);
    const taskId = await open(alice, { capability, target_providers: 1 });
    const { body } = await accept(bob, taskId);
    const slot = String(body.result_id).replace("res_", "");
    const peer = await Peer.open(`${hall.url.replace("http", "ws")}/provider`);
    t.after(() => peer.socket.terminate());
    const agent = mallory.agentId.replace("agt_", "");
    peer.send({ type: "identify", protocol: 1, key: mallory.member.key, agent });
    await peer.next("welcome");
    peer.send({ type: "fill", slot, result: { text: "mine" } });
    assert.equal((await peer.next("filled")).outcome, "late");
    peer.send({ type: "give-up", slot, code: "provider_failed", message: "" });
    peer.send({ type: "claim", broadcast: taskId.replace("gig_", "") });
    assert.equal((await peer.next("withdrawn")).code, "deadline_exceeded", "it was never offered");
    peer.send({ type: "claim", broadcast: "0".repeat(24), key: "x" });
    await peer.next("withdrawn");
    peer.send({ type: "fill", slot: "0".repeat(24), result: [] });
    assert.equal((await peer.next("filled")).outcome, "late");
    peer.send({ type: "pass", broadcast: "nonsense", code: "provider_busy" });
    assert.equal((await peer.next("notice")).code, "bad_frame");
    const task = await taskOf(alice, taskId);
    assert.deepEqual(
      task.results.map(({ status, agent_id }: { status: string; agent_id: string }) => [
        status,
        agent_id,
      ]),
      [["accepted", bob.agentId]],
    );
  },

  async "an agent without a connection takes part by requests, through the SDK"(t, hall) {
    const alice = await asker(hall);
    const bob = await worker(hall);
    const capability = await ownCapability(bob);
    const taskId = await open(alice, { capability, target_providers: 1 });
    const { url } = hall;
    const by = createTaskWorker({ url, key: bob.member.key, agentId: bob.agentId });
    t.after(() => by.close());
    const found = await by.available({ capability });
    assert.deepEqual(
      found.map(({ task_id }) => task_id),
      [taskId],
    );
    const taken = await by.accept(taskId);
    assert.equal(taken.instruction, "Say something.");
    assert.equal((await by.submit(taskId, { text: "hi" })).status, "pending_verification");
    assert.equal((await by.task(taskId)).results[0]?.result_id, taken.result_id);
  },
};
