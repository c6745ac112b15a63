/** What this wire adds for who cannot wait: a run's id before its answer, and the run by its id. */
import assert from "node:assert/strict";
import { type IncomingHttpHeaders, request } from "node:http";
import { type TestContext, test } from "node:test";
import { type Guildhall, type Member, startGuildhall } from "../../support/guildhall.ts";
import { invoke, sell } from "../../support/hire.ts";

test("a run can be asked for before it is done", async (t) => {
  const hall = await startGuildhall(t, "any");
  const gate = Promise.withResolvers<void>();
  const handler = async () => {
    await gate.promise;
    return { output: "done" };
  };
  const { agentId } = await sell(t, hall, { handler });
  const alice = await hall.member("alice@example.com");

  await t.test("with early-id its id comes in a 103, before the answer", async (inner) => {
    const early = await earlyHeaders(inner, hall, alice, agentId);
    const id = String(early["x-linkedclaw-invoke-id"]);
    const { body } = await alice.ask("GET", `/invoke/${id}`);
    assert.deepEqual([body.invoke_id, body.status, body.result], [id, "running", null]);
    assert.equal(body.credits_charged, 0);
  });

  await t.test("with respond-async the answer is the run as it stands", async () => {
    const asked = await invoke(alice, agentId, {}, { prefer: "respond-async" });
    assert.equal(asked.status, 202);
    assert.equal(asked.headers.get("x-linkedclaw-invoke-id"), asked.body.invoke_id);
    assert.deepEqual([asked.body.status, asked.body.error], ["running", null]);
    gate.resolve();
    const path = `/invoke/${asked.body.invoke_id}`;
    let { body } = await alice.ask("GET", path);
    const deadline = performance.now() + 20_000;
    while (body.status === "running" && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      ({ body } = await alice.ask("GET", path));
    }
    assert.deepEqual([body.status, body.result, body.credits_charged], ["succeeded", "done", 45]);
  });
});

/** The headers of the 103 that comes while the provider still works. */
function earlyHeaders(
  t: TestContext,
  hall: Guildhall,
  member: Member,
  agentId: string,
): Promise<IncomingHttpHeaders> {
  return new Promise((resolve, reject) => {
    const sent = request(`${hall.url}/api/v1/invoke`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${member.key}`,
        "content-type": "application/json",
        prefer: "early-id",
      },
    });
    t.after(() => sent.destroy());
    sent.on("information", ({ headers }) => resolve(headers));
    sent.on("response", () => reject(new Error("the answer came first")));
    sent.on("error", reject);
    const manifest = { intention: "a test" };
    sent.end(JSON.stringify({ agent_id: agentId, capability: "echo", input: {}, manifest }));
  });
}
