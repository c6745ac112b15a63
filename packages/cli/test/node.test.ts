/** `guildhall node run`: models of one's own, asked for over OpenMarlin's wire. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Hall, inAHall } from "./hall.ts";
import { errorOf, type Running, type Shell, startCloud, until } from "./support.ts";

/** Says the instruction in capitals, a word at a time; or fails; or waits to be cancelled. */
const HANDLER = `
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const { request_id, instruction, cancel } = JSON.parse(line);
  const say = (said) => process.stdout.write(JSON.stringify({ request_id, ...said }) + "\\n");
  if (cancel) { process.stderr.write("CANCELLED\\n"); return; }
  if (instruction === "fail") { say({ error: { message: "no luck" } }); return; }
  if (instruction === "wait") { say({ text: "so far " }); return; }
  const output = instruction.toUpperCase();
  for (const text of output.match(/\\S+\\s*/g)) say({ text });
  say({ output, metadata: { by: "handler" }, usage: { input_tokens: 3, output_tokens: 2 } });
});
`;

async function startNode(one: Shell, args: readonly string[]): Promise<Running> {
  const node = one.start("guildhall", ["node", "run", "--provider-id", "node-a", ...args]);
  await until(
    () => node.stderr().includes('"event":"connected"') || node.child.exitCode !== null,
    "the node connected",
  );
  return node;
}

// biome-ignore lint/suspicious/noExplicitAny: whatever JSON the test looks into.
const jsonOf = async (response: Response): Promise<any> => response.json();

async function execute(hall: Hall, key: string, body: object): Promise<Response> {
  return fetch(`${hall.server.url}/v1/executions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}` },
    body: JSON.stringify(body),
  });
}

inAHall(
  "a program behind a node: whole, streamed, failing, given up, and stopped",
  async (_, hall) => {
    const owner = await hall.loggedIn("owner");
    const { key } = (await hall.loggedIn("ann")).member;
    const handler = join(owner.home, "handler.cjs");
    writeFileSync(handler, HANDLER);
    const command = `"${process.execPath}" "${handler}"`;
    const args = [
      "--models",
      "acme/one,acme/two",
      "--label",
      "region=eu",
      "--handler-cmd",
      command,
    ];
    const node = await startNode(owner, args);

    const whole = await jsonOf(await execute(hall, key, { instruction: "how are you" }));
    assert.equal(whole.output, "HOW ARE YOU", JSON.stringify(whole));
    assert.deepEqual([whole.metadata.model, whole.metadata.by], ["acme/one", "handler"]);
    assert.equal(whole.metadata.usage.output_tokens, 2);

    const streamed = await execute(hall, key, {
      ...{ instruction: "and you", model: "acme/two", labels: { region: "eu" }, stream: true },
    });
    const text = await streamed.text();
    assert.match(
      text,
      /event: execution.chunk\ndata: [^\n]*"AND "[^\n]*\n\nevent: execution.chunk/,
    );
    assert.match(text, /event: execution.end\n[^\n]*"AND YOU"/);

    const failed = await execute(hall, key, { instruction: "fail" });
    assert.deepEqual([failed.status, (await jsonOf(failed)).error], [502, "execution_failed"]);

    const leaving = new AbortController();
    const waiting = await fetch(`${hall.server.url}/v1/executions`, {
      ...{ method: "POST", signal: leaving.signal, headers: { authorization: `Bearer ${key}` } },
      body: JSON.stringify({ instruction: "wait", stream: true }),
    });
    const reader = waiting.body?.getReader();
    await reader?.read();
    leaving.abort();
    await until(() => node.stderr().includes("CANCELLED"), "the handler was told");

    node.child.kill("SIGTERM");
    const { code, stderr } = await node.finished;
    assert.equal(code, 0, stderr);
    const gone = await execute(hall, key, { instruction: "x", provider_id: "node-a" });
    assert.deepEqual([gone.status, (await jsonOf(gone)).error], [503, "provider_unavailable"]);
    assert.equal(JSON.parse((await hall.admin("ledger", "verify")).stdout).ok, true);
  },
);

inAHall("a server of one's own behind a node, and commands that make no sense", async (t, hall) => {
  const chunk = (delta: object) => `data: ${JSON.stringify({ choices: [{ delta }] })}\r\n\r\n`;
  const usage = { prompt_tokens: 5, completion_tokens: 2 };
  const upstream = await startCloud(t, ({ body }) => {
    const { stream, model, messages } = JSON.parse(Buffer.from(body, "latin1").toString());
    const content = `${model} heard ${messages[0].content}`;
    if (!stream) return { body: { choices: [{ message: { content } }], usage } };
    return {
      headers: { "content-type": "text/event-stream" },
      body: `${chunk({ content: "one " })}: hi\n\n${chunk({ content: "zwö" })}data: ${JSON.stringify({ choices: [], usage })}\n\ndata: [DONE]\n\n`,
    };
  });
  const owner = await hall.loggedIn("owner");
  const { key } = owner.member;
  const node = await startNode(owner, ["--models", "acme/one", "--upstream", `${upstream.url}/v1`]);
  const whole = await jsonOf(await execute(hall, key, { instruction: "hello" }));
  assert.equal(whole.output, "one heard hello", JSON.stringify(whole));
  assert.deepEqual(whole.metadata.usage, { input_tokens: 5, cached_tokens: 0, output_tokens: 2 });
  const text = await (await execute(hall, key, { instruction: "a", stream: true })).text();
  assert.match(text, /event: execution.end\n[^\n]*"one zwö"/);
  assert.equal(upstream.received[0]?.url.pathname, "/v1/chat/completions");
  assert.equal(upstream.received[0]?.headers.authorization, undefined, "our key is not theirs");
  node.child.kill("SIGTERM");
  await node.finished;

  // biome-ignore format: read as a table
  const wrong: readonly (readonly [readonly string[], string])[] = [
    [["--models", "acme/one"],                                                    "config_error"],
    [["--models", "acme/one", "--upstream", "x", "--handler-cmd", "y"],           "config_error"],
    [["--models", "acme/one", "--upstream", "not an address"],                    "config_error"],
    [["--models", "acme/one", "--handler-cmd", "cat", "--label", "region"],       "config_error"],
    [["--models", "acme/one", "--handler-cmd", "cat", "--concurrency", "0"],      "config_error"],
    [["--models", "noslash", "--handler-cmd", "cat"],                             "protocol_error"],
  ];
  for (const [args, code] of wrong) {
    const done = await owner.guildhall(["node", "run", "--provider-id", "n", ...args]);
    const told = JSON.parse(done.stderr.trim().split("\n").at(-1) ?? "");
    assert.equal(told.error.code, code, done.stderr);
  }
  const eve = await hall.loggedIn("eve");
  const args = ["--provider-id", "node-a", "--models", "a/b", "--handler-cmd", "cat"];
  assert.equal(errorOf(await eve.guildhall(["node", "run", ...args])).code, "not_owner");
});
