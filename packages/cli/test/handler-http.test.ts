/** Work that is posted to an address. */
import assert from "node:assert/strict";
import { inAHall, invoke, registerShouter, startDaemon } from "./hall.ts";
import { answerOf, errorOf, startCloud } from "./support.ts";

inAHall(
  "a handler behind an address is handed the same, and its mistakes are its own",
  async (t, hall) => {
    const handler = await startCloud(t, ({ body }) => {
      const { id, input, capability } = JSON.parse(Buffer.from(body, "latin1").toString());
      if (input.status !== undefined) return { status: input.status };
      if (input.raw !== undefined) return { body: input.raw };
      if (input.big === true) return { body: { id, output: "x".repeat(1_048_577) } };
      return { body: { id, output: { said: input.text, capability } } };
    });
    const provider = await hall.member("provider");
    const { agentId } = await registerShouter(provider);
    await startDaemon(provider, ["--handler-http", `${handler.url}/work?x=1`]);
    const one = await hall.member("ann");

    const { result } = answerOf(await invoke(one, agentId, { text: "ünd" })) as { result: object };
    assert.deepEqual(result, { said: "ünd", capability: "text.shout.v1" });
    const [posted] = handler.received;
    assert.deepEqual([posted?.method, posted?.url.pathname], ["POST", "/work"]);
    assert.equal(posted?.headers.authorization, undefined, "our key is not the handler's");

    const codeOf = async (input: object) => errorOf(await invoke(one, agentId, input)).code;
    assert.equal(await codeOf({ status: 500 }), "subagent_error");
    assert.equal(await codeOf({ status: 302 }), "subagent_error");
    assert.equal(await codeOf({ raw: "not json" }), "subagent_bad_output");
    assert.equal(await codeOf({ raw: "{}" }), "subagent_bad_output");
    assert.equal(await codeOf({ big: true }), "subagent_bad_output");
    const { balance } = answerOf(await one.linkedclaw(["credits"])) as { balance: number };
    assert.equal(balance, 1_000_000 - 50);
  },
);
