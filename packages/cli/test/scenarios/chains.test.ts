/** Row 23: agents that hire agents, under the ceiling of whoever began it. */
import assert from "node:assert/strict";
import { createRequester, type ProviderHandlers, RequestError } from "@guildhall/sdk";
import { Visitor } from "../../../server/test/sign-in/support.ts";
import { shows } from "./checklist.ts";
import { FUNDS, type Offered, price, type Stage, scenarios } from "./stage.ts";

/** An agent that hires another for each call, and says what it was told. */
async function twoHops(stage: Stage, credits: number) {
  const second = await stage.offer({
    ...{ capability: "second.v1", meta: price("per_call", credits) },
    handlers: { run: () => ({ output: { done: true } }) },
  });
  const refusals: RequestError[] = [];
  let hire: () => Promise<unknown> = () => Promise.reject(new Error("not yet"));
  const handlers: ProviderHandlers = {
    async run() {
      try {
        return { output: { said: await hire() } };
      } catch (error) {
        if (!(error instanceof RequestError)) throw error;
        refusals.push(error);
        return { output: { refused: error.code } };
      }
    },
  };
  const first: Offered = await stage.offer({
    ...{ capability: "first.v1", meta: price("per_call", credits), handlers },
  });
  const requester = createRequester({ url: stage.hall.server.url, key: first.member.key });
  hire = () =>
    requester.invoke({ agent_id: second.agentId, capability: second.capability, input: {} });
  return { first, second, refusals };
}

scenarios("chains", {
  async "23: a ceiling holds over two hops, and the request that met it passes once it is raised"(
    stage,
  ) {
    shows(23);
    const { first, second, refusals } = await twoHops(stage, 100);
    const ann = await stage.person();
    const limits = ["limit", "--email", ann.email, "--chain-ceiling-usd", "0.025"];
    await stage.hall.told("member", ...limits);
    const invoke = ["invoke", first.agentId, "--capability", "first.v1", "--input", "{}"];
    const done = await ann.told(...invoke);
    assert.equal(done.result.said.result.done, true, "200 of 250");
    const chain = String((await ann.told("receipt", done.receipt_id)).chain_id);
    assert.match(chain, /^chn_/);
    const inChain = { LINKEDCLAW_CHAIN_ID: chain };
    const refused = await ann.run(invoke, { env: inChain });
    assert.equal(refused.code, 1);
    const { error } = JSON.parse(refused.stderr.trimEnd().split("\n").at(-1) ?? "");
    assert.deepEqual(
      [error.code, error.http_status, error.chain_id, error.current_spend, error.ceiling],
      ["ceiling_exceeded", 402, chain, 200, 250],
    );
    assert.match(error.resume_endpoint, new RegExp(chain));
    assert.deepEqual(await ann.credits(), [FUNDS - 100, 0]);
    assert.equal(refusals.length, 0);

    const owner = await new Visitor({ url: stage.hall.server.url }).signIn(ann.email);
    const path = `/chains/${chain}`;
    const raised = await owner.submit(path, `${path}/approve`, { ceiling: "0.035", how: "set" });
    assert.equal(raised.status, 303);
    const passed = await ann.run(invoke, { env: inChain });
    assert.equal(passed.code, 0, passed.stderr);
    assert.equal(JSON.parse(passed.stdout).result.refused, "ceiling_exceeded", "the hop beyond it");
    const [refusal] = refusals;
    assert.equal(refusal?.code, "ceiling_exceeded");
    assert.deepEqual(await ann.credits(), [FUNDS - 200, 0]);
    const { body } = await second.member.ask("GET", "/credits");
    assert.equal(body.available, FUNDS + 100);
  },

  async "23: holds of one chain that come at once never exceed its ceiling"(stage) {
    shows(23);
    const { agentId, capability } = await stage.offer({
      ...{ meta: price("per_call", 100), options: { concurrency: 20 } },
      handlers: { run: () => ({ output: {} }) },
    });
    const ann = await stage.person();
    await stage.hall.told("member", "limit", "--email", ann.email, "--chain-ceiling-usd", "0.03");
    const invoke = ["invoke", agentId, "--capability", capability, "--input", "{}"];
    const { receipt_id } = await ann.told(...invoke);
    const { chain_id } = await ann.told("receipt", receipt_id);
    const body = { agent_id: agentId, capability, input: {}, manifest: { intention: "more" } };
    const header = { "x-linkedclaw-chain-id": String(chain_id) };
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => ann.member.ask("POST", "/invoke", body, header)),
    );
    const passed = answers.filter(({ status }) => status === 200);
    assert.equal(passed.length, 2, "200 of what was left");
    for (const { status, body } of answers) {
      if (status !== 200) assert.deepEqual([status, body.code], [402, "ceiling_exceeded"]);
    }
    assert.deepEqual(await ann.credits(), [FUNDS - 300, 0]);
  },
});
