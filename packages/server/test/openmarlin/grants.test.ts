/** On a production server famous names are the operator's to give. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DATABASE_HOSTS, isSkipped } from "../support/database.ts";
import { startGuildhall } from "../support/guildhall.ts";
import { openAccount } from "./money.ts";
import { type Frame, shout, startNode } from "./node.ts";
import { assertRefused } from "./support.ts";

const PRODUCTION = {
  GUILDHALL_MODE: "production",
  PUBLIC_URL: "https://hall.example.org",
  GUILDHALL_SECRET_KEY: "a secret key of forty characters, for tests",
  GUILDHALL_UNPRICED_CALL_USD: "0",
};

for (const host of DATABASE_HOSTS) {
  test(`nobody gets strangers' prompts by claiming a famous name (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const hall = await startGuildhall(t, host, PRODUCTION);
    const owner = await openAccount(hall, "owner@example.org");
    const ada = await openAccount(hall, "ada@example.org");
    const models = ["openai/gpt-5", "owner/small"];
    const node = await startNode(t, hall, owner.key, { models, run: shout });
    const names = async () =>
      (await ada.ask("GET", "/v1/models")).body.data.map((m: Frame) => m.id);
    const ask = (body: object) => ada.ask("POST", "/v1/executions", { instruction: "hi", ...body });
    const [first] = await names();
    assert.match(first, /^owner[^/]*\/gpt-5$/);

    assertRefused(await ask({}), 404, "execution_provider_not_found");
    assertRefused(await ask({ model: "openai/gpt-5" }), 404, "execution_provider_not_found");
    // Who names its owner knows whom it asks; and the owner may have its own chosen for it.
    assert.equal((await ask({ model: first })).status, 200);
    assert.equal((await ask({ provider_id: "node-a" })).status, 200);
    const own = await owner.ask("POST", "/v1/executions", { instruction: "hi" });
    assert.equal(own.status, 200, JSON.stringify(own.body));

    const granted = { provider_id: "node-a", model: "openai/gpt-5" };
    assert.deepEqual(await hall.admin("POST", "/nodes/grant", granted), {
      ...granted,
      granted: true,
    });
    assert.ok((await names()).includes("openai/gpt-5"));
    assert.equal((await ask({ model: "openai/gpt-5" })).body.metadata.model, "openai/gpt-5");
    assert.equal((await ask({})).status, 200);
    const asked = node.frames.filter(({ type }) => type === "execution.request");
    assert.equal(asked.at(-1).model, "openai/gpt-5", "its own word for it");

    await hall.admin("POST", "/nodes/revoke", granted);
    assertRefused(await ask({ model: "openai/gpt-5" }), 404, "execution_provider_not_found");
    await assert.rejects(hall.admin("POST", "/nodes/revoke", granted), /not_found/);
    const nobody = { ...granted, provider_id: "nobody" };
    await assert.rejects(hall.admin("POST", "/nodes/grant", nobody), /not_found/);
  });
}
