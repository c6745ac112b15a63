/** The package that a server serves: installed by npm, run by whichever Node a machine has. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { type Hall, inAHall } from "./hall.ts";
import { openMarket } from "./market.ts";
import { answerOf, errorOf, type Finished, temporaryDirectory, until } from "./support.ts";

const INSTALL = fileURLToPath(
  new URL("../../../skills/linkedclaw-requester/scripts/install-cli.sh", import.meta.url),
);
/** What npm adds for its scripts would hide the Node that a person has. */
const PATH = (process.env.PATH ?? "")
  .split(delimiter)
  .filter((directory) => !directory.includes("node_modules"))
  .join(delimiter);

const AGENT = fileURLToPath(new URL("acp-agent.ts", import.meta.url));
const LISTING = `slug: parrot
agent_name: Parrot
description: Says it again.
capabilities: [repeat]
capabilities_meta:
  repeat:
    description: Give it words and get them back.
`;

async function finished(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  input = "",
): Promise<Finished> {
  const child = spawn(program, args, { env, stdio: ["pipe", "pipe", "pipe"] });
  const said = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said.stderr += text));
  child.stdin.on("error", () => undefined).end(input);
  const [code] = await once(child, "close");
  return { code: code as number, ...said };
}

inAHall("a server gives away its command line", async (t, hall) => {
  await t.test("npm installs it, and it speaks to that server", () => isInstalled(t, hall));
  await t.test("it is served whole, and again only where it changed", () => isServed(hall));
});

async function isInstalled(t: TestContext, hall: Hall): Promise<void> {
  const { url } = hall.server;
  const home = temporaryDirectory(t);
  const prefix = join(home, "prefix");
  const env = {
    HOME: home,
    PATH: `${join(prefix, "bin")}${delimiter}${PATH}`,
    npm_config_prefix: prefix,
    // Nobody answers there: everything that it needs is in the package.
    npm_config_registry: "http://127.0.0.1:1/",
    npm_config_update_notifier: "false",
    LINKEDCLAW_CLOUD_URL: url,
  };
  const first = JSON.parse((await finished(INSTALL, [], env)).stdout) as Record<string, string>;
  const { version } = JSON.parse(
    readFileSync(new URL("../package.json", import.meta.url), "utf8"),
  ) as { version: string };
  assert.deepEqual(first, { installed: true, method: "global", version });
  assert.ok(Number(version.split(".")[0]) >= 1);
  const again = JSON.parse((await finished(INSTALL, [], env)).stdout) as Record<string, string>;
  assert.equal(again.method, "already-installed");
  const update = { ...env, LINKEDCLAW_UPDATE: "1" };
  const looked = JSON.parse((await finished(INSTALL, [], update)).stdout) as Record<string, string>;
  assert.deepEqual(looked, { installed: true, method: "already-installed", version });

  const { LINKEDCLAW_CLOUD_URL: _, ...alone } = env;
  const run = (args: readonly string[], input?: string) =>
    finished(join(prefix, "bin", "linkedclaw"), args, alone, input);
  const shown = answerOf(await run(["config", "show"])) as Record<string, unknown>;
  assert.equal(shown.cloudUrl, url);
  assert.equal((shown.sources as { cloudUrl: string }).cloudUrl, "installation");
  const { key } = await hall.server.member("ann@example.org");
  answerOf(await run(["login", "--paste"], key));
  assert.equal((answerOf(await run(["whoami"])) as { handle: string }).handle, "@ann");
  assert.equal(errorOf(await run(["show", "agt_0"])).code, "agent_not_found");
  await worksBothWays(t, { home, prefix, run, env: alone });
  await openMarket(t, hall);
  await talks(run);
  const installed = join(prefix, "lib", "node_modules", "@guildhall", "cli");
  const { installed: given } = answerOf(await run(["init", "--host", "codex"])) as {
    installed: { path: string }[];
  };
  assert.ok(existsSync(join(given[0]?.path ?? "", "references", "patterns.md")));
  const script = join(given[0]?.path ?? "", "scripts", "gig-task-wait.sh");
  assert.equal((await finished(script, [], env)).code, 2, "its scripts can be run");
  await speaksToItsServer(join(installed, "skills", "openmarlin", "scripts"), url, env);
  for (const file of ["LICENSE", "LICENSES-OF-OTHERS.txt", "README.md"]) {
    assert.ok(existsSync(join(installed, file)), file);
  }
}

/** The scripts of OpenMarlin's skill know which server they came from. */
async function speaksToItsServer(
  scripts: string,
  url: string,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const args = [join(scripts, "registration_session.mjs"), "create", "--dry-run", "--json"];
  const { code, stdout } = await finished("node", args, env);
  const told = JSON.parse(stdout) as Record<string, unknown>;
  assert.deepEqual([code, told.server_url, told.server_url_source], [0, url, "built-in-default"]);
}

/** Everything that is loaded late is there: an agent is offered, hired, and its receipt proven. */
async function worksBothWays(
  t: TestContext,
  installed: {
    readonly home: string;
    readonly prefix: string;
    readonly env: Readonly<Record<string, string>>;
    run(args: readonly string[], input?: string): Promise<Finished>;
  },
): Promise<void> {
  const { home, prefix, env, run } = installed;
  const listing = join(home, "parrot.yaml");
  writeFileSync(listing, LISTING);
  const { agent_id } = answerOf(
    await run(["provider", "register", listing, "--pricing", "5 per_call"]),
  ) as { agent_id: string };
  const command = `"${process.execPath}" "${AGENT}"`;
  const args = ["provider", "run", listing, "--handler-acp", command, "--acp-cwd-base", home];
  const daemon = spawn(join(prefix, "bin", "linkedclaw"), args, {
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  t.after(() => daemon.kill("SIGKILL"));
  let stderr = "";
  daemon.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  await until(() => stderr.includes('"connected"'), "it is connected");
  const input = JSON.stringify({ do: "say", text: "hello" });
  const done = answerOf(
    await run(["invoke", agent_id, "--capability", "repeat", "--input", input]),
  ) as { result: object; receipt_id: string };
  assert.deepEqual(done.result, { text: "hello" });
  const { stdout } = await run(["receipt", done.receipt_id]);
  const guildhall = join(prefix, "bin", "guildhall");
  const verified = await finished(guildhall, ["receipt", "verify", "-"], env, stdout);
  assert.equal((answerOf(verified) as { ok: boolean }).ok, true);
  daemon.kill("SIGTERM");
  assert.deepEqual(await once(daemon, "exit"), [0, null]);
}

/** What is kept between two commands is kept by whichever Node runs them. */
async function talks(run: (args: readonly string[]) => Promise<Finished>): Promise<void> {
  const [agent] = answerOf(await run(["search", "code.review.v1"])) as { agent_id: string }[];
  const hire = ["hire", agent?.agent_id ?? "", "--capability", "code.review.v1"];
  const { session_id: id } = answerOf(await run(hire)) as { session_id: string };
  answerOf(await run(["send", id, "hello"]));
  const { reply } = answerOf(await run(["recv", id, "--wait", "30"])) as {
    reply: { payload: object }[];
  };
  assert.deepEqual(reply[0]?.payload, { text: "You said: hello" });
  const { settlement } = answerOf(await run(["end", id])) as {
    settlement: { settled_credits: number };
  };
  assert.equal(settlement.settled_credits, 5);
}

async function isServed(hall: Hall): Promise<void> {
  const address = `${hall.server.url}/cli.tgz`;
  const answers = await Promise.all([fetch(address), fetch(address)]);
  const [one, other] = await Promise.all(answers.map((answer) => answer.arrayBuffer()));
  assert.ok(one && other && Buffer.from(one).equals(Buffer.from(other)));
  const etag = answers[0]?.headers.get("etag") ?? "";
  assert.equal(answers[0]?.headers.get("content-type"), "application/gzip");
  const same = await fetch(address, { headers: { "if-none-match": etag } });
  assert.deepEqual([same.status, await same.text()], [304, ""]);
  const head = await fetch(address, { method: "HEAD" });
  assert.deepEqual([head.status, head.headers.get("etag")], [200, etag]);
  // The same bytes from a process that is started anew: a cache in front of several may trust them.
  await hall.server.kill("SIGTERM");
  await hall.server.restart();
  const later = await fetch(address);
  assert.equal(later.headers.get("etag"), etag);
  await later.arrayBuffer();
}
