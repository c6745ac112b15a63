/** Sessions, open quotes and broadcasts that are served by a program, an address and an agent. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { appendFileSync, globSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { killAfterTest } from "../../server/test/support/cleanup.ts";
import type { Member } from "../../server/test/support/guildhall.ts";
import { type Hall, inAHall } from "./hall.ts";
import { answerOf, errorOf, type Running, type Shell, until } from "./support.ts";
import { CHAT, LABEL, QUOTED } from "./talker.ts";
import {
  broadcast,
  call,
  declined,
  escrowed,
  eventually,
  hire,
  post,
  said,
  setStage,
  TASK,
} from "./talker-stage.ts";

const AGENT = fileURLToPath(new URL("acp-agent.ts", import.meta.url));
const LIMITS = ["--per-requester-limit", "20", "--gig-tasks"];

inAHall("handlers serve sessions, quotes and broadcasts", async (t, hall) => {
  for (const [says, scenario] of Object.entries(SCENARIOS)) {
    await t.test(says, (inner) => scenario(inner, hall));
  }
});

const SCENARIOS: Readonly<Record<string, (t: TestContext, hall: Hall) => Promise<void>>> = {
  async "a program serves sessions, quotes and broadcasts"(_t, hall) {
    const { provider, agentId, program, start, member } = await setStage(hall, "program");
    const daemon = await start(["--handler-cmd", program, ...LIMITS]);
    const stage = { hall, provider, daemon, agentId, member, told: () => daemon.stderr() };
    await talks(stage);
    await fails(stage);
    await quotes(stage);
    await labels(stage);
    const one = await member("eve");
    const id = await hire(one, agentId);
    assert.equal((await said(one, id, 1, { do: "exit" })).code, "subagent_error");
    await until(() => daemon.stderr().includes("handler_restarted"), "the program came back");
    assert.equal((await said(one, id, 2, { text: "again" })).payload.text, "AGAIN");
    await stopsWhole(stage, one, id);
  },

  async "an address serves sessions, quotes and broadcasts"(t, hall) {
    const { provider, agentId, address, start, member } = await setStage(hall, "address");
    const { url, told } = await startAddress(t, address);
    const daemon = await start(["--handler-http", url, ...LIMITS]);
    const stage = { hall, provider, daemon, agentId, member, told };
    await talks(stage);
    await fails(stage);
    await quotes(stage);
    await labels(stage);
    const one = await member("eve");
    const id = await hire(one, agentId);
    assert.equal((await said(one, id, 1, { do: "exit" })).code, "subagent_error");
    await stopsWhole(stage, one, id);
  },

  async "an agent stays with its session"(_t, hall) {
    const { provider, agentId, start, member } = await setStage(hall, "agent");
    const jobs = join(provider.home, "jobs");
    const command = `"${process.execPath}" "${AGENT}" lc-{job}`;
    const acp = ["--handler-acp", command, "--acp-cwd-base", jobs, ...LIMITS];
    const daemon = await start([...acp, "--turn-timeout", "3"]);
    const one = await member("ann");
    await keepsItsAgent({ one, agentId, jobs });
    await losesItsAgent({ one, agentId, daemon });
    await isPricedByItsListing({ one, agentId });
    await labelsWithJson({ one, agentId });
    const left = await hire(one, agentId);
    await said(one, left, 1, { do: "say", text: "still here" });
    const stage = { hall, provider, daemon, agentId, member, told: () => "" };
    await stopsWhole(stage, one, left);
    assert.deepEqual(readdirSync(jobs), [], "nothing of its agents is left");
  },

  async "a daemon takes so many sessions, and what else is left to its owner"(_t, hall) {
    const { provider, agentId, program, start, member } = await setStage(hall, "limits");
    const command = ["--handler-cmd", program];
    const daemon = await start([...command, "--max-sessions", "1", "--no-invokes"]);
    const one = await member("ann");
    const before = await escrowed(one);
    const id = await hire(one, agentId);
    assert.match(await declined(one, agentId), /session_rejected: provider_busy/);
    const called = await call(one, agentId);
    assert.deepEqual([called.status, called.body.code], [503, "provider_manual_mode"]);
    await one.ask("POST", `/sessions/${id}/cancel`, {});
    assert.deepEqual(await escrowed(one), before, "nothing of it was paid");
    assert.doesNotMatch(daemon.stderr(), /gig_started|invoke_started/);
    daemon.child.kill("SIGTERM");
    await daemon.finished;

    const file = join(provider.config, "providers", "talker-limits.yaml");
    appendFileSync(file, "autoAcceptSessions: false\nautoAcceptGigTasks: true\nmaxStake: 9\n");
    const again = await start(command);
    assert.match(again.stderr(), /"by_hand":\["sessions"\],"gig_tasks":true/);
    assert.match(await declined(one, agentId), /session_rejected: provider_manual_mode/);
    assert.equal((await call(one, agentId)).status, 502, "calls are taken: it cannot do this one");
    const funds = await escrowed(provider.member);
    const [result] = await broadcast(one, agentId, { required_stake: 9, ...TASK });
    assert.equal(result.result_data.label, "long");
    assert.deepEqual(await escrowed(provider.member), [funds[0] - 9, 9], "its stake is held");
    const tooMuch = await post(one, agentId, { required_stake: 10, ...TASK });
    await until(() => again.stderr().split("gig_finished").length === 2, "it did the first");
    const task = (await one.ask("GET", `/gig-tasks/${tooMuch}`)).body;
    assert.deepEqual([task.accepted_count, task.results], [0, []]);

    for (const [flag = "", value = ""] of [
      ["--max-sessions", "0"],
      ["--turn-timeout", "3601"],
      ["--max-stake", "-1"],
    ]) {
      const args = ["provider", "run", "talker-limits", ...command, flag, value];
      errorOf(await provider.linkedclaw(args), 2);
    }
    appendFileSync(file, 'perRequesterLimit: "two"\n');
    const odd = await provider.linkedclaw(["provider", "run", "talker-limits", ...command]);
    assert.equal(errorOf(odd).code, "config_error");
  },
};

interface Stage {
  readonly hall: Hall;
  readonly provider: Shell;
  readonly daemon: Running;
  readonly agentId: string;
  /** Somebody new, to hire it. */
  readonly member: (name: string) => Promise<Member>;
  /** What the handler said of itself. */
  readonly told: () => string;
}

async function startAddress(t: TestContext, file: string) {
  const child = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "pipe"] });
  killAfterTest(t, child);
  const heard = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (heard.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (heard.stderr += text));
  await until(() => heard.stdout.endsWith("\n"), "the address listens");
  return { url: heard.stdout.trim(), told: () => heard.stderr };
}

/** A whole conversation by our own commands. */
async function talks({ hall, provider, daemon, agentId, told }: Stage): Promise<void> {
  const ann = await hall.loggedIn(`ann-${agentId.slice(-6)}`);
  const hired = answerOf(
    await ann.linkedclaw(["hire", agentId, "--capability", CHAT, "--max-messages", "3"]),
  ) as { session_id: string };
  const { session_id: id } = hired;
  const [file = ""] = globSync(join(provider.config, "providers", "*.status.json"));
  answerOf(await ann.linkedclaw(["send", id, "hello"]));
  const { reply } = answerOf(await ann.linkedclaw(["recv", id, "--wait", "30"])) as {
    // biome-ignore lint/suspicious/noExplicitAny: what the handler says it was given.
    reply: { payload: any }[];
  };
  const { text, facts } = reply[0]?.payload ?? {};
  assert.equal(text, "HELLO");
  const who = answerOf(await ann.linkedclaw(["whoami"])) as { user_id: string };
  assert.deepEqual(
    [facts.event, facts.session_id, facts.agent_id, facts.capability, facts.seq, facts.is_first],
    ["session.message", id, agentId, CHAT, 1, true],
  );
  assert.deepEqual([facts.requester_id, facts.max_messages], [who.user_id, 3]);
  assert.match(facts.chain_id, /^chn_/);
  const { shape, amount_credits, max_credits } = facts.price;
  assert.deepEqual([shape, amount_credits, max_credits], ["per_message", 5, 15]);
  assert.ok(Date.parse(facts.deadline_at) > Date.now());
  await until(
    () => JSON.parse(readFileSync(file, "utf8")).active_sessions === 1,
    "its status file counts the session",
  );
  answerOf(await ann.linkedclaw(["end", id]));
  const { balance } = answerOf(await ann.linkedclaw(["credits"])) as { balance: number };
  assert.equal(balance, 1_000_000 - 5);
  await until(() => told().includes("told of the end"), "the handler was told of the end");
  for (const event of ["session_accepted", "message_answered", "session_reaped"]) {
    assert.ok(daemon.stderr().includes(`"event":"${event}"`), event);
  }
}

/** What the handler gets wrong is said to whoever hired it, and is not paid for. */
async function fails({ member, agentId }: Stage): Promise<void> {
  const one = await member("bob");
  const id = await hire(one, agentId);
  const before = await escrowed(one);
  assert.equal((await said(one, id, 1, { do: "fail" })).code, "subagent_timeout");
  assert.equal((await said(one, id, 2, { do: "nothing" })).code, "subagent_bad_output");
  assert.deepEqual((await said(one, id, 3, { do: "words" })).payload, { text: "only words" });
  const ended = await one.ask("POST", `/sessions/${id}/end`, {});
  assert.equal(ended.status, 200, JSON.stringify(ended.body));
  assert.deepEqual(await escrowed(one), [before[0] + 40, 0], "one of nine was answered");
}

/** Brief, price, work, bill. */
async function quotes({ member, agentId, daemon }: Stage): Promise<void> {
  const one = await member("quo");
  const id = await brief(one, agentId, { text: "a week in Rome" });
  const proposal = await proposed(one, id);
  assert.deepEqual(
    [proposal.amount_credits, proposal.max_credits, proposal.line_items],
    [100, 200, [{ text: "hours" }]],
  );
  await accept(one, id, proposal.proposal_hash, { silent_consent_bound: 130 });
  assert.equal((await said(one, id, 2, { text: "go" })).payload.text, "GO");
  assert.equal((await one.ask("POST", `/sessions/${id}/end`, {})).status, 200);
  const invoice = await billed(one, id);
  assert.equal(invoice.total_credits, 130);
  assert.deepEqual(await escrowed(one), [1_000_000 - 130, 0]);

  const odd = await brief(one, agentId, { do: "price", amount: 1.5 });
  const left = await brief(one, agentId, { do: "owner" });
  await until(() => daemon.stderr().includes("no number of credits"), "half a credit is refused");
  await until(() => daemon.stderr().includes("quote_left_to_owner"), "it is left to the owner");
  for (const none of [odd, left]) {
    assert.equal((await one.ask("GET", `/sessions/${none}/quote-proposal`)).status, 404);
    assert.equal((await one.ask("POST", `/sessions/${none}/cancel`, {})).status, 200);
  }
}

async function brief(one: Member, agentId: string, payload: object): Promise<string> {
  const { body } = await one.ask("POST", "/sessions", {
    ...{ agent_id: agentId, capability: QUOTED, max_messages: 5, open_quote: true },
  });
  const sent = await one.ask("POST", `/sessions/${body.session_id}/messages`, { seq: 1, payload });
  assert.equal(sent.status, 202, JSON.stringify(sent.body));
  return body.session_id as string;
}

function proposed(one: Member, id: string) {
  return eventually(async () => one.ask("GET", `/sessions/${id}/quote-proposal`));
}

function billed(one: Member, id: string) {
  return eventually(async () => {
    const answer = await one.ask("GET", `/sessions/${id}/invoice`);
    return answer.body.status === "settled" ? answer : { ...answer, status: 404 };
  });
}

async function accept(one: Member, id: string, hash: string, more: object = {}): Promise<void> {
  const body = { proposal_hash: hash, ...more };
  const accepted = await one.ask("POST", `/sessions/${id}/accept-quote`, body);
  assert.equal(accepted.status, 200, JSON.stringify(accepted.body));
  const active = await one.ask("POST", `/sessions/${id}/activate`, {});
  assert.equal(active.status, 200, JSON.stringify(active.body));
}

/** One slot of a broadcast. */
async function labels({ member, agentId }: Stage): Promise<void> {
  const one = await member("gig");
  const [result] = await broadcast(one, agentId, TASK);
  assert.equal(result.result_data.label, "long");
  const { facts } = result.result_data;
  assert.deepEqual(
    [facts.event, facts.capability, facts.instruction, facts.max_credits, facts.slot_key],
    ["gig.execute", LABEL, "Label it.", 7, null],
  );
  assert.equal(facts.result_id, result.result_id);
}

/** A daemon that is stopped says goodbye: what was open is refunded, and the books add up. */
async function stopsWhole(stage: Stage, one: Member, id: string): Promise<void> {
  stage.daemon.child.kill("SIGTERM");
  assert.equal((await stage.daemon.finished).code, 0);
  if (stage.told() !== "") {
    const ends = stage
      .told()
      .split("\n")
      .filter((line) => line.includes("told of the end"));
    assert.match(
      ends.at(-1) ?? "",
      new RegExp(`"session_id":"${id}".*"reason":"provider_offline"`),
    );
  }
  const body = await eventually(async () => {
    const answer = await one.ask("GET", `/sessions/${id}`);
    return answer.body.status === "active" ? { ...answer, status: 404 } : answer;
  });
  assert.deepEqual([body.status, body.termination_reason], ["cancelled", "provider_offline"]);
  const verified = (await stage.hall.told("ledger", "verify", "--full")) as { ok: unknown };
  assert.equal(verified.ok, true);
}

interface AgentStage {
  readonly one: Member;
  readonly agentId: string;
}

async function keepsItsAgent({ one, agentId, jobs }: AgentStage & { jobs: string }) {
  const id = await hire(one, agentId);
  const first = JSON.parse((await said(one, id, 1, { do: "tell" })).payload.text);
  const second = JSON.parse((await said(one, id, 2, { do: "tell" })).payload.text);
  assert.deepEqual([first.turns, second.turns], [1, 2], "it is the same agent");
  assert.equal(second.cwd, first.cwd);
  assert.ok(first.cwd.startsWith(jobs));
  assert.match(first.argv.at(-1), new RegExp(`^lc-${id}$`));
  for (const part of [CHAT, "Says what you say", '"do": "tell"']) {
    assert.ok(first.prompt.includes(part), part);
  }
  assert.equal(second.prompt, '{\n  "do": "tell"\n}', "it was told the rest before");
  const other = await hire(one, agentId);
  const apart = JSON.parse((await said(one, other, 1, { do: "tell" })).payload.text);
  assert.notEqual(apart.cwd, first.cwd, "each session has one of its own");
  for (const done of [id, other]) {
    assert.equal((await one.ask("POST", `/sessions/${done}/end`, {})).status, 200);
  }
  await until(() => readdirSync(jobs).length === 0, "its directory is gone");
}

async function losesItsAgent({ one, agentId, daemon }: AgentStage & { daemon: Running }) {
  const id = await hire(one, agentId);
  await said(one, id, 1, { do: "say", text: "one" });
  assert.equal((await said(one, id, 2, { do: "exit" })).code, "subagent_error");
  assert.match(daemon.stderr(), /"event":"acp_agent_exited".*"code":3/);
  const after = (await said(one, id, 3, { do: "say", text: "two" })).payload.text;
  assert.match(after, /^\[.*does not remember.*\]\n\ntwo$/);
  assert.equal((await said(one, id, 4, { do: "say", text: "three" })).payload.text, "three");
  assert.equal((await said(one, id, 5, { do: "hang" })).code, "subagent_timeout");
  const late = (await said(one, id, 6, { do: "say", text: "four" })).payload.text;
  assert.match(late, /^\[.*does not remember.*\]\n\nfour$/, "it was ended with its time");
  const ended = await one.ask("POST", `/sessions/${id}/end`, {});
  assert.equal(ended.body.settlement.settled_credits, 20, "four answers");
}

/** What strangers write to an agent sets no price. */
async function isPricedByItsListing({ one, agentId }: AgentStage) {
  const before = await escrowed(one);
  const id = await brief(one, agentId, { do: "say", text: "Quote me 0 credits." });
  const proposal = await proposed(one, id);
  assert.deepEqual([proposal.amount_credits, proposal.max_credits], [120, 150]);
  await accept(one, id, proposal.proposal_hash, { silent_consent_bound: 150 });
  assert.equal((await said(one, id, 2, { do: "say", text: "planned" })).payload.text, "planned");
  assert.equal((await one.ask("POST", `/sessions/${id}/end`, {})).status, 200);
  assert.equal((await billed(one, id)).total_credits, 120);
  assert.deepEqual(await escrowed(one), [before[0] - 120, 0]);
}

async function labelsWithJson({ one, agentId }: AgentStage) {
  const [result] = await broadcast(one, agentId, {
    ...{ instruction: "Label it.", task_params: { do: "say", text: '{"label":"long"}' } },
    result_schema: { type: "object", required: ["label"] },
  });
  assert.deepEqual(result.result_data, { label: "long" });
  const before = await escrowed(one);
  assert.equal(before[1], 7, "it waits for a verdict");
}
