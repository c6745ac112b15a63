/** The commands of the OpenMarlin skill's page, run as they stand by whichever Node this machine has. */
import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { FILMED, openFilmer } from "../../../server/test/openmarlin/filmer.ts";
import { shout, startNode } from "../../../server/test/openmarlin/node.ts";
import { blocksOf, runPage } from "../blocks.ts";
import { inAHall } from "../hall.ts";
import { temporaryDirectory } from "../support.ts";

const SKILL = fileURLToPath(new URL("../../../../skills/openmarlin/", import.meta.url));

const EMAIL = "ada@example.org";

inAHall(
  "the commands of the page do what they say",
  async (t, hall) => {
    const owner = await hall.server.member("owner@example.org");
    await startNode(t, hall.server, owner.key, {
      ...{ providerId: "node-a", models: ["openai-codex/gpt-5.4"] },
      ...{ labels: { tier: "premium" }, run: shout },
    });
    await openFilmer(t, hall.server);
    const home = temporaryDirectory(t);
    const file = join(SKILL, "SKILL.md");
    const done = new Set<string>();
    const once = (id: string | undefined, work: (id: string) => Promise<unknown>) => {
      if (id === undefined || done.has(id)) return;
      done.add(id);
      void work(id);
    };
    const outputs = await runPage(t, {
      ...{ file, home, cwd: home },
      env: { SKILL_DIR: SKILL, OPENMARLIN_SERVER_URL: hall.server.url, BROWSER: "false" },
      onStdout(text) {
        // A person, somewhere else, with a browser.
        const [code] = text.match(/\b[A-Z]+-[A-Z]+-\d\d\b/) ?? [];
        once(code, (code) =>
          hall.server.admin("POST", "/handoffs/approve", { code, email: EMAIL }),
        );
        const topups = [...text.matchAll(/^Top-up session ID: topup_(\w+)$/gm)];
        once(topups.at(-1)?.[1], (id) => hall.server.admin("POST", `/topups/${id}/pay`, {}));
      },
    });
    assert.equal(outputs.length, blocksOf(readFileSync(file, "utf8")).length);
    const said = outputs.map(({ stdout }) => stdout).join("");
    for (const expected of [
      /State: completed/,
      /Auth store: /,
      /Exact models: 1/,
      /SAY HELLO/,
      /Execution stream:/,
      /Status: succeeded/,
      /"artifact_url": "http/,
      /Authoritative balance: /,
      /Referral link: /,
      /Shortfall: 1 credits/,
      /Status: credit_applied/,
    ]) {
      assert.match(said, expected);
    }
    const profiles = join(home, ".openclaw/agents/main/agent/auth-profiles.json");
    assert.equal(statSync(profiles).mode & 0o777, 0o600);
    const [key = ""] = /claw_wsk_\w+/.exec(readFileSync(profiles, "utf8")) ?? [];
    assert.ok(key.length > 40 && !said.includes(key), "no key is shown");
  },
  FILMED,
);

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
