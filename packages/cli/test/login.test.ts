/**
 * Getting a key (LinkedClaw contract §5). The servers are small ones of our own that follow the RFCs to
 * the letter, so that each answer that a login can get is got; the walk uses the real one.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { parse } from "yaml";
import { whyNoBrowser } from "../src/linkedclaw/login/surroundings.ts";
import {
  type Answer,
  answerOf,
  errorOf,
  type Received,
  type Shell,
  shell,
  startCloud,
  until,
} from "./support.ts";

const KEY = "lc_aVeryLongKeyThatNobodyMaySee0123456789";
const OLD_KEY = "lc_anOlderKeyThatStillWorks0123456789";
const USER = { user_id: "usr_1", handle: "@ann" };

type TokenAnswer = (form: URLSearchParams, count: number) => Answer;

/** A server that says who a key is, and answers the two grants as it is told. */
async function startHall(t: TestContext, token: TokenAnswer, device: object = {}) {
  let tokens = 0;
  return startCloud(t, ({ url, method, headers, body }: Received): Answer | undefined => {
    if (url.pathname === "/api/v1/users/me") {
      const isKnown = headers.authorization === `Bearer ${KEY}`;
      if (isKnown) return { body: USER };
      return { status: 401, body: { detail: "Unknown key.", code: "invalid_api_key" } };
    }
    if (method === "POST" && url.pathname === "/api/v1/oauth/token") {
      return token(new URLSearchParams(body), ++tokens);
    }
    if (method === "POST" && url.pathname === "/api/v1/oauth/device_authorization") {
      const verification = { verification_uri: `${url.origin}/device`, user_code: "BLUE-FROG-12" };
      const usual = { device_code: "secret-of-the-device", expires_in: 600, interval: 0.05 };
      return { body: { ...verification, ...usual, ...device } };
    }
    return undefined;
  });
}

function storedIn({ config }: Shell): Record<string, string> {
  return parse(readFileSync(join(config, "config.yaml"), "utf8"));
}

const granted: Answer = {
  body: { access_token: KEY, token_type: "Bearer", user_id: "usr_1", handle: "ann" },
};
const refused = (error: string): Answer => ({ status: 400, body: { error } });

test("with a code: waits for the approval, stores the key, and says who it is", async (t) => {
  const hall = await startHall(t, (_form, count) =>
    count < 3 ? refused("authorization_pending") : granted,
  );
  const one = shell(t);
  const finished = await one.linkedclaw(["login", "--device", "--cloud-url", `${hall.url}/`]);
  const { authorized, handle, user_id, message } = answerOf(finished) as Record<string, unknown>;
  assert.deepEqual([authorized, handle, user_id], [true, "@ann", "usr_1"]);
  assert.equal(message, "Authorized as @ann");
  assert.match(finished.stderr, /BLUE-FROG-12/);
  assert.match(finished.stderr, /\/device/);
  assert.match(finished.stderr, /^Authorized as @ann$/m);
  assert.deepEqual(storedIn(one), {
    apiKey: KEY,
    cloudUrl: hall.url,
    relayUrl: `${hall.url.replace("http", "ws")}/ws`,
  });
  const [asked] = hall.received.filter(({ url }) => url.pathname.endsWith("device_authorization"));
  const form = new URLSearchParams(asked?.body);
  assert.deepEqual([form.get("client_id"), form.get("scope")], ["linkedclaw-cli", "cli"]);
  assert.match(form.get("device_label") ?? "", /^linkedclaw-cli\/\S+ on \w+ \(host: .+\)$/);
});

test("with a code: asks more slowly for good once it is told to slow down", async (t) => {
  const times: number[] = [];
  const hall = await startHall(t, (_form, count) => {
    times.push(performance.now());
    if (count === 1) return refused("slow_down");
    return granted;
  });
  answerOf(await shell(t).linkedclaw(["login", "--device", "--cloud-url", hall.url]));
  const [first = 0, second = 0] = times;
  assert.ok(second - first >= 5_000, `asked again after ${second - first} ms`);
});

for (const error of ["access_denied", "expired_token", "invalid_grant"]) {
  test(`with a code: ${error} ends it, and what was stored before stays`, async (t) => {
    const hall = await startHall(t, () => refused(error));
    const one = shell(t);
    await one.linkedclaw(["config", "set", "apiKey", OLD_KEY]);
    const finished = await one.linkedclaw(["login", "--device", "--cloud-url", hall.url]);
    assert.equal(errorOf(finished).code, error);
    assert.deepEqual(storedIn(one), { apiKey: OLD_KEY });
  });
}

test("with a code: nobody approves in time", async (t) => {
  const hall = await startHall(t, () => refused("authorization_pending"), { expires_in: 0.5 });
  const finished = await shell(t).linkedclaw(["login", "--device", "--cloud-url", hall.url]);
  assert.equal(errorOf(finished).code, "expired_token");
});

test("with a code: a page that is none is not shown to anybody", async (t) => {
  const hall = await startHall(t, () => granted, { verification_uri: "javascript:alert(1)" });
  const finished = await shell(t).linkedclaw(["login", "--device", "--cloud-url", hall.url]);
  assert.equal(errorOf(finished).code, "bad_response");
});

/** A browser that notes where it was sent, and does what is done with the page there. */
function browser(one: Shell) {
  const visited = join(one.home, "visited");
  const program = join(one.home, "browser");
  writeFileSync(
    program,
    `#!/bin/sh\nprintf '%s' "$1" > '${visited}.new' && mv '${visited}.new' '${visited}'\n`,
  );
  chmodSync(program, 0o755);
  return {
    program,
    async page(): Promise<URL> {
      await until(() => existsSync(visited), "the browser was opened");
      return new URL(readFileSync(visited, "utf8"));
    },
  };
}

async function comeBack(page: URL, answer: Readonly<Record<string, string>>): Promise<Response> {
  const url = new URL(page.searchParams.get("redirect_uri") ?? "");
  for (const [name, value] of Object.entries(answer)) url.searchParams.set(name, value);
  return fetch(url);
}

test("with the browser: the code is worth a key only together with our secret", async (t) => {
  let form = new URLSearchParams();
  const hall = await startHall(t, (asked) => {
    form = asked;
    return granted;
  });
  const one = shell(t);
  const { program, page } = browser(one);
  const args = ["login", "--browser", "--cloud-url", hall.url];
  const { finished } = one.start("linkedclaw", args, { env: { BROWSER: program } });
  const url = await page();
  const asked = Object.fromEntries(url.searchParams);
  assert.equal(url.origin + url.pathname, `${hall.url}/oauth/authorize`);
  assert.match(asked.redirect_uri ?? "", /^http:\/\/127\.0\.0\.1:\d+\/callback$/);
  assert.deepEqual(
    [asked.response_type, asked.code_challenge_method, asked.client_id],
    ["code", "S256", "linkedclaw-cli"],
  );

  const state = asked.state ?? "";
  const forged = await comeBack(url, { code: "stolen", state: "guessed" });
  assert.equal(forged.status, 400, "another page's answer is not ours");
  assert.equal((await fetch(new URL("/other", asked.redirect_uri))).status, 404);
  const good = await comeBack(url, { code: "the-code", state });
  assert.equal(good.status, 200);
  assert.match(await good.text(), /close this tab/);

  answerOf(await finished);
  assert.equal(form.get("grant_type"), "authorization_code");
  assert.equal(form.get("code"), "the-code");
  assert.equal(form.get("redirect_uri"), asked.redirect_uri);
  const verifier = form.get("code_verifier") ?? "";
  assert.match(verifier, /^[A-Za-z0-9._~-]{43,128}$/);
  assert.equal(createHash("sha256").update(verifier).digest("base64url"), asked.code_challenge);
  assert.equal(storedIn(one).apiKey, KEY);
  await assert.rejects(comeBack(url, { code: "again", state }), "nobody listens any more");
});

test("with the browser: a person may say no", async (t) => {
  const hall = await startHall(t, () => granted);
  const one = shell(t);
  const { program, page } = browser(one);
  const args = ["login", "--browser", "--cloud-url", hall.url];
  const { finished } = one.start("linkedclaw", args, { env: { BROWSER: program } });
  const url = await page();
  await comeBack(url, { error: "access_denied", state: url.searchParams.get("state") ?? "" });
  assert.equal(errorOf(await finished).code, "access_denied");
  assert.equal(existsSync(join(one.config, "config.yaml")), false);
});

test("where the browser cannot be started, a code is shown instead", async (t) => {
  const hall = await startHall(t, () => granted);
  for (const BROWSER of ["/nowhere/browser", "false"]) {
    const args = ["login", "--browser", "--cloud-url", hall.url];
    const finished = await shell(t).linkedclaw(args, { env: { BROWSER } });
    answerOf(finished);
    assert.match(finished.stderr, /BLUE-FROG-12/);
  }
});

test("a server that sends logins to another host is not followed", async (t) => {
  const hall = await startCloud(t, ({ url }) =>
    url.pathname.startsWith("/.well-known/")
      ? {
          body: {
            authorization_endpoint: `${url.origin}/oauth/authorize`,
            token_endpoint: "https://evil.example/token",
          },
        }
      : undefined,
  );
  const finished = await shell(t).linkedclaw(["login", "--device", "--cloud-url", hall.url]);
  assert.match(errorOf(finished).message, /evil\.example/);
});

test("the places that a server names are used", async (t) => {
  const hall = await startCloud(t, ({ url }): Answer | undefined => {
    if (url.pathname === "/.well-known/oauth-authorization-server") {
      const at = (path: string) => `${url.origin}/custom/${path}`;
      return {
        body: {
          authorization_endpoint: at("page"),
          token_endpoint: at("token"),
          device_authorization_endpoint: at("device"),
        },
      };
    }
    if (url.pathname === "/custom/token") return granted;
    if (url.pathname === "/api/v1/users/me") return { body: USER };
    if (url.pathname !== "/custom/device") return undefined;
    return {
      body: { device_code: "x", user_code: "A-B-12", verification_uri: url.origin, interval: 0.01 },
    };
  });
  answerOf(await shell(t).linkedclaw(["login", "--device", "--cloud-url", hall.url]));
});

test("a key is pasted on stdin, or given, and tried before it is stored", async (t) => {
  const hall = await startHall(t, () => refused("invalid_grant"));
  const pasting = shell(t, { LINKEDCLAW_CLOUD_URL: hall.url });
  answerOf(await pasting.linkedclaw(["login", "--paste"], { input: ` ${KEY}\n` }));
  assert.equal(storedIn(pasting).apiKey, KEY);

  const giving = shell(t, { LINKEDCLAW_CLOUD_URL: hall.url });
  answerOf(await giving.linkedclaw(["login", "--api-key", KEY]));
  assert.equal(storedIn(giving).apiKey, KEY);
  const wrong = await giving.linkedclaw(["login", "--api-key", OLD_KEY]);
  assert.equal(errorOf(wrong).code, "invalid_api_key");
  assert.equal(storedIn(giving).apiKey, KEY, "what worked stays");

  for (const input of ["", "  \n", "two words\n", "a\u0007b\n"]) {
    errorOf(await pasting.linkedclaw(["login", "--paste"], { input }), 2);
  }
});

test("a key of the environment is named where it is refused, and where it hides the stored one", async (t) => {
  const hall = await startHall(t, () => refused("invalid_grant"));
  const one = shell(t, { LINKEDCLAW_CLOUD_URL: hall.url, LINKEDCLAW_API_KEY: OLD_KEY });
  assert.match(errorOf(await one.linkedclaw(["whoami"])).hint ?? "", /LINKEDCLAW_API_KEY/);

  const given = await one.linkedclaw(["login", "--api-key", KEY]);
  answerOf(given);
  assert.match(given.stderr, /LINKEDCLAW_API_KEY is set and wins/);
  const refusedKey = errorOf(await one.linkedclaw(["login", "--api-key", "lc_x"]));
  assert.match(refusedKey.hint ?? "", /Log in again/, "this key is not the environment's");

  const usual = shell(t, { LINKEDCLAW_CLOUD_URL: hall.url });
  const stored = await usual.linkedclaw(["login", "--api-key", KEY]);
  assert.doesNotMatch(stored.stderr, /LINKEDCLAW_API_KEY/);
});

// biome-ignore format: read as a table
const SURROUNDINGS = [
  // variables                       platform   container  browser   why
  [ { DISPLAY: ":0" },               "linux",   false,     true,     "a desktop" ],
  [ { WAYLAND_DISPLAY: "w-0" },      "linux",   false,     true,     "another desktop" ],
  [ {},                              "linux",   false,     false,    "no display" ],
  [ {},                              "darwin",  false,     true,     "a Mac needs no variable" ],
  [ {},                              "win32",   false,     true,     "nor does Windows" ],
  [ { SSH_CONNECTION: "x" },         "darwin",  false,     false,    "a remote session" ],
  [ { SSH_TTY: "x", DISPLAY: ":0" }, "linux",   false,     false,    "a remote session with a display" ],
  [ { SSH_CLIENT: "x" },             "win32",   false,     false,    "a remote session of Windows" ],
  [ { CI: "true", DISPLAY: ":0" },   "linux",   false,     false,    "a CI job" ],
  [ { DISPLAY: ":0" },               "linux",   true,      false,    "a container" ],
] as const;

for (const [env, platform, isContainer, hasBrowser, why] of SURROUNDINGS) {
  test(`${why} ${hasBrowser ? "has" : "has no"} browser to log in with`, () => {
    assert.equal(whyNoBrowser({ env, platform, isContainer }) === undefined, hasBrowser);
  });
}
