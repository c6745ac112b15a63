/** A whole server, and the shells of those who use it. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { DATABASE_HOSTS, isSkipped, type WantedHost } from "../../server/test/support/database.ts";
import { type Environment, startGuildhall } from "../../server/test/support/guildhall.ts";
import { answerOf, type Finished, type Running, type Shell, shell, until } from "./support.ts";

export type Hall = Awaited<ReturnType<typeof openHall>>;

type HallTest = (t: TestContext, hall: Hall) => Promise<void>;

/** Registers a test with a fresh server: our commands do not know what database is behind it. */
export function inAHall(name: string, work: HallTest, environment: Environment = {}): void {
  test(name, async (t) => work(t, await openHall(t, "any", environment)));
}

/** Registers one test a database host, for what goes all the way down. */
export function inEachHall(name: string, work: HallTest, environment: Environment = {}): void {
  for (const host of DATABASE_HOSTS) {
    test(`${name} (${host})`, async (t) => {
      if (await isSkipped(t, host)) return;
      await work(t, await openHall(t, host, environment));
    });
  }
}

export async function openHall(t: TestContext, host: WantedHost, environment: Environment = {}) {
  const server = await startGuildhall(t, host, {
    ...{ GUILDHALL_FETCH_LOOPBACK: "on", ...environment },
  });
  const env = { GUILDHALL_DATA_DIR: server.dataDirectory };
  const operator = shell(t, env);
  const admin = (...args: string[]): Promise<Finished> => operator.guildhall(["admin", ...args]);
  return {
    server,
    operator,
    /** Runs an operator's command. */
    admin,
    /** … and gives its answer. */
    told: async (...args: string[]) => answerOf(await admin(...args)) as Record<string, string>,
    /** The shell of a member who is logged in. */
    async member(name: string): Promise<Shell> {
      const one = shell(t, env);
      const limits = { label: "made by the operator" };
      const { key } = await server.member(`${name}@example.org`, limits);
      answerOf(await one.linkedclaw(["login", "--paste"], { input: key }));
      return one;
    },
    /** The same, as `login` leaves it behind, and who it is. */
    async loggedIn(name: string) {
      const one = shell(t, env);
      const member = await server.member(`${name}@example.org`);
      mkdirSync(one.config, { mode: 0o700 });
      const text = `apiKey: ${member.key}\ncloudUrl: ${server.url}\n`;
      writeFileSync(join(one.config, "config.yaml"), text, { mode: 0o600 });
      return { ...one, member };
    },
    /** The shell of nobody yet. */
    stranger: () => shell(t, env),
  };
}

/** A handler that does what its input says, one line of JSON at a time. */
export const HANDLER = `
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, input, ...job } = JSON.parse(line);
  const say = (answer) => process.stdout.write(JSON.stringify({ id, ...answer }) + "\\n");
  if (input.do === "exit") process.exit(7);
  else if (input.do === "nonsense") { process.stdout.write("not json\\n"); say({}); }
  else if (input.do === "fail") say({ error: { code: input.code, message: "no luck" } });
  else if (input.do === "wait") setTimeout(() => say({ output: { waited: true } }), input.ms);
  else say({ output: { text: String(input.text).toUpperCase(), job } });
});
`;

const listingOf = (slug: string) => `slug: ${slug}
agentName: Shouter
description: Turns text into capitals, loudly.
capabilities: [text.shout.v1]
capabilities_meta:
  text.shout.v1:
    description: Give it a text and get it back in capitals.
`;

/** Registers an agent that shouts for 50 credits, and writes its handler. */
export async function registerShouter(
  one: Shell,
  slug = "shouter",
): Promise<{ agentId: string; handler: string }> {
  const directory = join(one.config, "providers");
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileSync(join(directory, `${slug}.yaml`), listingOf(slug));
  const handler = join(one.home, "handler.cjs");
  writeFileSync(handler, HANDLER);
  const args = ["provider", "register", slug, "--pricing", "50 per_call"];
  const { agent_id } = answerOf(await one.linkedclaw(args)) as { agent_id: string };
  return { agentId: agent_id, handler: `"${process.execPath}" "${handler}"` };
}

/** A provider that shouts and somebody to hire it, in a hall that they share with others. */
export async function shouting(hall: Hall, name: string) {
  const slug = `shouter-${name}`;
  const provider = await hall.loggedIn(`provider-${name}`);
  const { agentId, handler } = await registerShouter(provider, slug);
  const args = ["--handler-cmd", handler];
  return {
    ...{ provider, agentId, slug, args },
    one: await hall.loggedIn(`requester-${name}`),
    start: (own: readonly string[] = args, env: Readonly<Record<string, string>> = {}) =>
      startDaemon(provider, own, env, slug),
  };
}

/** Starts a daemon and waits until it is connected. */
export async function startDaemon(
  one: Shell,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  slug = "shouter",
): Promise<Running> {
  const daemon = one.start("linkedclaw", ["provider", "run", slug, ...args], { env });
  await until(
    () => daemon.stderr().includes('"event":"connected"') || daemon.child.exitCode !== null,
    "the daemon connected",
  );
  return daemon;
}

export function invoke(one: Shell, agentId: string, input: object, ...more: string[]) {
  const capability = ["--capability", "text.shout.v1"];
  return one.linkedclaw([
    "invoke",
    agentId,
    ...capability,
    ...["--input", JSON.stringify(input)],
    ...more,
  ]);
}
