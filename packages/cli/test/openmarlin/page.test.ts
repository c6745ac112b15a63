/** The commands of the OpenMarlin skill's page, run as they stand by whichever Node this machine has. */
import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { blocksOf, runPage } from "../blocks.ts";
import { temporaryDirectory } from "../support.ts";
import { startMarlin } from "./marlin.ts";
import { KEY } from "./scripts.ts";

const SKILL = fileURLToPath(new URL("../../../../skills/openmarlin/", import.meta.url));

test("the commands of the page do what they say", async (t) => {
  const marlin = await startMarlin(t);
  const home = temporaryDirectory(t);
  const file = join(SKILL, "SKILL.md");
  const outputs = await runPage(t, {
    ...{ file, home, cwd: home },
    env: { SKILL_DIR: SKILL, OPENMARLIN_SERVER_URL: marlin.url, BROWSER: "false" },
  });
  assert.equal(outputs.length, blocksOf(readFileSync(file, "utf8")).length);
  const said = outputs.map(({ stdout }) => stdout).join("");
  for (const expected of [
    /State: completed/,
    /Auth store: /,
    /Exact models: 2/,
    /Execution stream:/,
    /Status: succeeded/,
    /Authoritative balance: /,
    /Referral link: /,
    /Shortfall: 1 credits/,
    /Status: credit_applied/,
  ]) {
    assert.match(said, expected);
  }
  assert.ok(!said.includes(KEY), "no key is shown");
  const profiles = join(home, ".openclaw/agents/main/agent/auth-profiles.json");
  assert.equal(statSync(profiles).mode & 0o777, 0o600);
  assert.ok(readFileSync(profiles, "utf8").includes(KEY));
});

test("the page says what an agent has to keep to", () => {
  const page = readFileSync(join(SKILL, "SKILL.md"), "utf8");
  for (const phrase of [
    "use openmarlin to answer this",
    "ask openmarlin to summarize this page",
    "use openmarlin to find today's USD/CNY exchange rate",
    "use openmarlin to execute this task",
    "use openmarlin to generate a video",
    "use openmarlin to submit an async video task",
    "register OpenMarlin",
    "check OpenMarlin balance",
    ...["pending_payment", "credit_applied", "payment_failed", "artifact_url", "Checkout URL"],
    ...["tasks-submit --watch", "last known", "estimated", "http://127.0.0.1:8787"],
  ]) {
    assert.ok(page.includes(phrase), phrase);
  }
  const steps = page.split("## First run")[1]?.split("\n## ")[0] ?? "";
  assert.deepEqual(
    [...steps.matchAll(/^(\d)\. /gm)].map(([, number]) => Number(number)),
    [1, 2, 3, 4, 5, 6, 7],
  );
});
