/** A provider of every kind of work, with one body for a program and an address: it does what it is told. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { answerOf, type Running, type Shell, until } from "./support.ts";

export const CHAT = "chat.echo.v1";
export const QUOTED = "plan.quoted.v1";
export const LABEL = "label.text.v1";

const listingOf = (slug: string) => `slug: ${slug}
agentName: Talker
description: Talks about what it is told.
capabilities: [${CHAT}, ${QUOTED}, ${LABEL}]
capabilities_meta:
  ${CHAT}:
    description: Says what you say, in conversation.
    curve: [{ tier_name: standard, quality: 0.9, cost_shape: per_message, cost_amount: 5 }]
  ${QUOTED}:
    description: Plans something, priced on request.
    open_quote: true
    estimate_credits: 120
    ceiling_credits: 150
  ${LABEL}:
    description: Labels a text.
    curve: [{ tier_name: standard, quality: 0.9, cost_shape: per_task, cost_amount: 7 }]
`;

/** The answer to one job: what docs/providers.md says, in JavaScript that a file and a server share. */
const ANSWER = `
let messages = 0;
const answer = (job) => {
  const { payload = {}, ...facts } = job;
  switch (job.event) {
    case "session.message":
      messages += 1;
      if (payload.do === "fail") return { error: { code: "subagent_timeout", message: "too much" } };
      if (payload.do === "nothing") return {};
      if (payload.do === "words") return { reply: "only words" };
      return { reply: { text: String(payload.text).toUpperCase(), messages, facts } };
    case "session.brief":
      if (payload.do === "owner") return {};
      return { quote: { amount_credits: payload.amount ?? 100, max_credits: 200, line_items: [{ text: "hours" }] } };
    case "session.end":
      return job.invoice_required ? { invoice: { total_credits: 130, note: "two days" } } : {};
    case "gig.execute":
      return { output: { label: job.input.text.length > 3 ? "long" : "short", facts } };
    default:
      return { error: "I only talk" };
  }
};
`;

const PROGRAM = `${ANSWER}
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const job = JSON.parse(line);
  if (job.payload?.do === "exit") process.exit(7);
  if (job.event === "session.end") console.error("told of the end: " + line);
  process.stdout.write(JSON.stringify({ id: job.id, ...answer(job) }) + "\\n");
});
`;

const ADDRESS = `${ANSWER}
const server = require("node:http").createServer((request, response) => {
  let text = "";
  request.setEncoding("utf8").on("data", (more) => (text += more)).on("end", () => {
    const job = JSON.parse(text);
    if (job.event === "session.end") console.error("told of the end: " + text);
    if (job.payload?.do === "exit") return request.socket.destroy();
    response.end(JSON.stringify({ id: job.id, ...answer(job) }));
  });
});
server.listen(0, "127.0.0.1", () => console.log("http://127.0.0.1:" + server.address().port));
`;

/** Registers the agent and writes what answers for it. */
export async function registerTalker(one: Shell, slug = "talker") {
  const directory = join(one.config, "providers");
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileSync(join(directory, `${slug}.yaml`), listingOf(slug));
  const program = join(one.home, "talker.cjs");
  writeFileSync(program, PROGRAM);
  const address = join(one.home, "address.cjs");
  writeFileSync(address, ADDRESS);
  const registered = answerOf(await one.linkedclaw(["provider", "register", slug]));
  const { agent_id: agentId } = registered as { agent_id: string };
  return { agentId, program: `"${process.execPath}" "${program}"`, address };
}

/** Starts its daemon and waits until it is connected. */
export async function startTalker(
  one: Shell,
  args: readonly string[],
  slug = "talker",
): Promise<Running> {
  const daemon = one.start("linkedclaw", ["provider", "run", slug, ...args]);
  await until(
    () => daemon.stderr().includes('"event":"connected"') || daemon.child.exitCode !== null,
    "the daemon connected",
  );
  return daemon;
}
