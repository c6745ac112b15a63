/** Schemas that providers bring: kept, fetched once, checked against their digest, held against values. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createAgents } from "../../src/core/agent.ts";
import type { CapabilityDraft, SchemaDraft } from "../../src/domain/agent.ts";
import { Fault, faultCodeOf } from "../../src/domain/fault.ts";
import type { LookupAddresses } from "../../src/lib/guarded-url.ts";
import { systemRandom } from "../../src/lib/random.ts";
import { onEachHost, openTestDatabase } from "../support/database.ts";
import { openHall, serve, sha256Of } from "./support.ts";

const PERSON = '{ "type": "object",\n  "required": ["name"] }\n';

function refusedWith(code: string, words = /./) {
  return (error: unknown) =>
    error instanceof Fault && faultCodeOf(error) === code && words.test(error.message);
}

async function schemaRows(database: { query(text: string): Promise<object[]> }): Promise<number> {
  return (await database.query("select digest from schemas")).length;
}

onEachHost(
  "a schema that is handed in is kept, and anybody can fetch it and check it",
  async (t, database) => {
    const hall = await openHall(t, database);
    const { workspaceId } = await hall.workspace("alice");
    const document = { type: "object", required: ["name"], $comment: "ü" };
    const kept = await hall.schemas.keep(workspaceId, { document });
    // The order of keys is no difference.
    const reordered = { $comment: "ü", required: ["name"], type: "object" };
    assert.deepEqual(await hall.schemas.keep(workspaceId, { document: reordered }), kept);
    assert.equal(await schemaRows(database), 1);

    assert.equal(kept.url, `${hall.url}/schemas/${kept.digest}.json`);
    const answer = await fetch(kept.url);
    const bytes = Buffer.from(await answer.arrayBuffer());
    assert.equal(sha256Of(bytes), kept.digest);
    assert.deepEqual(JSON.parse(bytes.toString()), document);
    assert.match(answer.headers.get("cache-control") ?? "", /immutable/);
    assert.deepEqual(await hall.schemas.problemsOf(workspaceId, kept, { name: "a" }), []);
    assert.deepEqual(await hall.schemas.problemsOf(workspaceId, kept, {}), [
      "the value must have required property 'name'",
    ]);
    // Handed back as it was given out, as whoever updates a listing does.
    assert.deepEqual(await hall.schemas.keep(workspaceId, kept), kept);
  },
);

onEachHost("a schema that is elsewhere is fetched once, byte for byte", async (t, database) => {
  let requests = 0;
  const host = await serve(t, (_request, response) => {
    requests++;
    response.end(PERSON);
  });
  const hall = await openHall(t, database, { isLoopbackOpen: true });
  const { workspaceId } = await hall.workspace("alice");
  const digest = sha256Of(PERSON);
  const kept = await hall.schemas.keep(workspaceId, {
    url: `${host}/person.json`,
    digest: `SHA256:${digest.toUpperCase()}`,
  });
  assert.deepEqual(kept, { url: `${host}/person.json`, digest });
  for (let count = 0; count < 3; count++) {
    assert.equal((await hall.schemas.problemsOf(workspaceId, kept, {})).length, 1);
  }
  assert.equal(requests, 1);
  assert.equal((await hall.schemas.require(digest)).toString(), PERSON);
});

test("a schema that cannot be had, or is another one, is refused, and nothing is kept", async (t) => {
  const bodies: Record<string, string> = {
    "/person.json": PERSON,
    "/other.json": `${PERSON} `,
    "/huge.json": `{"$comment":"${"x".repeat(300_000)}"}`,
  };
  const host = await serve(t, (request, response) => {
    if (request.url === "/redirect") {
      response.writeHead(302, { location: "http://169.254.169.254/latest/meta-data/" }).end();
    } else {
      const body = bodies[request.url ?? ""];
      response.writeHead(body ? 200 : 404).end(body);
    }
  });
  const { port } = new URL(host);
  // The first answer is a public address, as whoever checks first would see it.
  const answers: Record<string, string[]> = {
    "inside.example": ["10.0.0.1"],
    "rebind.example": ["127.0.0.1", "169.254.169.254"],
  };
  const lookup: LookupAddresses = async (name) =>
    [answers[name]?.shift()].flatMap((address) => (address ? [{ address, family: 4 }] : []));
  const database = await openTestDatabase(t, "any");
  const hall = await openHall(t, database, { isLoopbackOpen: true, lookup });
  const { workspaceId } = await hall.workspace("alice");
  const digest = sha256Of(PERSON);
  // biome-ignore format: read as a table
  const cases: readonly (readonly [url: string, words: RegExp])[] = [
    [`${host}/other.json`,                        /its digest is sha256:[0-9a-f]{64}, not sha256:/],
    [`${host}/huge.json`,                         /larger than 262144 bytes/],
    [`${host}/missing.json`,                      /answers 404/],
    [`${host}/redirect`,                          /not on the public internet/],
    ["https://169.254.169.254/latest/meta-data/", /not on the public internet/],
    ["https://inside.example/",                   /not on the public internet/],
    ["https://nowhere.example/",                  /no address/],
    [`http://rebind.example:${port}/redirect`,    /not on the public internet/],
    ["http://93.184.215.14/person.json",          /must begin with https/],
    ["file:///etc/passwd",                        /must begin with https/],
    [`${hall.url}/schemas/${digest}.json`,        /there is none/],
  ];
  for (const [url, words] of cases) {
    await assert.rejects(
      hall.schemas.keep(workspaceId, { url, digest }),
      refusedWith("schema_unavailable", words),
      url,
    );
  }
  const noDigest = { url: `${host}/person.json`, digest: "md5:abc" };
  await assert.rejects(hall.schemas.keep(workspaceId, noDigest), refusedWith("invalid_request"));
  assert.equal(await schemaRows(database), 0);
});

test("a name that was fine when a schema was declared may lead anywhere later: nobody asks it again", async (t) => {
  const host = await serve(t, (_request, response) => void response.end(PERSON));
  let lookups = 0;
  const lookup: LookupAddresses = async () => [
    { address: lookups++ === 0 ? "127.0.0.1" : "169.254.169.254", family: 4 },
  ];
  const hall = await openHall(t, await openTestDatabase(t, "any"), {
    isLoopbackOpen: true,
    lookup,
  });
  const { workspaceId } = await hall.workspace("alice");
  const url = `http://rebind.example:${new URL(host).port}/person.json`;
  const kept = await hall.schemas.keep(workspaceId, { url, digest: sha256Of(PERSON) });
  assert.equal((await hall.schemas.problemsOf(workspaceId, kept, {})).length, 1);
  assert.equal(lookups, 1);
  await assert.rejects(
    hall.schemas.keep(workspaceId, { url, digest: sha256Of(PERSON) }),
    refusedWith("schema_unavailable"),
  );
});

test("loopback is closed unless it was opened", async (t) => {
  let requests = 0;
  const host = await serve(t, (_request, response) => {
    requests++;
    response.end(PERSON);
  });
  const lookup: LookupAddresses = async () => [{ address: "127.0.0.1", family: 4 }];
  const hall = await openHall(t, await openTestDatabase(t, "any"), { lookup });
  const { workspaceId } = await hall.workspace("alice");
  const { port } = new URL(host);
  for (const url of [host, `https://127.0.0.1:${port}/`, `https://rebind.example:${port}/`]) {
    await assert.rejects(
      hall.schemas.keep(workspaceId, { url, digest: sha256Of(PERSON) }),
      refusedWith("schema_unavailable"),
    );
  }
  assert.equal(requests, 0);
});

test("what is no schema is refused, and says why", async (t) => {
  const database = await openTestDatabase(t, "any");
  const hall = await openHall(t, database);
  const { workspaceId } = await hall.workspace("alice");
  const documents: readonly object[] = [
    { type: "strng" },
    { $ref: "https://example.org/other.json" },
    { pattern: "(" },
    { $schema: "http://json-schema.org/draft-04/schema#" },
    ["object"],
  ];
  for (const document of documents) {
    await assert.rejects(
      hall.schemas.keep(workspaceId, { document }),
      refusedWith("invalid_request", /^The schema cannot be used: ./),
    );
  }
  await assert.rejects(
    hall.schemas.keep(workspaceId, { document: { $comment: "x".repeat(300_000) } }),
    refusedWith("payload_too_large"),
  );
  assert.equal(await schemaRows(database), 0);
});

test("a workspace brings so many schemas and no more; what is there already costs nobody anything", async (t) => {
  const hall = await openHall(t, await openTestDatabase(t, "any"));
  const [alice, bob] = [await hall.workspace("alice"), await hall.workspace("bob")];
  const big = (index: number) => ({ document: { $comment: `${index}${"x".repeat(250_000)}` } });
  for (let index = 0; index < 33; index++) await hall.schemas.keep(alice.workspaceId, big(index));
  await assert.rejects(
    hall.schemas.keep(alice.workspaceId, big(33)),
    refusedWith("storage_limit_reached"),
  );
  await hall.schemas.keep(alice.workspaceId, big(0));
  await hall.schemas.keep(bob.workspaceId, big(33));
  await hall.schemas.keep(alice.workspaceId, big(33));
});

test("a schema that takes for ever is refused where it is used", async (t) => {
  const hall = await openHall(t, await openTestDatabase(t, "any"));
  const { workspaceId } = await hall.workspace("alice");
  const slow = await hall.schemas.keep(workspaceId, { document: { pattern: "^(a+)+$" } });
  const fine = await hall.schemas.keep(workspaceId, { document: { type: "string" } });
  const attack = hall.schemas.problemsOf(workspaceId, slow, `${"a".repeat(60)}!`);
  await assert.rejects(attack, refusedWith("schema_unavailable", /too long/));
  assert.deepEqual(await hall.schemas.problemsOf(workspaceId, fine, "a"), []);
});

test("a schema that the server does not have is unavailable; there is no such page", async (t) => {
  const hall = await openHall(t, await openTestDatabase(t, "any"));
  const digest = "0".repeat(64);
  await assert.rejects(
    hall.schemas.problemsOf("nobody", { url: "https://a.example", digest }, {}),
    refusedWith("schema_unavailable"),
  );
  for (const path of [`${digest}.json`, digest, "x.json", "..%2f..%2fetc%2fpasswd.json"]) {
    assert.equal((await fetch(`${hall.url}/schemas/${path}`)).status, 404);
  }
});

onEachHost(
  "an agent with a bad schema is not registered; a known one is not fetched again",
  async (t, database) => {
    let requests = 0;
    const host = await serve(t, (_request, response) => {
      requests++;
      response.end(PERSON);
    });
    const hall = await openHall(t, database, { isLoopbackOpen: true });
    const caller = await hall.workspace("alice");
    const presence = { statusOf: async () => new Map() };
    const agents = createAgents({
      ...{ database, clock: hall.clock, random: systemRandom, presence, schemas: hall.schemas },
      onWritten: () => undefined,
    });
    const good = { url: `${host}/person.json`, digest: sha256Of(PERSON) };
    const bad = { ...good, digest: "0".repeat(64) };

    await assert.rejects(
      agents.register(caller, draftWith(bad)),
      refusedWith("schema_unavailable"),
    );
    assert.deepEqual(await agents.listOwn(caller), []);

    const agent = await agents.register(caller, draftWith(good));
    assert.equal(requests, 2);
    const { capabilities } = draftWith(good);
    await agents.update(caller, agent.id, { description: "changed", capabilities });
    assert.equal(requests, 2);
    const worse = { capabilities: draftWith(bad).capabilities };
    await assert.rejects(agents.update(caller, agent.id, worse), refusedWith("schema_unavailable"));
    assert.equal(
      (await agents.require(caller, agent.id)).capabilities[0]?.inputSchema?.digest,
      good.digest,
    );
  },
);

function draftWith(inputSchema: SchemaDraft) {
  const capability: CapabilityDraft = {
    slug: "greet",
    description: "Greets a person",
    price: { kind: "free" },
    inputSchema,
    outputSchema: undefined,
  };
  return {
    slug: "greeter",
    name: "Greeter",
    description: "Greets",
    capabilities: [capability],
    extra: {},
  };
}
