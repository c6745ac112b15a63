/** Finding agents over HTTP: who is shown, to whom, and in which order. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { DATABASE_HOSTS, isSkipped } from "../../support/database.ts";
import { type Guildhall, type Member, startGuildhall } from "../../support/guildhall.ts";
import { connect, invoke } from "../../support/hire.ts";
import { verifies } from "./requirements.ts";

interface World {
  readonly hall: Guildhall;
  readonly bob: Member;
  readonly alice: Member;
  /** Agents' ids by slug. */
  readonly ids: Readonly<Record<string, string>>;
}

/** Oldest first. All but `asleep` are online. */
// biome-ignore format: read as a table
const AGENTS = [
  { slug: "dear",   capability: "translation",    shape: "per_call",    price: 900, says: "Translates contracts from German into English." },
  { slug: "cheap",  capability: "translation",    shape: "per_call",    price: 5,   says: "Translates menus and recipes for cooks." },
  { slug: "longer", capability: "translation",    shape: "per_session", price: 50,  says: "Translates whole novels, chapter after chapter." },
  { slug: "painter", capability: "translation.v2", shape: "per_call",   price: 1,   says: "Paints portraits of cats in watercolour." },
  { slug: "asleep", capability: "translation",    shape: "per_call",    price: 10,  says: "Translates bedtime stories." },
] as const;

for (const host of DATABASE_HOSTS) {
  test(`discovery (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const hall = await startGuildhall(t, host, { GUILDHALL_RATE_LIMITS: "search=0" });
    const bob = await hall.member("bob@example.com");
    const alice = await hall.member("alice@example.com");
    const world = { hall, bob, alice, ids: await registerAll(t, hall, bob) };
    for (const [says, scenario] of Object.entries(SCENARIOS)) {
      await t.test(says, (inner) => scenario(inner, world));
    }
  });
}

async function registerAll(t: TestContext, hall: Guildhall, bob: Member) {
  const ids: Record<string, string> = {};
  for (const { slug, capability, shape, price, says } of AGENTS) {
    const curve = [{ cost_shape: shape, cost_amount: price }];
    const { body } = await bob.ask("POST", "/agents", {
      slug,
      agent_name: `Agent ${slug}`,
      description: says,
      capabilities: [capability],
      capabilities_meta: { [capability]: { description: says, curve } },
    });
    ids[slug] = body.agent_id;
    if (slug === "asleep") continue;
    const handler = () => ({ output: slug });
    await connect(t, hall, { key: bob.key, agentId: body.agent_id, handler });
  }
  return ids;
}

async function search(member: Member, query: string): Promise<string[]> {
  const { status, body } = await member.ask("GET", `/agents?${query}`);
  assert.equal(status, 200, JSON.stringify(body));
  return body.map(({ slug }: { slug: string }) => slug);
}

type Scenario = (t: TestContext, world: World) => Promise<void>;

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  async "a slug is matched exactly"(_t, { alice }) {
    verifies("search-slug", "search-online");
    assert.deepEqual((await search(alice, "capability=translation")).sort(), [
      "cheap",
      "dear",
      "longer",
    ]);
    assert.deepEqual(await search(alice, "capability=translation.v2"), ["painter"]);
    for (const miss of ["translat", "Translation", "Agent+cheap", "%25", "trans_ation"]) {
      assert.deepEqual(await search(alice, `capability=${miss}`), [], miss);
    }
  },

  async "who is offline is left out unless asked for"(_t, { alice }) {
    verifies("search-online");
    assert.deepEqual(await search(alice, "capability=translation&status=offline"), ["asleep"]);
    const all = await search(alice, "capability=translation&status=all");
    assert.deepEqual(all.sort(), ["asleep", "cheap", "dear", "longer"]);
  },

  async "an owner's agents are listed, one's own also while they are away"(_t, { alice, bob }) {
    verifies("search-owner");
    assert.deepEqual((await search(bob, "owner=me")).length, AGENTS.length);
    assert.deepEqual(await search(alice, "owner=me"), []);
    assert.equal((await search(alice, `owner=usr_${bob.workspaceId}`)).length, AGENTS.length - 1);
    for (const nobody of ["usr_nobody", `agt_${bob.workspaceId}`, "'%20or%201=1"]) {
      assert.deepEqual(await search(alice, `owner=${nobody}`), [], nobody);
    }
  },

  async "a mode leaves only who can be hired that way"(_t, { alice }) {
    verifies("search-mode");
    const found = (mode: string) =>
      search(alice, `capability=translation&interaction_mode=${mode}`);
    assert.deepEqual((await found("invoke")).sort(), ["cheap", "dear"]);
    assert.deepEqual(await found("session"), ["longer"]);
  },

  async "an order is by price, or by age"(_t, { alice }) {
    verifies("search-sort");
    const sorted = (order: string) => search(alice, `capability=translation&sort=${order}`);
    assert.deepEqual(await sorted("price_asc"), ["cheap", "longer", "dear"]);
    assert.deepEqual(await sorted("price_desc"), ["dear", "longer", "cheap"]);
    assert.deepEqual(await sorted("newest"), ["longer", "cheap", "dear"]);
  },

  async "an intent ranks; with a slug it ranks within it, and an order overrules it"(_t, world) {
    verifies("search-intent", "search-sort");
    const { alice } = world;
    const intent = "intent=a+picture+of+my+kitten";
    await until(async () => (await search(alice, intent))[0] === "painter");
    assert.ok(!(await search(alice, `${intent}&capability=translation`)).includes("painter"));
    const food = "intent=translate+a+cooking+recipe&capability=translation";
    assert.equal((await search(alice, food))[0], "cheap");
    const dearest = await search(alice, `${food}&sort=price_desc`);
    assert.equal(dearest[0], "dear");
  },

  async "who cannot be hired that way takes nobody's place among the first fifty"(
    _t,
    { hall, alice },
  ) {
    verifies("search-mode", "search-intent");
    const crowd = await hall.member("crowd@example.com");
    const add = async (slug: string, says: string, shape: string) => {
      const curve = [{ cost_shape: shape, cost_amount: 1 }];
      const { status } = await crowd.ask("POST", "/agents", {
        ...{ slug, agent_name: slug, description: says, capabilities: ["weather.v1"] },
        capabilities_meta: { "weather.v1": { description: says, curve } },
      });
      assert.equal(status, 201);
    };
    await add("talkative", "Chats about many things, sometimes the weather.", "per_message");
    const names = Array.from({ length: 55 }, (_, index) => `forecast-${index}`);
    await Promise.all(
      names.map((slug) => add(slug, "The weather forecast of tomorrow.", "per_call")),
    );
    const wish = "intent=the+weather+forecast+of+tomorrow&capability=weather.v1&status=all";
    await until(async () => (await search(alice, wish)).length === 50);
    await until(
      async () => (await search(alice, `${wish}&interaction_mode=session`))[0] === "talkative",
    );
  },

  async "a suspended agent does not exist for others"(_t, { hall, alice, bob, ids }) {
    verifies("agent-not-found");
    await hall.admin("POST", `/agents/${ids.cheap}/suspend`, {});
    assert.ok(!(await search(alice, "capability=translation&status=all")).includes("cheap"));
    assert.equal((await alice.ask("GET", `/agents/${ids.cheap}`)).body.code, "agent_not_found");
    assert.equal((await alice.ask("GET", `/agents/${ids.cheap}/trust`)).status, 404);
    const own = await bob.ask("GET", `/agents/${ids.cheap}`);
    assert.equal(own.body.status, "suspended");
    const refused = await invoke(alice, String(ids.cheap), { capability: "translation" });
    assert.deepEqual([refused.status, refused.body.code], [404, "agent_not_found"]);
    await hall.admin("POST", `/agents/${ids.cheap}/resume`, {});
    assert.ok((await search(alice, "capability=translation")).includes("cheap"));
  },
};

/** Agents are indexed a moment after they were registered. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await isSo())) {
    assert.ok(performance.now() < deadline, "it did not come to be in thirty seconds");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
