/** Rows 1, 2, 4 and 5: whose key it is, and how it came here. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  DEVICE_GRANT,
  postForm,
  startDevice,
  Visitor,
} from "../../../server/test/sign-in/support.ts";
import { errorOf, type Shell, until } from "../support.ts";
import { shows } from "./checklist.ts";
import { scenarios } from "./stage.ts";

/** Begins to log in with a code, and gives the code that is shown. */
async function codeOf(one: Shell) {
  const login = one.start("linkedclaw", ["login", "--device"]);
  await until(() => /[A-Z]+-[A-Z]+-\d\d/.test(login.stderr()), "a code was shown");
  const [code = ""] = /[A-Z]+-[A-Z]+-\d\d/.exec(login.stderr()) ?? [];
  return { login, code };
}

/** A browser that notes where it is sent. */
function browser(one: Shell) {
  const visited = join(one.home, "visited");
  const program = join(one.home, "browser");
  const script = `#!/bin/sh\nprintf '%s' "$1" > '${visited}.new' && mv '${visited}.new' '${visited}'\n`;
  writeFileSync(program, script);
  chmodSync(program, 0o755);
  return {
    program,
    async page(): Promise<URL> {
      await until(() => existsSync(visited), "the browser was opened");
      return new URL(readFileSync(visited, "utf8"));
    },
  };
}

scenarios("accounts", {
  async "1 and 2: a key lies where nobody else reads it, and where scripts look for it"(stage) {
    shows(1, 2);
    const ann = await stage.person();
    const file = join(ann.config, "config.yaml");
    assert.match((await ann.told("whoami")).user_id, /^usr_/);
    for (const [path, loose, tight] of [
      [file, 0o644, 0o600],
      [ann.config, 0o755, 0o700],
    ] as const) {
      chmodSync(path, loose);
      assert.equal((await ann.refused(["whoami"])).code, "config_insecure_permissions");
      chmodSync(path, tight);
    }
    await ann.told("config", "set", "agentId", "agt_1");
    const line = readFileSync(file, "utf8")
      .split("\n")
      .find((one) => one.startsWith("apiKey:"));
    assert.equal(line?.split(/\s+/)[1]?.replaceAll('"', ""), ann.member.key);
    const shown = await ann.run(["config", "show"]);
    assert.ok(!shown.stdout.includes(ann.member.key));
  },

  async "4: a code is waited for until somebody approves, or says no"(stage) {
    shows(4);
    const { url } = stage.hall.server;
    const yes = stage.hall.stranger();
    const approved = await codeOf(yes);
    assert.equal(approved.login.child.exitCode, null, "it is pending");
    const ada = await new Visitor({ url }).signIn("ada@example.org");
    const decide = (code: string, decision: string) =>
      ada.submit(`/device?user_code=${code}`, `/device/${decision}`, {});
    await decide(approved.code, "approve");
    const finished = await approved.login.finished;
    assert.equal(finished.code, 0, finished.stderr);
    assert.equal(JSON.parse(finished.stdout).handle, "@ada");
    assert.match(finished.stderr, /Authorized as @ada/);
    assert.doesNotMatch(finished.stdout + finished.stderr, /lc_[A-Za-z0-9]{8}/);

    const no = stage.hall.stranger();
    const denied = await codeOf(no);
    await decide(denied.code, "deny");
    assert.equal(errorOf(await denied.login.finished).code, "access_denied");
    assert.ok(!existsSync(join(no.config, "config.yaml")));

    const device = await startDevice({ url } as never);
    const poll = async () => {
      const form = { grant_type: DEVICE_GRANT, client_id: "linkedclaw-cli" };
      const { device_code } = device;
      return (await postForm({ url }, "/api/v1/oauth/token", { ...form, device_code })).body.error;
    };
    assert.equal(await poll(), "authorization_pending");
    assert.equal(await poll(), "slow_down");
  },

  async "5: a code is worth a key once, to the program that asked for it"(stage) {
    shows(5);
    const { url } = stage.hall.server;
    const one = stage.hall.stranger();
    const { program, page } = browser(one);
    const args = ["login", "--browser"];
    const login = one.start("linkedclaw", args, { env: { BROWSER: program } });
    const asked = await page();
    const path = asked.pathname + asked.search;
    const ada = await new Visitor({ url }).signIn("eva@example.org");
    const sent = await ada.submit(path, "/oauth/authorize/approve", {});
    const back = new URL(sent.headers.get("location") ?? "");
    const forged = new URL(back);
    forged.searchParams.set("state", "guessed");
    assert.equal((await fetch(forged)).status, 400, "another's answer is not taken");
    assert.equal((await fetch(back)).status, 200);
    const finished = await login.finished;
    assert.equal(finished.code, 0, finished.stderr);
    assert.equal((await one.linkedclaw(["whoami"])).code, 0);

    const redeem = (code: string, code_verifier: string) =>
      postForm({ url }, "/api/v1/oauth/token", {
        ...{ grant_type: "authorization_code", client_id: "linkedclaw-cli", code, code_verifier },
        redirect_uri: String(asked.searchParams.get("redirect_uri")),
      });
    const code = String(back.searchParams.get("code"));
    const again = await redeem(code, "v".repeat(43));
    assert.deepEqual([again.status, again.body.error], [400, "invalid_grant"]);
    const revoked = errorOf(await one.linkedclaw(["whoami"]));
    assert.equal(revoked.code, "invalid_api_key", "who used it twice loses what it gave");

    const verifier = "w".repeat(43);
    const query = new URLSearchParams(asked.search);
    query.set("code_challenge", createHash("sha256").update(verifier).digest("base64url"));
    const second = await ada.submit(`${asked.pathname}?${query}`, "/oauth/authorize/approve", {});
    const fresh = String(new URL(second.headers.get("location") ?? "").searchParams.get("code"));
    const wrong = await redeem(fresh, "x".repeat(43));
    assert.deepEqual([wrong.status, wrong.body.error], [400, "invalid_grant"]);
  },
});
