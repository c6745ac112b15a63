/** The operator's commands about models: interfaces that the server calls, and what calls cost. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { inAHall } from "./hall.ts";
import { answerOf, errorOf, startCloud } from "./support.ts";

const COMPLETION = {
  choices: [{ index: 0, message: { role: "assistant", content: "Hi" }, finish_reason: "stop" }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
};

inAHall(
  "an interface is added, listed, tested and removed, and its key is never shown",
  async (t, hall) => {
    await hall.member("owner");
    let isDown = false;
    const there = await startCloud(t, () =>
      isDown ? { status: 401, body: { error: { message: "no" } } } : { body: COMPLETION },
    );
    const keyFile = join(hall.server.dataDirectory, "their.key");
    writeFileSync(keyFile, "sk-their-secret-key\n", { mode: 0o600 });
    const add = ["upstream", "add", "lab", "--email", "owner@example.org", "--kind", "openai"];
    const url = ["--url", `${there.url}/v1`];
    const made = await hall.told(
      ...add,
      ...url,
      "--key-file",
      keyFile,
      "--model",
      "lab/small=tiny",
      "--model",
      "lab/big",
      "--fallback",
      "lab/big=lab/small",
      "--label",
      "region=here",
    );
    assert.equal(made.provider_id, "lab");
    const more = await hall.told(...add, ...url, "--weight", "3");
    assert.notEqual(more.endpoint_id, made.endpoint_id);

    const listed = await hall.admin("upstream", "list");
    assert.doesNotMatch(listed.stdout, /sk-their/);
    const { upstreams } = answerOf(listed) as { upstreams: Record<string, unknown>[] };
    const [upstream = {}] = upstreams;
    assert.deepEqual(upstream.models, [
      { model: "lab/big", upstream_model: "big", fallbacks: ["lab/small"] },
      { model: "lab/small", upstream_model: "tiny", fallbacks: [] },
    ]);
    assert.deepEqual(
      (upstream.endpoints as Record<string, unknown>[]).map(({ has_key, weight }) => [
        has_key,
        weight,
      ]),
      [
        [true, 1],
        [false, 3],
      ],
    );
    assert.deepEqual(upstream.labels, { region: "here" });

    const tested = (await hall.told("upstream", "test", "lab", "--model", "lab/small")) as Record<
      string,
      unknown
    >;
    assert.equal(tested.ok, true);
    assert.equal((tested.endpoints as object[]).length, 2);
    isDown = true;
    const failed = errorOf(await hall.admin("upstream", "test", "lab"));
    assert.equal(failed.code, "upstream_failed");

    const removed = await hall.told(
      "upstream",
      "remove",
      "lab",
      "--endpoint",
      String(more.endpoint_id),
    );
    assert.equal(removed.state, "removed");
    await hall.told("upstream", "remove", "lab");
    assert.deepEqual(answerOf(await hall.admin("upstream", "list")), { upstreams: [] });
    for (const args of [
      ["remove", "lab"],
      ["test", "lab"],
      ["remove", "nobody"],
    ]) {
      assert.equal(errorOf(await hall.admin("upstream", ...args)).code, "not_found");
    }
  },
);

inAHall("what is no interface is refused, and nothing is kept of it", async (_t, hall) => {
  await hall.member("owner");
  const usual = ["--email", "owner@example.org", "--kind", "openai"];
  // biome-ignore format: read as a table
  const cases: readonly (readonly [code: string, ...args: string[]])[] = [
    ["invalid_request", "lab", ...usual, "--url", "ftp://there", "--model", "a/b"],
    ["invalid_request", "lab", ...usual, "--url", "http://me:pass@there/v1", "--model", "a/b"],
    ["invalid_request", "lab", ...usual, "--url", "http://there/v1?key=1", "--model", "a/b"],
    ["invalid_request", "lab", ...usual, "--url", "http://there/v1"],
    ["invalid_request", "lab", ...usual, "--url", "http://there/v1", "--model", "nameless"],
    ["invalid_request", "no name", ...usual, "--url", "http://there/v1", "--model", "a/b"],
    ["not_found",       "lab", "--email", "nobody@example.org", "--kind", "openai", "--url", "http://there/v1", "--model", "a/b"],
    ["key_missing",     "lab", ...usual, "--url", "http://there/v1", "--model", "a/b", "--key-env", "NOT_SET_HERE"],
    ["fallback_unknown", "lab", ...usual, "--url", "http://there/v1", "--model", "a/b", "--fallback", "a/c=a/b"],
  ];
  for (const [code, ...args] of cases) {
    assert.equal(errorOf(await hall.admin("upstream", "add", ...args)).code, code, args.join(" "));
  }
  assert.deepEqual(answerOf(await hall.admin("upstream", "list")), { upstreams: [] });
  errorOf(
    await hall.admin(
      "upstream",
      "add",
      "lab",
      "--email",
      "a@b.c",
      "--kind",
      "other",
      "--url",
      "http://x",
    ),
    2,
  );
});

inAHall("prices are set, listed, changed and removed", async (_t, hall) => {
  const set = await hall.told("price", "set", "a/b", "--input-usd", "2.5", "--output-usd", "10");
  assert.deepEqual(set, {
    ...{ model: "a/b", input_usd: "2.5", cached_usd: "2.5", output_usd: "10", request_usd: "0" },
  });
  await hall.told(
    "price",
    "set",
    "a/b",
    "--input-usd",
    "2",
    "--cached-usd",
    "0.5",
    "--output-usd",
    "10",
    "--request-usd",
    "0.001",
  );
  assert.deepEqual(answerOf(await hall.admin("price", "list")), {
    prices: [
      { model: "a/b", input_usd: "2", cached_usd: "0.5", output_usd: "10", request_usd: "0.001" },
    ],
  });
  assert.equal(
    errorOf(await hall.admin("price", "set", "nameless", "--input-usd", "1", "--output-usd", "1"))
      .code,
    "invalid_request",
  );
  errorOf(await hall.admin("price", "set", "a/b", "--input-usd", "-1", "--output-usd", "1"), 2);
  assert.deepEqual(await hall.told("price", "remove", "a/b"), { model: "a/b", state: "removed" });
  assert.equal(errorOf(await hall.admin("price", "remove", "a/b")).code, "not_found");
});
