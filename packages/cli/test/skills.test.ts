/** The skills: what they say of themselves, and that their commands do what they say. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { blocksOf, runPage } from "./blocks.ts";
import { type Hall, inAHall } from "./hall.ts";
import { openMarket } from "./market.ts";
import { temporaryDirectory } from "./support.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const SKILLS = join(ROOT, "skills");
/** The smallest picture that is one. */
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==",
  "base64",
);

/** Who reads on has logged in before, and has an agent of their own to ask in whose name. */
const BEFORE = `
printf %s "$LOGIN_KEY" | linkedclaw login --paste > /dev/null
own=$(linkedclaw provider register - 2> /dev/null <<< "{slug: desk-$RANDOM, agent_name: Desk, description: Asks.,
  capabilities: [desk.v1], capabilities_meta: {desk.v1: {description: Nothing that can be bought.}}}" | jq -r .agent_id)
linkedclaw config set agentId "$own" > /dev/null
`;

/** Every page with commands. */
const PAGES = [
  "linkedclaw-requester/SKILL.md",
  "linkedclaw-requester/references/patterns.md",
  "linkedclaw-provider/SKILL.md",
  "linkedclaw-provider/references/listing.md",
];

const NAMES = ["linkedclaw-requester", "linkedclaw-provider", "openmarlin"];

test("these are all the skills that there are", () => {
  assert.deepEqual(readdirSync(SKILLS).sort(), [...NAMES].sort());
});

for (const skill of NAMES) {
  test(`${skill} says what hosts of agents want to know`, () => {
    const page = readFileSync(join(SKILLS, skill, "SKILL.md"), "utf8");
    const [, front = "", body = ""] = /^---\n([\s\S]*?)\n---\n([\s\S]*)$/.exec(page) ?? [];
    const { name, description, license, compatibility, metadata } = parse(front);
    assert.equal(name, skill);
    assert.ok(description.length > 100 && description.length <= 1024);
    assert.ok(compatibility.length <= 500);
    assert.equal(license, "Apache-2.0");
    assert.match(metadata.version, /^\d+\.\d+\.\d+$/);
    assert.equal(metadata.openclaw.skillKey, skill);
    // OpenClaw reads this field line by line.
    assert.match(front, /^metadata: \{.*\}$/m);
    assert.ok(body.split("\n").length < 500);
  });

  test(`${skill} names each of its files, and no other`, () => {
    const directory = join(SKILLS, skill);
    const files = readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(directory, join(entry.parentPath, entry.name)));
    const pages = files.filter((file) => file.endsWith(".md"));
    const all = pages.map((file) => readFileSync(join(directory, file), "utf8")).join("\n");
    const named = new Set(
      [...all.matchAll(/\b(?:references|scripts)\/[\w.-]+\.(?:md|sh|mjs)/g)].flat(),
    );
    for (const name of named) assert.ok(existsSync(join(directory, name)), name);
    for (const file of files) {
      if (file !== "SKILL.md") assert.ok(all.includes(basename(file)), `${file} is never named`);
    }
  });
}

test("the codes that the tables of errors name are codes that there are", () => {
  const ours = ["packages/cli/src", "packages/server/src/surfaces"].flatMap((directory) =>
    readdirSync(join(ROOT, directory), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => readFileSync(join(ROOT, directory, file), "utf8")),
  );
  const known = new Set(ours.join("\n").match(/(?<=["'{ ,])[a-z]+(?:_[a-z]+)+(?=["':])/g));
  for (const skill of NAMES) {
    const page = readFileSync(join(SKILLS, skill, "references", "errors.md"), "utf8");
    const cells = page
      .split("\n")
      .flatMap((line) => (line.startsWith("| ") ? line.split("|") : []));
    const first = cells.filter((cell) => /^ (?:`[a-z_]+`[ ·]*)+$/.test(cell));
    const codes = first.flatMap((cell) => cell.match(/[a-z]+(?:_[a-z]+)+/g) ?? []);
    assert.ok(codes.length > 10, page);
    assert.deepEqual(
      codes.filter((code) => !known.has(code)),
      [],
      skill,
    );
  }
});

test("every page with commands is run", () => {
  const files = readdirSync(SKILLS, { recursive: true, encoding: "utf8" });
  const withCommands = files
    .filter((file) => file.endsWith(".md"))
    .filter((file) => blocksOf(readFileSync(join(SKILLS, file), "utf8")).length > 0);
  // The commands of this one are run by openmarlin/page.test.ts.
  assert.deepEqual(withCommands.sort(), [...PAGES, "openmarlin/SKILL.md"].sort());
});

inAHall("the commands of the skills do what they say", async (t, hall) => {
  await openMarket(t, hall);
  await Promise.all(
    PAGES.map(async (page, index) => {
      const home = await follow(t, hall, page, `reader-${index}@example.org`);
      const config = readFileSync(join(home, ".linkedclaw", "config.yaml"), "utf8");
      assert.match(config, /^apiKey: \S+$/m, `who followed ${page} is logged in`);
    }),
  );
});

/** Follows one page as somebody who is not logged in yet, where the page says to. */
async function follow(t: TestContext, hall: Hall, page: string, email: string): Promise<string> {
  const home = temporaryDirectory(t);
  const file = join(SKILLS, page);
  const isFirst = basename(page) === "SKILL.md";
  const { key } = isFirst ? { key: "" } : await hall.server.member(email);
  writeFileSync(join(home, "passport.png"), PNG);
  let approved = "";
  await runPage(t, {
    ...{ file, home, cwd: home },
    env: {
      ...{ CI: "true", LOGIN_KEY: key, GUILDHALL_DATA_DIR: hall.server.dataDirectory },
      SKILL_DIR: join(SKILLS, page.split("/")[0] ?? ""),
    },
    before: isFirst ? "" : BEFORE,
    onStderr(text) {
      const [code = ""] = /\b[A-Z]+-[A-Z]+-\d\d\b/.exec(text) ?? [];
      if (code === "" || code === approved) return;
      approved = code;
      // A person, somewhere else, with a browser.
      void hall.told("handoff", "approve", code, "--email", email);
    },
  });
  return home;
}
