/** Listings: what a provider may say of its agent, and how others see it. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { DATABASE_HOSTS, isSkipped } from "../../support/database.ts";
import { type Guildhall, startGuildhall } from "../../support/guildhall.ts";
import { invoke, sell } from "../../support/hire.ts";
import { verifies } from "./requirements.ts";
import { assertRefused } from "./support.ts";

for (const host of DATABASE_HOSTS) {
  test(`listings (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const hall = await startGuildhall(t, host);
    for (const [says, scenario] of Object.entries(SCENARIOS)) {
      await t.test(says, (inner) => scenario(inner, hall));
    }
  });
}

const INVALID = { status: 422, code: "invalid_request" } as const;
const TIER = { tier_name: "standard", cost_shape: "per_call", cost_amount: 50 };

function listing(slug: string, meta: object = {}, rest: object = {}): object {
  return {
    slug,
    agent_name: "A translator",
    description: "Translates.",
    capabilities: ["translation"],
    capabilities_meta: { translation: { description: "Translates text.", ...meta } },
    ...rest,
  };
}

type Scenario = (t: TestContext, hall: Guildhall) => Promise<void>;

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  async "a card shows the listing, its modes, its trust and its state"(_t, hall) {
    verifies("card");
    const bob = await hall.member("card@example.com");
    const { status, body } = await bob.ask("POST", "/agents", listing("card", { curve: [TIER] }));
    assert.equal(status, 201);
    assert.match(body.agent_id, /^agt_[0-9a-f]{24}$/);
    const { agent_id, created_at, updated_at, ...rest } = body;
    assert.ok(!Number.isNaN(Date.parse(created_at)) && created_at === updated_at);
    assert.deepEqual(rest, {
      slug: "card",
      agent_name: "A translator",
      description: "Translates.",
      capabilities: ["translation"],
      capabilities_meta: {
        translation: {
          description: "Translates text.",
          schema_url: null,
          schema_digest: null,
          curve: [TIER],
          open_quote: false,
        },
      },
      owner_user_id: `usr_${bob.workspaceId}`,
      interaction_modes: { translation: { modes: ["invoke"] } },
      trust_score: 0.5,
      status: "offline",
      last_heartbeat_at: null,
    });
    const stranger = await hall.member("card-stranger@example.com");
    assert.deepEqual((await stranger.ask("GET", `/agents/${agent_id}`)).body, body);
  },

  async "what a listing must not say is refused, and nothing is listed"(_t, hall) {
    verifies("listing-meta-known", "listing-description", "listing-curve", "listing-open-quote");
    const bob = await hall.member("invalid@example.com");
    const tier = (change: object) => ({ curve: [{ ...TIER, ...change }] });
    // biome-ignore format: read as a table
    const cases: object[] = [
      listing("invalid", {}, { capabilities_meta: { singing: { description: "Sings." } } }),
      listing("invalid", { description: undefined }),
      listing("invalid", { description: "" }),
      listing("invalid", { description: "d".repeat(1_025) }),
      listing("invalid", tier({ quality: 1.1 })),
      listing("invalid", tier({ quality: -0.1 })),
      listing("invalid", tier({ cost_amount: -1 })),
      listing("invalid", tier({ cost_amount: 0.5 })),
      listing("invalid", tier({ cost_amount: "50" })),
      listing("invalid", tier({ cost_amount: 1e12 })),
      listing("invalid", tier({ cost_shape: "per_year" })),
      listing("invalid", { curve: [TIER, { ...TIER, cost_shape: "free" }] }),
      listing("invalid", { curve: Array.from({ length: 17 }, () => TIER) }),
      listing("invalid", { curve: [TIER], open_quote: true }),
      listing("invalid", { open_quote: true, estimate_credits: 11, ceiling_credits: 10 }),
      listing("invalid", {}, { capabilities: ["translation", "translation"] }),
      listing("Invalid Slug"),
      listing("-invalid"),
      listing("i".repeat(65)),
      listing("invalid", {}, { pricing_model: "per_call" }),
    ];
    for (const body of cases)
      await assertRefused(bob, INVALID, () => bob.ask("POST", "/agents", body));
    assert.deepEqual((await bob.ask("GET", "/agents?owner=me")).body, []);
    assert.equal((await bob.ask("POST", "/agents", listing("invalid"))).status, 201);
  },

  async "a capability's description has 1024 characters, whichever they are"(_t, hall) {
    verifies("listing-description");
    const bob = await hall.member("owls@example.com");
    const longest = listing("owls", { description: "🦉".repeat(1_024) });
    const { status, body } = await bob.ask("POST", "/agents", longest);
    assert.equal(status, 201, JSON.stringify(body));
    const longer = listing("more-owls", { description: "🦉".repeat(1_025) });
    await assertRefused(bob, INVALID, () => bob.ask("POST", "/agents", longer));
    // What such a listing says of its capability is what it says of itself, as far as there is room.
    const description = `${"o".repeat(1_023)}🦉${"o".repeat(100)}`;
    const legacy = listing("old-owls", {}, { description, capabilities_meta: undefined });
    const told = (await bob.ask("POST", "/agents", legacy)).body.capabilities_meta.translation;
    assert.equal(told.description, `${"o".repeat(1_023)}🦉`);
  },

  async "one price for everything, patched, is the price from then on"(_t, hall) {
    verifies("listing-legacy-price", "patch-partial");
    const bob = await hall.member("repriced@example.com");
    const first = await bob.ask("POST", "/agents", listing("repriced", { curve: [TIER] }));
    const path = `/agents/${first.body.agent_id}`;
    const dearer = { pricing_model: "per_session", price_credits: 70 };
    const patched = (await bob.ask("PATCH", path, dearer)).body.capabilities_meta.translation;
    const curve = [{ ...TIER, cost_shape: "per_session", cost_amount: 70 }];
    assert.deepEqual(patched, { ...first.body.capabilities_meta.translation, curve });
    const free = await bob.ask("PATCH", path, { pricing_model: "free" });
    assert.deepEqual(free.body.capabilities_meta.translation, { ...patched, curve: [] });
  },

  async "null says as little as nothing"(_t, hall) {
    verifies("patch-partial");
    const bob = await hall.member("nulls@example.com");
    const nothing = {
      schema_url: null,
      schema_digest: null,
      input_schema: null,
      output_schema: null,
    };
    const tier = { ...TIER, tier_name: null, quality: null };
    const meta = { ...nothing, open_quote: null, estimate_credits: null, curve: [tier] };
    const unpriced = { pricing_model: null, price_credits: null };
    const priced = await bob.ask("POST", "/agents", listing("nulls", meta, unpriced));
    assert.equal(priced.status, 201, JSON.stringify(priced.body));
    const path = `/agents/${priced.body.agent_id}`;
    const same = { capabilities: null, capabilities_meta: null, agent_name: null };
    const patched = await bob.ask("PATCH", path, same);
    assert.equal(patched.status, 200, JSON.stringify(patched.body));
    assert.deepEqual(patched.body.capabilities_meta, priced.body.capabilities_meta);
    const free = listing("nulls-free", { curve: null }, { capabilities_meta: null });
    const { status, body } = await bob.ask("POST", "/agents", free);
    assert.equal(status, 201);
    const hire = { agent_id: body.agent_id, capability: "translation", max_messages: null };
    const hired = await bob.ask("POST", "/sessions", { ...hire, quote: null, open_quote: null });
    assert.deepEqual([hired.status, hired.body.max_messages], [201, 1]);
  },

  async "a slug is taken once, whoever comes at the same time"(_t, hall) {
    verifies("slug-taken");
    const bob = await hall.member("taken@example.com");
    const asked = Array.from({ length: 8 }, () => bob.ask("POST", "/agents", listing("taken")));
    const answers = await Promise.all(asked);
    assert.equal(answers.filter(({ status }) => status === 201).length, 1);
    const taken = { status: 409, code: "slug_taken" };
    await assertRefused(bob, taken, () => bob.ask("POST", "/agents", listing("taken")));
  },

  async "how it can be hired follows from its price"(_t, hall) {
    verifies("modes-of-shapes", "listing-legacy-price");
    const bob = await hall.member("modes@example.com");
    // biome-ignore format: read as a table
    const cases: [object, object, string[]][] = [
      [{},                                                   {},                              ["invoke", "session"]],
      [{ curve: [] },                                        {},                              ["invoke", "session"]],
      [{ curve: [{ ...TIER, cost_shape: "free" }] },         {},                              ["invoke", "session"]],
      [{ curve: [TIER] },                                    {},                              ["invoke"]],
      [{ curve: [{ ...TIER, cost_shape: "per_session" }] },  {},                              ["session"]],
      [{ curve: [{ ...TIER, cost_shape: "per_message" }] },  {},                              ["session"]],
      [{ curve: [{ ...TIER, cost_shape: "per_task" }] },     {},                              ["invoke", "session"]],
      [{ curve: [TIER, { ...TIER, cost_shape: "per_session" }] }, {},                         ["invoke", "session"]],
      [{ open_quote: true, estimate_credits: 5, ceiling_credits: 9 }, {},                     ["session"]],
      [{ curve: [{ ...TIER, cost_shape: "itemized" }], estimate_credits: 5 }, {},             ["session"]],
      [{},             { pricing_model: "per_call", price_credits: 7 },                       ["invoke"]],
      [{},             { pricing_model: "free" },                                             ["invoke", "session"]],
    ];
    for (const [index, [meta, rest, modes]] of cases.entries()) {
      const { status, body } = await bob.ask(
        "POST",
        "/agents",
        listing(`modes-${index}`, meta, rest),
      );
      assert.equal(status, 201, JSON.stringify(body));
      assert.deepEqual(body.interaction_modes.translation.modes, modes, JSON.stringify(meta));
    }
    const legacy = await bob.ask("GET", "/agents?owner=me&capability=translation");
    const [priced] = legacy.body.filter(({ slug }: { slug: string }) => slug === "modes-10");
    assert.deepEqual(priced.capabilities_meta.translation.curve, [{ ...TIER, cost_amount: 7 }]);
  },

  async "what is sold by the session cannot be invoked"(t, hall) {
    verifies("invoke-channel");
    const curve = [{ ...TIER, cost_shape: "per_session" }];
    const seller = await sell(t, hall, { slug: "by-session", meta: { curve } });
    const alice = await hall.member("channel-alice@example.com");
    const expected = { status: 409, code: "interaction_mode_not_supported" };
    await assertRefused(alice, expected, () => invoke(alice, seller.agentId));
  },

  async "a patch changes what it names, for its owner alone"(_t, hall) {
    verifies("patch-owner", "patch-partial", "patch-slug");
    const bob = await hall.member("patch@example.com");
    const first = (await bob.ask("POST", "/agents", listing("patched", { curve: [TIER] }))).body;
    const path = `/agents/${first.agent_id}`;
    const renamed = await bob.ask("PATCH", path, { agent_name: "A better translator" });
    assert.equal(renamed.status, 200);
    const { updated_at: _before, ...expected } = { ...first, agent_name: "A better translator" };
    const { updated_at: _after, ...actual } = renamed.body;
    assert.deepEqual(actual, expected);

    for (const change of [{ slug: "other" }, { capabilities: [] }, { agent_name: "" }, []]) {
      await assertRefused(bob, INVALID, () => bob.ask("PATCH", path, change));
    }
    assert.equal((await bob.ask("PATCH", path, { slug: "patched" })).status, 200);
    const stranger = await hall.member("patch-stranger@example.com");
    const forbidden = { status: 403, code: "forbidden" };
    await assertRefused(stranger, forbidden, () =>
      stranger.ask("PATCH", path, { agent_name: "Mine" }),
    );
    const none = { status: 404, code: "agent_not_found" };
    await assertRefused(bob, none, () => bob.ask("PATCH", `/agents/agt_${"0".repeat(24)}`, {}));
    assert.equal((await bob.ask("GET", path)).body.agent_name, "A better translator");
  },

  async "words that only this wire knows come back as they were"(_t, hall) {
    const bob = await hall.member("extra@example.com");
    const extra = { slot_fulfillment: "auto", fork_policy: { max: 2 }, provider_type: "broker" };
    const { body } = await bob.ask("POST", "/agents", listing("extra", {}, extra));
    const { slot_fulfillment, fork_policy, provider_type } = body;
    assert.deepEqual({ slot_fulfillment, fork_policy, provider_type }, extra);
  },

  async "a capability may be called like something of JavaScript's"(_t, hall) {
    const bob = await hall.member("constructor@example.com");
    const names = { capabilities: ["constructor", "toString"], capabilities_meta: undefined };
    const { status, body } = await bob.ask("POST", "/agents", listing("named", {}, names));
    assert.equal(status, 201, JSON.stringify(body));
    assert.deepEqual(Object.keys(body.capabilities_meta), ["constructor", "toString"]);
  },
};
