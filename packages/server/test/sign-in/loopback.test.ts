/** Loopback login with PKCE (RFC 8252, RFC 7636) over HTTP. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { onEachHost } from "../support/database.ts";
import { verifies } from "../surfaces/linkedclaw/requirements.ts";
import {
  CHALLENGE,
  postForm,
  type SignInServer,
  startSignIn,
  unescapeHtml,
  VERIFIER,
  Visitor,
} from "./support.ts";

const REDIRECT = "http://127.0.0.1:49152/callback";
const STATE = "c3RhdGUgb2YgYSBwcm9ncmFt";

function authorizePath(change: Record<string, string> = {}): string {
  const query = new URLSearchParams({
    response_type: "code",
    client_id: "linkedclaw-cli",
    redirect_uri: REDIRECT,
    code_challenge: CHALLENGE,
    code_challenge_method: "S256",
    state: STATE,
    scope: "cli",
    device_label: "linkedclaw-cli/1.0.0 on darwin (host: mac)",
    ...change,
  });
  return `/oauth/authorize?${query}`;
}

async function decide(visitor: Visitor, decision: "approve" | "deny"): Promise<URL> {
  const response = await visitor.submit(authorizePath(), `/oauth/authorize/${decision}`, {});
  assert.equal(response.status, 303, await response.text());
  return new URL(response.headers.get("location") ?? "");
}

async function codeFor(server: SignInServer, email = "ada@example.org"): Promise<string> {
  const url = await decide(await new Visitor(server).signIn(email), "approve");
  return url.searchParams.get("code") ?? "";
}

function redeem(server: SignInServer, code: string, change: Record<string, string> = {}) {
  return postForm(server, "/api/v1/oauth/token", {
    grant_type: "authorization_code",
    code,
    redirect_uri: REDIRECT,
    client_id: "linkedclaw-cli",
    code_verifier: VERIFIER,
    ...change,
  });
}

onEachHost(
  "a person approves, and the program on the machine is given a key",
  async (t, database) => {
    verifies("oauth-metadata", "pkce-login");
    const server = await startSignIn(t, database);
    const metadata = await fetch(`${server.url}/.well-known/oauth-authorization-server`);
    const { authorization_endpoint, token_endpoint, issuer } = (await metadata.json()) as Record<
      string,
      string
    >;
    assert.equal(issuer, server.url);
    assert.equal(authorization_endpoint, `${server.url}/oauth/authorize`);
    assert.equal(token_endpoint, `${server.url}/api/v1/oauth/token`);

    const stranger = new Visitor(server);
    const sent = await stranger.get(authorizePath());
    assert.equal(sent.status, 303);
    const signInPath = sent.headers.get("location") ?? "";
    const back = await stranger.submit(signInPath, "/app/sign-in", { email: "ada@example.org" });
    assert.equal(back.headers.get("location"), authorizePath(), "and comes back to the question");

    const page = await stranger.get(authorizePath());
    const html = unescapeHtml(await page.text());
    assert.match(html, /linkedclaw-cli\/1\.0\.0 on darwin \(host: mac\)/);
    assert.match(html, /127\.0\.0\.1:49152/);
    assert.match(
      page.headers.get("content-security-policy") ?? "",
      /form-action 'self' http:\/\/127\.0\.0\.1:49152$/,
    );

    const url = await decide(stranger, "approve");
    assert.equal(url.origin + url.pathname, REDIRECT);
    assert.equal(url.searchParams.get("state"), STATE);
    const { status, body } = await redeem(server, url.searchParams.get("code") ?? "");
    assert.equal(status, 200);
    const caller = await server.core.callers.authenticate(String(body.access_token));
    assert.equal(body.user_id, `usr_${caller.workspaceId}`);
  },
);

onEachHost("a second use of a code takes the key back", async (t, database) => {
  verifies("pkce-replay");
  const server = await startSignIn(t, database);
  const code = await codeFor(server);
  const { body } = await redeem(server, code);
  const secret = String(body.access_token);
  await server.core.callers.authenticate(secret);
  const again = await redeem(server, code);
  assert.deepEqual([again.status, again.body.error], [400, "invalid_grant"]);
  await assert.rejects(server.core.callers.authenticate(secret), { code: "unauthenticated" });
  assert.equal((await redeem(server, code)).body.error, "invalid_grant");
});

onEachHost("of many that come with one code, nobody keeps a key", async (t, database) => {
  const server = await startSignIn(t, database);
  const code = await codeFor(server);
  const answers = await Promise.all(Array.from({ length: 10 }, () => redeem(server, code)));
  const given = answers.filter(({ status }) => status === 200);
  assert.equal(given.length, 1);
  await assert.rejects(server.core.callers.authenticate(String(given[0]?.body.access_token)), {
    code: "unauthenticated",
  });
});

onEachHost("a code is good for the program that asked, for a minute", async (t, database) => {
  verifies("pkce-verifier");
  const server = await startSignIn(t, database);
  const other = createHash("sha256").update("another").digest("base64url");
  // biome-ignore format: read as a table
  const WRONG: readonly Record<string, string>[] = [
    { code_verifier: other },
    { code_verifier: CHALLENGE },
    { code_verifier: "short" },
    { redirect_uri: "http://127.0.0.1:49153/callback" },
    { client_id: "other-cli" },
  ];
  for (const change of WRONG) {
    const code = await codeFor(server);
    const wrong = await redeem(server, code, change);
    assert.deepEqual(
      [wrong.status, wrong.body.error],
      [400, "invalid_grant"],
      JSON.stringify(change),
    );
    const right = await redeem(server, code);
    assert.equal(right.body.error, "invalid_grant", "whoever had the code, it is burnt");
  }
  const late = await codeFor(server);
  server.clock.advance(60_000);
  assert.equal((await redeem(server, late)).body.error, "invalid_grant");
  const inTime = await codeFor(server);
  server.clock.advance(59_999);
  assert.equal((await redeem(server, inTime)).status, 200);
});

onEachHost("a denied program is told so, and a code is never made", async (t, database) => {
  verifies("login-denied");
  const server = await startSignIn(t, database);
  const url = await decide(await new Visitor(server).signIn("ada@example.org"), "deny");
  assert.equal(url.searchParams.get("error"), "access_denied");
  assert.equal(url.searchParams.get("state"), STATE);
  assert.equal(url.searchParams.get("code"), null);
  assert.deepEqual(await database.query("select id from handoffs"), []);
});

onEachHost("nothing is ever sent to a place that is not this machine", async (t, database) => {
  const server = await startSignIn(t, database);
  const ada = await new Visitor(server).signIn("ada@example.org");
  // biome-ignore format: read as a list
  const PLACES = [
    "https://evil.example/callback", "http://localhost:1/callback", "http://127.0.0.1:1/other",
    "http://127.0.0.1:1@evil.example/callback", "javascript:alert(1)", "",
  ];
  for (const redirect_uri of PLACES) {
    const asked = await ada.get(authorizePath({ redirect_uri }));
    assert.deepEqual([asked.status, asked.headers.get("location")], [400, null], redirect_uri);
    for (const decision of ["approve", "deny"]) {
      const path = `/oauth/authorize/${decision}`;
      const sent = await ada.submit(authorizePath(), path, { redirect_uri });
      assert.deepEqual([sent.status, sent.headers.get("location")], [400, null], redirect_uri);
    }
  }
  assert.equal((await ada.get(authorizePath({ client_id: "evil" }))).status, 400);
  const twice = `${authorizePath()}&redirect_uri=${encodeURIComponent(REDIRECT)}`;
  assert.equal((await ada.get(twice)).status, 400);
});

onEachHost("other faults are told to the program", async (t, database) => {
  const server = await startSignIn(t, database);
  const ada = await new Visitor(server).signIn("ada@example.org");
  // biome-ignore format: read as a table
  const CASES = [
    ["unsupported_response_type", { response_type: "token" }],
    ["invalid_request",           { code_challenge: "" }],
    ["invalid_request",           { code_challenge_method: "plain" }],
    ["invalid_scope",             { scope: "everything" }],
  ] as const;
  for (const [error, change] of CASES) {
    const response = await ada.get(authorizePath({ ...change }));
    const url = new URL(response.headers.get("location") ?? "");
    assert.equal(url.origin + url.pathname, REDIRECT);
    assert.equal(url.searchParams.get("error"), error);
    assert.equal(url.searchParams.get("state"), STATE);
  }
  const stateless = await ada.get(authorizePath({ state: "" }));
  const url = new URL(stateless.headers.get("location") ?? "");
  assert.equal(url.searchParams.get("error"), "invalid_request");
});

onEachHost(
  "an approval needs our own page, and the person that it was shown to",
  async (t, database) => {
    const server = await startSignIn(t, database);
    const ada = await new Visitor(server).signIn("ada@example.org");
    const fields = Object.fromEntries(new URLSearchParams(authorizePath().split("?")[1]));
    for (const decision of ["approve", "deny"]) {
      const response = await ada.post(`/oauth/authorize/${decision}`, fields);
      assert.deepEqual([response.status, response.headers.get("location")], [403, null]);
    }
    assert.deepEqual(await database.query("select id from handoffs"), []);
  },
);
