/** Pages: keys and limits as a person handles them, and what every page keeps out. */
import assert from "node:assert/strict";
import { onEachHost } from "../support/database.ts";
import { memberOf, startSignIn, unescapeHtml, Visitor } from "./support.ts";

const KEYS = "/settings/api-keys";

/** The secret on the page that shows a new key. */
async function secretOn(response: Response): Promise<string> {
  const html = await response.text();
  const secret = /<code class="secret">([^<]+)<\/code>/.exec(html)?.[1];
  assert.ok(secret, html);
  return secret;
}

onEachHost("a person makes a key, sees it once, and revokes it", async (t, database) => {
  const server = await startSignIn(t, database);
  const ada = await new Visitor(server).signIn("ada@example.org");
  const made = await ada.submit(KEYS, KEYS, {
    label: "my <laptop>",
    kind: "lc",
    days: "30",
    daily: "2.50",
    monthly: "",
    prepaid: "$10",
  });
  const page = await made.clone().text();
  assert.match(page, /linkedclaw login --paste/);
  assert.equal(made.headers.get("cache-control"), "no-store");
  const secret = await secretOn(made);
  const caller = await server.core.callers.authenticate(secret);
  assert.deepEqual(caller.keyLimits, {
    dailyMicros: 2_500_000n,
    monthlyMicros: undefined,
    prepaidMicros: 10_000_000n,
  });

  const list = await (await ada.get(KEYS)).text();
  assert.ok(!list.includes(secret));
  assert.match(list, /my &lt;laptop&gt;/);
  assert.ok(list.includes(`lc_…${secret.slice(-4)}`));
  assert.match(list, /\$2\.50 a day, \$10\.00 in all/);

  const path = `${KEYS}/${caller.keyId}`;
  assert.equal((await ada.submit(path, `${path}/revoke`, {})).status, 303);
  await assert.rejects(server.core.callers.authenticate(secret), { code: "unauthenticated" });
  assert.match(await (await ada.get(path)).text(), /revoked/);
});

onEachHost("a key's name and limits can be changed, by its owner", async (t, database) => {
  const server = await startSignIn(t, database);
  const ada = await new Visitor(server).signIn("ada@example.org");
  const secret = await secretOn(await ada.submit(KEYS, KEYS, { label: "one", kind: "gld" }));
  const path = `${KEYS}/${(await server.core.callers.authenticate(secret)).keyId}`;
  const fields = { label: "two", daily: "1", monthly: "", prepaid: "" };
  assert.equal((await ada.submit(path, path, fields)).status, 303);
  assert.match(await (await ada.get(KEYS)).text(), /two/);
  assert.equal((await server.core.callers.authenticate(secret)).keyLimits.dailyMicros, 1_000_000n);

  const bob = await new Visitor(server).signIn("bob@example.org");
  assert.equal((await bob.get(path)).status, 404);
  for (const action of [path, `${path}/revoke`]) {
    assert.equal((await bob.submit(KEYS, action, fields)).status, 404);
  }
  await server.core.callers.authenticate(secret);
});

onEachHost("an amount that is none is refused, and what was typed stays", async (t, database) => {
  const server = await startSignIn(t, database);
  const ada = await new Visitor(server).signIn("ada@example.org");
  for (const daily of ["-1", "ten", "1e3", "0.0000001", "9".repeat(20), "1,50"]) {
    const refused = await ada.submit(KEYS, KEYS, { label: "kept", kind: "lc", daily });
    const html = unescapeHtml(await refused.text());
    assert.match(html, /An amount is a number of dollars/, daily);
    assert.ok(html.includes(`value="${daily}"`));
    assert.ok(html.includes('value="kept"'));
  }
  assert.deepEqual(await database.query("select id from keys"), []);
});

onEachHost("the workspace's limits are what was saved", async (t, database) => {
  const server = await startSignIn(t, database);
  const ada = await new Visitor(server).signIn("ada@example.org");
  const path = "/settings/spending";
  const fields = { daily: "5", monthly: "50", prepaid: "", ceiling: "2.5" };
  const saved = await ada.submit(path, path, fields);
  assert.equal(saved.headers.get("location"), `${path}?saved`);
  const { caller } = await memberOf(server, "ada@example.org");
  assert.equal(caller.workspaceLimits.dailyMicros, 5_000_000n);
  assert.equal(caller.chainCeilingMicros, 2_500_000n);
  const wrong = await ada.submit(path, path, { ...fields, ceiling: "" });
  assert.match(await wrong.text(), /An amount is a number/);
  assert.equal((await memberOf(server, "ada@example.org")).caller.chainCeilingMicros, 2_500_000n);
});

onEachHost(
  "pages load nothing from elsewhere, run nothing, and sit in no frame",
  async (t, database) => {
    const server = await startSignIn(t, database);
    const ada = await new Visitor(server).signIn("ada@example.org");
    const stranger = new Visitor(server);
    const pages = [
      [stranger, "/app/sign-in", 200],
      [stranger, "/app/link?token=none", 404],
      [ada, "/app", 200],
      [ada, KEYS, 200],
      [ada, "/settings/spending", 200],
      [ada, "/settings/wallet", 200],
      [ada, "/settings/wallet/topups/nothing", 404],
      [stranger, "/app/topup/paid", 200],
      [stranger, "/dev/topup/nothing", 404],
      [ada, "/device", 200],
      [ada, "/device?user_code=NONE-SUCH-99", 404],
      [ada, "/device/done?decision=approved", 200],
      [ada, "/oauth/authorize", 400],
    ] as const;
    for (const [visitor, path, status] of pages) {
      const response = await visitor.get(path);
      assert.equal(response.status, status, path);
      const policy = response.headers.get("content-security-policy") ?? "";
      for (const part of ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"]) {
        assert.ok(policy.includes(part), `${path}: ${policy}`);
      }
      assert.equal(response.headers.get("x-content-type-options"), "nosniff");
      assert.equal(response.headers.get("cache-control"), "no-store");
      const html = await response.text();
      assert.doesNotMatch(
        html,
        /<script|\son\w+=|style="|https?:\/\/(?!127\.0\.0\.1)(?!www\.w3\.org)/,
        path,
      );
      const style = /href="(\/app\/hall\.[0-9a-f]+\.css)"/.exec(html)?.[1] ?? "";
      const sheet = await visitor.get(style);
      assert.match(sheet.headers.get("content-type") ?? "", /^text\/css/);
    }
  },
);

onEachHost("whoever is not signed in is asked to, and nothing is done", async (t, database) => {
  const server = await startSignIn(t, database);
  const stranger = new Visitor(server);
  assert.equal((await stranger.get("/")).headers.get("location"), "/app");
  for (const path of [
    "/app",
    KEYS,
    `${KEYS}/${"0".repeat(24)}`,
    "/settings/spending",
    "/settings/wallet",
    "/app/invite",
    "/device",
  ]) {
    const response = await stranger.get(path);
    assert.equal(response.status, 303, path);
    const to = `/app/sign-in?${new URLSearchParams({ return_to: path })}`;
    assert.equal(response.headers.get("location"), to);
  }
  for (const path of [KEYS, `${KEYS}/x`, `${KEYS}/x/revoke`, "/settings/spending", "/app/invite"]) {
    assert.equal((await stranger.post(path, { label: "x" })).status, 303, path);
  }
  assert.deepEqual(await database.query("select id from keys"), []);
});

onEachHost("every form needs its token, and has a bound", async (t, database) => {
  const server = await startSignIn(t, database);
  const ada = await new Visitor(server).signIn("ada@example.org");
  // biome-ignore format: read as a list
  const FORMS = [
    "/app/sign-in", "/app/sign-out", KEYS, `${KEYS}/x`, `${KEYS}/x/revoke`, "/settings/spending",
    "/settings/wallet/topups", "/settings/wallet/voucher",
    "/device/approve", "/device/deny", "/oauth/authorize/approve", "/oauth/authorize/deny", "/app/link?token=x",
  ];
  for (const path of FORMS) {
    const response = await ada.post(path, { label: "x", kind: "lc", email: "x@x.org" });
    assert.equal(response.status, 403, path);
    const large = await ada.post(path, { label: "x".repeat(40_000) });
    assert.equal(large.status, 413, path);
  }
  const json = await fetch(`${server.url}/app/sign-in`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
  });
  assert.equal(json.status, 415);
});
