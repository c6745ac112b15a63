/** Agents that hire agents, under the ceiling of whoever began it, and what that person sees and decides. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createRequester, RequestError } from "@guildhall/sdk";
import { Visitor } from "../sign-in/support.ts";
import { DATABASE_HOSTS, isSkipped } from "../support/database.ts";
import { type Guildhall, type Member, startGuildhall } from "../support/guildhall.ts";
import { connect, invoke, register, sell } from "../support/hire.ts";

const CHAIN = "x-linkedclaw-chain-id";

for (const host of DATABASE_HOSTS) {
  test(`chains (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const hall = await startGuildhall(t, host);
    for (const [name, scenario] of Object.entries(SCENARIOS)) {
      await t.test(name, (inner) => scenario(inner, hall));
    }
    const verdict = await hall.admin("GET", "/ledger/verify");
    assert.equal(verdict.ok, true, JSON.stringify(verdict));
  });
}

/** Three agents of three owners: the first hires the second, which hires the third. */
async function threeDeep(t: TestContext, hall: Guildhall, name: string, credits: number) {
  const owners: Member[] = [];
  const third = await sell(t, hall, { slug: `${name}-third`, priceCredits: credits });
  let agentId = third.agentId;
  for (const place of ["second", "first"]) {
    const owner = await hall.member(`${name}-${place}@example.com`);
    owners.push(owner);
    const requester = createRequester({ url: hall.url, key: owner.key });
    const hired = agentId;
    agentId = await register(owner, `${name}-${place}`, credits);
    const handler = async () => {
      try {
        const asked = { agent_id: hired, capability: "echo", input: { text: place } };
        return { output: { said: await requester.invoke(asked) } };
      } catch (error) {
        if (!(error instanceof RequestError)) throw error;
        return { output: { refused: error.code } };
      }
    };
    await connect(t, hall, { key: owner.key, agentId, handler });
  }
  const email = `${name}-root@example.com`;
  const root = await hall.member(email);
  return { root, email, agentId, owners };
}

async function limitTo(hall: Guildhall, email: string, usd: string): Promise<void> {
  await hall.admin("POST", "/members/limits", { email, chain_ceiling_usd: usd });
}

const SCENARIOS: Readonly<Record<string, (t: TestContext, hall: Guildhall) => Promise<void>>> = {
  async "a request that was refused leaves no chain in its owner's list, unless the ceiling was why"(
    t,
    hall,
  ) {
    const { agentId } = await threeDeep(t, hall, "listed", 100);
    const poor = await hall.member("listed-poor@example.com", { daily_usd: "0.001" });
    const capped = await hall.member("listed-capped@example.com");
    const listed = async ({ email }: Member) => {
      const visitor = await new Visitor({ url: hall.url }).signIn(email);
      const html = await (await visitor.get("/chains")).text();
      return [...new Set(html.match(/chn_[0-9a-f]{24}/g))];
    };
    assert.equal((await invoke(poor, agentId)).body.code, "spend_limit_reached");
    assert.deepEqual(await listed(poor), []);

    await limitTo(hall, capped.email, "0.000001");
    const { body } = await invoke(capped, agentId);
    assert.equal(body.code, "ceiling_exceeded");
    assert.deepEqual(await listed(capped), [body.chain_id], "its owner can raise it");
  },
  async "the owner sees each hop's cost, and names where it asked itself"(t, hall) {
    const { root, agentId, owners } = await threeDeep(t, hall, "tree", 100);
    const { status, headers, body } = await invoke(root, agentId);
    assert.equal(status, 200, JSON.stringify(body));
    const chainId = headers.get(CHAIN);
    const { body: tree } = await root.ask("GET", `/chains/${chainId}`);
    assert.equal(tree.status, "open");
    assert.deepEqual([tree.current_spend, tree.escrowed, tree.ceiling], [300, 0, 100_000]);
    const shown = tree.hops.map((hop: Record<string, unknown>) => [
      ...[hop.depth, hop.agent_name, hop.capability, hop.credits_charged, hop.status],
      hop.id === null,
    ]);
    assert.deepEqual(shown, [
      [0, "The agent tree-first", "echo", 100, "succeeded", false],
      [1, null, null, 100, "succeeded", true],
      [2, null, null, 100, "succeeded", true],
    ]);
    const stranger = await hall.member("tree-stranger@example.com");
    assert.equal((await stranger.ask("GET", `/chains/${chainId}`)).status, 404);
    for (const owner of owners) {
      assert.equal((await owner.ask("GET", `/chains/${chainId}`)).status, 404, "a hop's owner");
    }
    for (const bad of ["chn_1", "agt_000000000000000000000000", "x"]) {
      assert.equal((await root.ask("GET", `/chains/${bad}`)).status, 404, bad);
    }
  },

  async "a ceiling stops the hop that meets it; raised by its owner, the same request passes"(
    t,
    hall,
  ) {
    const { root, email, agentId } = await threeDeep(t, hall, "capped", 10_000);
    await limitTo(hall, email, "2.5");
    const first = await invoke(root, agentId);
    assert.deepEqual(first.body.result.said.result.refused, "ceiling_exceeded");
    const chainId = first.headers.get(CHAIN) ?? "";
    const again = () => invoke(root, agentId, {}, { [CHAIN]: chainId });
    const refused = await again();
    assert.deepEqual([refused.status, refused.body.code], [402, "ceiling_exceeded"]);
    assert.equal((await root.ask("GET", `/chains/${chainId}`)).body.status, "capped");

    // The agent's key cannot lift what stopped the agent.
    const approval = { new_ceiling: 1_000_000 };
    for (const decision of ["approve", "close"]) {
      const byKey = await root.ask("POST", `/chains/${chainId}/${decision}`, approval);
      assert.deepEqual([byKey.status, byKey.body.code], [403, "forbidden"]);
    }
    const path = `/chains/${chainId}`;
    const stranger = await new Visitor(hall).signIn("capped-stranger@example.com");
    assert.equal((await stranger.get(path)).status, 404);
    const owner = await new Visitor(hall).signIn(email);
    const page = await (await owner.get(path)).text();
    assert.match(page, /at its ceiling/);
    assert.match(page, /A request for \$1\.00 was refused/);
    assert.match(await (await owner.get("/chains")).text(), new RegExp(chainId));
    for (const ceiling of ["much", "-1", "", "1000001"]) {
      const bad = await owner.submit(path, `${path}/approve`, { ceiling, how: "set" });
      assert.match(await bad.text(), /A ceiling is a number of dollars/, ceiling);
    }
    assert.equal((await owner.post(`${path}/approve`, { ceiling: "9" })).status, 403, "no token");
    assert.equal((await again()).status, 402, "nothing of that changed anything");

    assert.equal(
      (await owner.submit(path, `${path}/approve`, { ceiling: "5", how: "set" })).status,
      303,
    );
    const passed = await again();
    assert.equal(passed.status, 200);
    assert.equal(passed.body.result.said.result.said.result.echo.text, "second");
    const { body: tree } = await root.ask("GET", path);
    assert.deepEqual([tree.status, tree.current_spend, tree.ceiling], ["approved", 50_000, 50_000]);

    await owner.submit(path, `${path}/approve`, { how: "lift" });
    assert.equal((await again()).status, 200);
    assert.equal((await root.ask("GET", path)).body.ceiling, null);
  },

  async "a closed chain lets nothing begin, free or not, until it is opened again"(t, hall) {
    const seller = await sell(t, hall, { slug: "closing", priceCredits: 10 });
    const gift = await sell(t, hall, { slug: "closing-free", priceCredits: 0 });
    const root = await hall.member("closing-root@example.com");
    const chainId = (await invoke(root, seller.agentId)).headers.get(CHAIN) ?? "";
    const path = `/chains/${chainId}`;
    const owner = await new Visitor(hall).signIn("closing-root@example.com");
    assert.equal((await owner.submit(path, `${path}/close`, {})).status, 303);
    assert.match(await (await owner.get(path)).text(), /Open it again/);
    for (const agentId of [seller.agentId, gift.agentId]) {
      const { status, body } = await invoke(root, agentId, {}, { [CHAIN]: chainId });
      assert.deepEqual([status, body.code, body.ceiling], [402, "ceiling_exceeded", 0]);
    }
    assert.equal((await root.ask("GET", path)).body.status, "closed");
    assert.equal(
      (await invoke(root, seller.agentId)).status,
      200,
      "another chain is another matter",
    );
    await owner.submit(path, `${path}/approve`, { ceiling: "1", how: "set" });
    assert.equal((await invoke(root, gift.agentId, {}, { [CHAIN]: chainId })).status, 200);
  },
};
