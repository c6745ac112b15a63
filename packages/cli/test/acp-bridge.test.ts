/** An agent is hired from an editor: by ACP, asked before money is held. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { connectProvider, type ProviderHandlers } from "@guildhall/sdk";
import { type Decision, startHost } from "./acp-host.ts";
import { type Hall, inAHall } from "./hall.ts";
import { answerOf, errorOf, shell, until } from "./support.ts";

inAHall("an agent is hired from an editor", async (t, hall) => {
  const stage = await setStage(t, hall);
  await t.test("asked, hired, talked to and paid", () => talks(stage));
  await t.test("who says no holds nothing", () => declines(stage));
  await t.test("who is asked agrees to that price and to no other", () => changesPrice(stage));
  await t.test("who has used up what was paid for is asked again", () => goesOn(stage));
  await t.test("a turn that is cancelled is no message lost", () => interrupts(stage));
  await t.test("a host that comes back goes on, and may end it itself", () => comesBack(stage));
  await t.test("a price that is named later is asked for when it is", () => quotes(stage));
  await t.test("an agent that fails or declines is told as it is", () => fails(stage));
  await t.test("what cannot be served is refused at the start", () => refuses(stage));
  await t.test("hosts are told how to start it", () => installs(stage));
});

type Stage = Awaited<ReturnType<typeof setStage>>;

const price = (cost_shape: string, cost_amount: number) => ({
  curve: [{ tier_name: "standard", quality: 1, cost_shape, cost_amount }],
});

/** What each agent is hired for, at which price, and what it does. */
const AGENTS = {
  parrot: price("per_message", 5),
  free: {},
  planner: { open_quote: true, estimate_credits: 100, ceiling_credits: 500 },
  caller: price("per_call", 3),
} as const;

async function setStage(t: TestContext, hall: Hall) {
  const seller = await hall.server.member("seller@example.org");
  const buyer = await hall.server.member("buyer@example.org");
  const gate = { waits: false, open: () => undefined as undefined };
  const turn = async (text: string): Promise<unknown> => {
    if (text === "fail") throw new Error("a secret of this machine");
    if (text === "wait") await new Promise<void>((resolve) => (gate.open = () => void resolve()));
    return text === "object" ? { colours: ["red"] } : `You said: ${text}`;
  };
  const handlers: ProviderHandlers = {
    session: {
      turn: async ({ payload }, context) => {
        const { text } = payload as { text: string };
        if (text === "twice") await context.push("one moment");
        return turn(text);
      },
      quote: () => ({ amountMicros: 12_000n, ceilingMicros: 15_000n }),
      bill: () => ({ totalMicros: 13_000n }),
    },
  };
  const agents = {} as Record<keyof typeof AGENTS, string>;
  for (const [slug, meta] of Object.entries(AGENTS)) {
    const { body } = await seller.ask("POST", "/agents", {
      ...{ slug, agent_name: slug, description: "Says it again.", capabilities: ["talk.v1"] },
      capabilities_meta: { "talk.v1": { description: "Says it again.", ...meta } },
    });
    agents[slug as keyof typeof AGENTS] = body.agent_id;
    const { key } = seller;
    const url = hall.server.url;
    const provider = connectProvider({
      ...{ url, key, agentId: body.agent_id, handlers, onError: () => undefined },
    });
    t.after(() => provider.stop({ drainMs: 0 }));
    await until(() => provider.state.kind === "online", `${slug} is online`);
  }
  const one = shell(t, { LINKEDCLAW_CLOUD_URL: hall.server.url });
  const env = {
    ...{ HOME: one.home, LINKEDCLAW_CONFIG_DIR: one.config },
    ...{ LINKEDCLAW_CLOUD_URL: hall.server.url, LINKEDCLAW_API_KEY: buyer.key },
  };
  return {
    ...{ t, hall, seller, buyer, agents, gate, one, env },
    host: (agent: keyof typeof AGENTS, ...more: string[]) =>
      startHost(t, env, ["--agent", agents[agent], ...more]),
    credits: async () =>
      (await buyer.ask("GET", "/credits")).body as { available: number; escrowed: number },
    sessions: async () => (await buyer.ask("GET", "/sessions")).body.sessions as object[],
  };
}

async function talks({ host: start, credits, one }: Stage): Promise<void> {
  const before = await credits();
  const host = await start("parrot", "--max-messages", "3");
  assert.match(host.stderr(), /"event":"acp_serving".*"price":"5 per_?\s?message"/);
  const id = await host.open();
  const first = await host.prompt(id, "hello");
  assert.deepEqual(first, { stop: "end_turn", said: "You said: hello" });
  const [question] = host.asked;
  assert.match(question?.toolCall.title ?? "", /^Hire parrot: .*15 credits at most.*3 messages$/);
  assert.deepEqual(
    question?.options.map(({ kind }) => kind),
    ["allow_once", "reject_once"],
  );
  assert.equal((await credits()).escrowed - before.escrowed, 15);
  const kept = JSON.parse(readFileSync(join(one.config, "acp-sessions", `${id}.json`), "utf8"));
  assert.match(kept.lc_session_id, /^ses_/);

  assert.equal((await host.prompt(id, "twice")).said, "one moment\nYou said: twice");
  assert.match((await host.prompt(id, "/cost")).said, /^15 credits are held; 2 of 3 messages/);
  const ended = await host.prompt(id, "/end");
  assert.match(ended.said, /^Ended: 10 credits were paid, 5 came back\. Receipt: rct_/);
  const after = await credits();
  assert.deepEqual([after.available, after.escrowed], [before.available - 10, before.escrowed]);
  assert.equal(host.asked.length, 1);
  assert.match((await host.prompt(id, "/end")).said, /nothing is held/);
  const offered = host.updates.find((one) => one.sessionUpdate === "available_commands_update");
  assert.ok(offered, "the host knows what may be said with a slash");

  const free = await start("free");
  assert.match((await free.prompt(await free.open(), "object")).said, /"colours"/);
  assert.equal(free.asked.length, 0, "what costs nothing is not asked about");
  assert.equal(await host.close(), 0);
  assert.doesNotMatch(host.stderr(), /left_open/);
  assert.equal(await free.close(), 0);
  assert.match(free.stderr(), /"event":"acp_session_left_open"/);
}

async function declines({ host: start, credits, sessions }: Stage): Promise<void> {
  const [before, count] = [await credits(), (await sessions()).length];
  const host = await start("parrot");
  const id = await host.open();
  for (const decision of ["decline", "cancelled", "nonsense"] as const satisfies Decision[]) {
    host.decide = () => decision;
    const { stop, said } = await host.prompt(id, "hello");
    assert.deepEqual([stop, said], ["end_turn", "Not hired; nothing is held."]);
  }
  const waiting = Promise.withResolvers<Decision>();
  host.decide = () => waiting.promise;
  const prompted = host.prompt(id, "hello");
  await until(() => host.asked.length === 4, "the user is asked");
  await assert.rejects(host.prompt(id, "meanwhile"), /a turn is under way/);
  await host.cancel(id);
  assert.equal((await prompted).stop, "cancelled");
  waiting.resolve("pay");
  assert.deepEqual(await credits(), before);
  assert.equal((await sessions()).length, count, "nobody was hired");
  assert.match((await host.prompt(id, "  ")).said, /no text/);
  await assert.rejects(host.prompt("acp_0", "hello"), { code: -32002 });
  await host.close();
}

async function changesPrice({ host: start, seller, agents, credits }: Stage): Promise<void> {
  const before = await credits();
  const host = await start("parrot", "--max-messages", "2");
  const id = await host.open();
  const charge = (amount: number) =>
    seller.ask("PATCH", `/agents/${agents.parrot}`, {
      capabilities_meta: {
        "talk.v1": { description: "Says it again.", ...price("per_message", amount) },
      },
    });
  host.decide = async (): Promise<Decision> => {
    assert.equal((await charge(500)).status, 200);
    return "pay";
  };
  assert.match((await host.prompt(id, "hello")).said, /price has changed.*\(price_changed\)/);
  assert.deepEqual(await credits(), before);
  await charge(5);
  await host.close();
}

async function goesOn({ host: start, credits, sessions }: Stage): Promise<void> {
  const before = await credits();
  const host = await start("parrot", "--max-messages", "1");
  const id = await host.open();
  await host.prompt(id, "one");
  host.decide = () => "decline";
  assert.match((await host.prompt(id, "two")).said, /^Not sent: all messages/);
  host.decide = () => "pay";
  assert.equal((await host.prompt(id, "two")).said, "You said: two");
  assert.match(host.asked.at(-1)?.toolCall.title ?? "", /^Go on with parrot: 5 credits at most/);
  assert.match((await host.prompt(id, "/end")).said, /^Ended: 5 credits were paid/);
  const after = await credits();
  assert.deepEqual([after.available, after.escrowed], [before.available - 10, before.escrowed]);
  const [last, first] = (await sessions()) as Record<string, unknown>[];
  assert.equal(last?.parent_session_id, first?.session_id);
  await host.close();
}

async function interrupts({ host: start, gate }: Stage): Promise<void> {
  const host = await start("parrot");
  const id = await host.open();
  await host.prompt(id, "hello");
  const waiting = host.prompt(id, "wait");
  const opened = gate.open;
  await until(() => gate.open !== opened, "the agent works on it");
  await host.cancel(id);
  assert.equal((await waiting).stop, "cancelled");
  gate.open();
  const { said } = await host.prompt(id, "and now");
  assert.equal(said, "You said: wait\nYou said: and now", "what was paid for is shown");
  const next = gate.open;
  const lost = assert.rejects(host.prompt(id, "wait"));
  await until(() => gate.open !== next, "the agent works on it");
  assert.equal(await host.close(), 0, "a host that ends in the middle of a turn ends it");
  await lost;
  assert.match(host.stderr(), /"event":"acp_session_left_open","ts":"[^"]+","session_id":"ses_/);
  gate.open();
}

async function comesBack({ host: start, credits, one }: Stage): Promise<void> {
  const before = await credits();
  const host = await start("parrot", "--max-messages", "2");
  const id = await host.open();
  await host.prompt(id, "hello");
  await host.close();

  const later = await start("parrot");
  await assert.rejects(later.prompt(id, "hello"), { code: -32002 });
  await later.request("session/load", { sessionId: id, cwd: process.cwd(), mcpServers: [] });
  const shown = later.updates.map((update) => update.sessionUpdate);
  assert.deepEqual(
    shown.filter((kind) => kind !== "available_commands_update"),
    ["user_message_chunk", "agent_message_chunk"],
  );
  assert.equal((await later.prompt(id, "again")).said, "You said: again");
  assert.equal(later.asked.length, 0, "it was paid for");
  const ended = await later.request<Record<string, unknown>>("session/end", { sessionId: id });
  assert.match(String(ended.receipt_id), /^rct_/);
  assert.equal((await credits()).available, before.available - 10);
  await assert.rejects(later.request("_session/end", { sessionId: id, cancel: true }), /held/);
  await later.close();

  const other = await start("free");
  for (const foreign of [id, "acp_../../config", `acp_${"0".repeat(32)}`]) {
    const load = { sessionId: foreign, cwd: process.cwd(), mcpServers: [] };
    await assert.rejects(other.request("session/load", load), { code: -32002 });
  }
  await other.close();
  assert.ok(readdirSync(join(one.config, "acp-sessions")).length > 0);
}

async function quotes({ host: start, credits, sessions }: Stage): Promise<void> {
  const before = await credits();
  const host = await start("planner");
  const id = await host.open();
  host.decide = () => "decline";
  assert.equal((await host.prompt(id, "a journey")).said, "Not hired; nothing is held.");
  host.decide = () => "pay";
  assert.equal((await host.prompt(id, "a journey")).said, "You said: a journey");
  const titles = host.asked.map(({ toolCall }) => toolCall.title);
  assert.deepEqual(titles, Array(2).fill("Hire planner: about 120 credits, 150 at most"));
  assert.equal((await credits()).escrowed - before.escrowed, 150);
  assert.match((await host.prompt(id, "/end")).said, /^Ended: /);
  const paid = async () => before.available - (await credits()).available;
  for (let looks = 0; (await paid()) !== 130 && looks < 100; looks++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.equal(await paid(), 130, "what was billed, without a second question");
  const states = (await sessions()).map((session) => (session as { status: string }).status);
  assert.ok(!states.includes("pending"), "what was declined is not left behind");
  await host.close();
}

async function fails({ host: start, seller, agents, credits }: Stage): Promise<void> {
  const host = await start("parrot");
  const id = await host.open();
  const { said } = await host.prompt(id, "fail");
  assert.match(said, /\(subagent_error\)$/);
  assert.doesNotMatch(said, /secret/);
  await host.prompt(id, "/cancel");
  await host.close();

  const { body } = await seller.ask("POST", "/agents", {
    ...{ slug: "nobody", agent_name: "Nobody", description: "Is not there." },
    capabilities: ["talk.v1"],
    capabilities_meta: { "talk.v1": { description: "Is not there.", ...price("per_session", 9) } },
  });
  const before = await credits();
  (agents as Record<string, string>).nobody = body.agent_id;
  const absent = await start("nobody" as "parrot");
  const told = await absent.prompt(await absent.open(), "hello");
  assert.match(told.said, /\(provider_offline\)|not reachable/);
  assert.deepEqual(await credits(), before, "what could not begin is given back at once");
  await absent.close();
}

async function refuses({ hall, one, env, agents }: Stage): Promise<void> {
  const serve = (more: Readonly<Record<string, string | undefined>>, ...args: string[]) =>
    one.linkedclaw(["acp", "serve", ...args], { env: { ...env, ...more } });
  const agent = ["--agent", agents.parrot];
  assert.equal(errorOf(await serve({ LINKEDCLAW_API_KEY: "" }, ...agent)).code, "invalid_api_key");
  assert.equal(errorOf(await serve({}, "--agent", "agt_0")).code, "agent_not_found");
  assert.equal(
    errorOf(await serve({}, "--agent", agents.caller, "--capability", "talk.v1")).code,
    "interaction_mode_not_supported",
  );
  assert.equal(
    errorOf(await serve({}, ...agent, "--capability", "sing.v1")).code,
    "capability_not_supported",
  );
  errorOf(await serve({}, "--agent", agents.caller), 2);
  errorOf(await serve({}, ...agent, "--max-messages", "0"), 2);
  assert.ok(hall.server.url);
}

async function installs({ one, env, agents }: Stage): Promise<void> {
  const install = (...args: string[]) =>
    one.linkedclaw(["acp", "install", agents.parrot, ...args], { env });
  const shown = answerOf(await install()) as Record<string, never>;
  assert.deepEqual([shown.name, shown.written], ["lc-parrot", null]);
  assert.match(String(shown.command), /acp serve --agent agt_\w+ --capability talk\.v1$/);
  assert.doesNotMatch(JSON.stringify(shown), /lc_[A-Za-z0-9]{8}/, "no key is handed around");
  const file = join(one.home, ".acpx", "config.json");
  mkdirSync(join(one.home, ".acpx"));
  writeFileSync(file, '{"defaultAgent":"mine","agents":{"mine":{"command":"x"}}}');
  const written = answerOf(await install("--write")) as Record<string, unknown>;
  assert.equal(written.written, file);
  assert.deepEqual(JSON.parse(readFileSync(file, "utf8")), {
    defaultAgent: "mine",
    agents: { mine: { command: "x" }, "lc-parrot": { command: shown.command } },
  });
  writeFileSync(file, "// mine\n{}");
  assert.equal(errorOf(await install("--write")).code, "config_error");
  assert.equal(readFileSync(file, "utf8"), "// mine\n{}");
}
