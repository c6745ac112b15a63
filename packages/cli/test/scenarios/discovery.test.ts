/** Rows 6 to 8: finding an agent, and knowing what it takes. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { answerOf, startCloud, until } from "../support.ts";
import { shows } from "./checklist.ts";
import { ECHO, price, type Stage, scenarios } from "./stage.ts";

const SCHEMA = '{ "type":"object",\n"required":["text"] }';
const digestOf = (text: string) => createHash("sha256").update(text).digest("hex");

/** Slugs in the order in which they are found. */
function slugsOf(cards: readonly { readonly slug: string }[]): string[] {
  return cards.map(({ slug }) => slug);
}

async function painters(stage: Stage) {
  const run = () => ({ output: {} });
  const says = (description: string, credits: number) => ({
    meta: { description, ...price("per_call", credits) },
    handlers: { run },
  });
  const capability = "pictures.make.v1";
  const cats = await stage.offer({ capability, ...says("Paints portraits of cats.", 9) });
  const maps = await stage.offer({ capability, ...says("Draws maps of cities and roads.", 3) });
  const other = await stage.offer({
    ...{ capability: "pictures.sell.v1", ...says("Sells pictures of cats and kittens.", 1) },
  });
  return { capability, cats, maps, other };
}

scenarios("discovery", {
  async "6: a slug is matched letter for letter, and an intent ranks within it"(stage) {
    shows(6);
    const { capability, cats, maps, other } = await painters(stage);
    const ann = await stage.person();
    assert.deepEqual(
      slugsOf(await ann.told("search", capability)).sort(),
      [cats.slug, maps.slug].sort(),
    );
    for (const miss of ["pictures", "pictures.make", "Pictures.make.v1", "cats", cats.slug]) {
      assert.deepEqual(await ann.told("search", miss), [], miss);
    }
    const intent = ["--intent", "a picture of my kitten"];
    // Who was listed just now is found by name at once, by an intent within a second or so.
    const byIntent = async () => slugsOf(await ann.told("search", ...intent));
    const isThere = (found: readonly string[]) =>
      [cats.slug, other.slug].every((slug) => found.includes(slug));
    await until(async () => isThere(await byIntent()), "all of them are found by an intent");
    const within = slugsOf(await ann.told("search", capability, ...intent));
    assert.equal(within[0], cats.slug);
    assert.ok(!within.includes(other.slug));
    const cheapest = slugsOf(
      await ann.told("search", capability, ...intent, "--sort", "price_asc"),
    );
    assert.equal(cheapest[0], maps.slug, "an order that is asked for overrules the intent");
    await ann.refused(["search"], 2);
    const mine = await stage.person();
    assert.deepEqual(await mine.told("search", "--owner", "me"), []);
    await cats.connection?.stop({ drainMs: 0 });
    assert.deepEqual(slugsOf(await ann.told("search", capability)), [maps.slug], "it is offline");
    const all = await ann.told("search", capability, "--status", "all");
    assert.equal(all.length, 2);
  },

  async "7: a limit trims what was found, and changes nothing else"(stage) {
    shows(7);
    const capability = "count.v1";
    await Promise.all(
      Array.from({ length: 11 }, () => stage.offer({ capability, meta: price("per_call", 1) })),
    );
    const ann = await stage.person();
    const search = async (...more: string[]) =>
      slugsOf(await ann.told("search", capability, "--status", "all", ...more));
    const all = await search("--limit", "0");
    assert.equal(all.length, 11);
    assert.deepEqual(await search(), all.slice(0, 10));
    assert.deepEqual(await search("--limit", "3"), all.slice(0, 3));
    await ann.refused(["search", capability, "--limit", "-1"], 2);
  },

  async "8: a schema is proven before it is printed; none is an answer too"(stage, t) {
    shows(8);
    let served = SCHEMA;
    const host = await startCloud(t, () => ({ body: served }));
    const schema_url = `${host.url}/schema.json`;
    const seller = await stage.person();
    const told = async (capability: string, meta: object) => {
      const listing = {
        ...{ slug: `schema-${capability.split(".")[0]}`, agent_name: "S", description: "S" },
        capabilities: [capability],
        capabilities_meta: { [capability]: { description: "Takes something.", ...meta } },
      };
      const input = JSON.stringify(listing);
      return answerOf(await seller.run(["provider", "register", "-"], { input })) as {
        agent_id: string;
      };
    };
    const ann = await stage.person();
    // The server keeps this one itself, and serves it.
    const own = await told("kept.v1", { input_schema: JSON.parse(SCHEMA) });
    const printed = await ann.run(["schema", own.agent_id, "--capability", "kept.v1"]);
    assert.deepEqual(JSON.parse(printed.stdout), JSON.parse(SCHEMA));
    assert.match(printed.stdout, /^\{\n {2}"/, "for people to read");
    const card = await ann.told("show", own.agent_id, "--capability", "kept.v1");
    assert.match(card.schema_digest, /^sha256:[0-9a-f]{64}$/);

    const talker = await told("talks.v1", {});
    const none = await ann.refused(["schema", talker.agent_id, "--capability", "talks.v1"]);
    assert.equal(none.code, "no_schema_url");
    assert.match(none.message, /no schema_url for capability/);

    const away = await told("away.v1", { schema_url, schema_digest: digestOf(SCHEMA) });
    const schema = ["schema", away.agent_id, "--capability", "away.v1"];
    assert.deepEqual(JSON.parse((await ann.run(schema)).stdout), JSON.parse(SCHEMA));
    served = '{"type":"object"}';
    const changed = await ann.refused(schema);
    assert.deepEqual([changed.code, changed.step], ["input_schema_mismatch", "digest"]);
    assert.equal(changed.actual, `sha256:${digestOf(served)}`);
    const wrong = await ann.refused(["schema", own.agent_id, "--capability", "other.v1"]);
    assert.equal(wrong.code, "capability_not_supported");
  },

  async "8: a capability without a schema takes words, and one with it takes what fits"(stage) {
    shows(8);
    const { agentId, capability } = await stage.offer({
      ...{ capability: "strict.v1", handlers: { ...ECHO, run: (input) => ({ output: input }) } },
      meta: { input_schema: JSON.parse(SCHEMA), ...price("per_call", 5) },
    });
    const ann = await stage.person();
    const invoke = ["invoke", agentId, "--capability", capability, "--input"];
    const refused = await ann.refused([...invoke, "{}"]);
    assert.equal(refused.code, "input_schema_mismatch");
    assert.deepEqual(await ann.credits(), [1_000_000, 0]);
    assert.deepEqual((await ann.told(...invoke, '{"text":"hi"}')).result, { text: "hi" });
    const trust = await ann.told("trust", agentId);
    // biome-ignore format: read as a list
    assert.deepEqual(Object.keys(trust).sort(), [
      "agent_id", "approval_rate", "completed_gig_results", "completed_invokes", "completed_sessions", "dispute_count", "trust_score", "updated_at",
    ]);
  },
});

scenarios(
  "discovery without a ranker",
  {
    async "6: an intent is not understood: a slug alone is matched"(stage) {
      shows(6);
      const { capability, cats, maps } = await painters(stage);
      const ann = await stage.person();
      const intent = ["--intent", "a picture of my kitten"];
      assert.deepEqual(await ann.told("search", ...intent), []);
      const within = slugsOf(await ann.told("search", capability, ...intent));
      assert.deepEqual(within.sort(), [cats.slug, maps.slug].sort());
    },
  },
  { LINKEDCLAW_RANKER: "legacy" },
);
