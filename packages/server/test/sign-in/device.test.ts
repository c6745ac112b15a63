/** Device login (RFC 8628) over HTTP: a program on one side, a person with a browser on the other. */
import assert from "node:assert/strict";
import { createSignInCleaning } from "../../src/core/sign-in-cleaning.ts";
import { onEachHost } from "../support/database.ts";
import { verifies } from "../surfaces/linkedclaw/requirements.ts";
import {
  DEVICE_GRANT,
  hiddenFields,
  pollDevice,
  postForm,
  type SignInServer,
  startDevice,
  startSignIn,
  Visitor,
} from "./support.ts";

/** Opens the page that the program shows, and presses one of its two buttons. */
async function decide(visitor: Visitor, userCode: string, decision: "approve" | "deny") {
  return visitor.submit(`/device?user_code=${userCode}`, `/device/${decision}`, {});
}

async function countKeys({ database }: SignInServer): Promise<number> {
  const [row] = await database.query<{ count: number }>("select count(*)::int as count from keys");
  return row?.count ?? -1;
}

onEachHost("a person approves, and the program is given a key, once", async (t, database) => {
  verifies("device-login");
  const server = await startSignIn(t, database);
  const device = await startDevice(server);
  assert.match(device.user_code, /^[A-Z]+-[A-Z]+-\d\d$/);
  assert.deepEqual(
    (await pollDevice(server, device.device_code)).body.error,
    "authorization_pending",
  );

  const ada = await new Visitor(server).signIn("ada@example.org");
  const page = await (await ada.get(device.verification_uri_complete)).text();
  assert.match(page, /linkedclaw-cli\/1\.0\.0 on linux \(host: box\)/);
  assert.match(page, /127\.0\.0\.1/);
  assert.match(page, new RegExp(device.user_code));
  assert.match(page, /@ada/);
  const approved = await decide(ada, device.user_code, "approve");
  assert.equal(approved.headers.get("location"), "/device/done?decision=approved");

  server.clock.advance(5_000);
  const { status, body, headers } = await pollDevice(server, device.device_code);
  assert.equal(status, 200);
  assert.equal(headers.get("cache-control"), "no-store");
  assert.deepEqual(Object.keys(body).sort(), [
    "access_token",
    "handle",
    "scope",
    "token_type",
    "user_id",
  ]);
  assert.equal(body.handle, "ada");
  const caller = await server.core.callers.authenticate(String(body.access_token));
  assert.equal(body.user_id, `usr_${caller.workspaceId}`);
  assert.equal((await server.core.wallets.balance(caller)).availableMicros, 100_000_000n);

  const again = await pollDevice(server, device.device_code);
  assert.deepEqual([again.status, again.body.error], [400, "invalid_grant"]);
  assert.equal(await countKeys(server), 1);
});

onEachHost("of many that come with one code, one is given a key", async (t, database) => {
  const server = await startSignIn(t, database);
  const device = await startDevice(server);
  await decide(await new Visitor(server).signIn("ada@example.org"), device.user_code, "approve");
  const polls = await Promise.all(
    Array.from({ length: 20 }, () => pollDevice(server, device.device_code)),
  );
  assert.equal(polls.filter(({ status }) => status === 200).length, 1);
  assert.equal(await countKeys(server), 1);
});

onEachHost("denied, expired, unknown and hurried each have their word", async (t, database) => {
  verifies("login-denied", "device-slow-down", "device-expiry");
  const server = await startSignIn(t, database);
  const ada = await new Visitor(server).signIn("ada@example.org");
  const poll = async (code: string) => (await pollDevice(server, code)).body.error;

  const denied = await startDevice(server);
  await decide(ada, denied.user_code, "deny");
  assert.equal(await poll(denied.device_code), "access_denied");
  const late = await decide(ada, denied.user_code, "approve");
  assert.equal(late.status, 404, "the code names nothing any more");
  assert.equal(await poll(denied.device_code), "access_denied");

  const hurried = await startDevice(server);
  assert.equal(await poll(hurried.device_code), "authorization_pending");
  server.clock.advance(4_000);
  assert.equal(await poll(hurried.device_code), "slow_down");
  server.clock.advance(6_000);
  assert.equal(await poll(hurried.device_code), "slow_down", "ten seconds now");
  server.clock.advance(15_000);
  assert.equal(await poll(hurried.device_code), "authorization_pending");

  server.clock.advance(600_000);
  assert.equal(await poll(hurried.device_code), "expired_token");
  const page = await ada.get(`/device?user_code=${hurried.user_code}`);
  assert.equal(page.status, 404);
  assert.equal(await poll("x".repeat(43)), "invalid_grant");
  assert.equal(await countKeys(server), 0);
});

onEachHost("malformed requests are refused in OAuth's words", async (t, database) => {
  const server = await startSignIn(t, database);
  const { device_code } = await startDevice(server);
  const good = { grant_type: DEVICE_GRANT, device_code, client_id: "linkedclaw-cli" };
  // biome-ignore format: read as a table
  const CASES: readonly (readonly [error: string, fields: Record<string, string>])[] = [
    ["invalid_request",        {}],
    ["invalid_request",        { ...good, client_id: "" }],
    ["invalid_request",        { ...good, device_code: "" }],
    ["unsupported_grant_type", { ...good, grant_type: "password" }],
    ["invalid_grant",          { ...good, device_code: "\u0000" }],
  ];
  for (const [error, fields] of CASES) {
    const { status, body } = await postForm(server, "/api/v1/oauth/token", fields);
    assert.deepEqual([status, body.error], [400, error], JSON.stringify(fields));
    assert.ok(String(body.error_description).length > 0);
  }
  const token = `${server.url}/api/v1/oauth/token`;
  const raw = (body: string, type: string) =>
    fetch(token, { method: "POST", body, headers: { "content-type": type } });
  const form = "application/x-www-form-urlencoded";
  const repeated = `${new URLSearchParams(good)}&device_code=other`;
  assert.equal((await raw(repeated, form)).status, 400);
  assert.equal((await raw(JSON.stringify(good), "application/json")).status, 400);
  assert.equal((await raw(`code=${"x".repeat(20_000)}`, form)).status, 413);
  const started = (fields: Record<string, string>) =>
    postForm(server, "/api/v1/oauth/device_authorization", fields);
  assert.equal((await started({ client_id: "evil" })).status, 400);
  assert.equal((await started({ client_id: "linkedclaw-cli", scope: "admin" })).status, 400);
});

onEachHost("a program cannot dress up as something else", async (t, database) => {
  const server = await startSignIn(t, database);
  const label = `<script>alert(1)</script>\u202E\n${"x".repeat(500)}`;
  const { body } = await postForm(server, "/api/v1/oauth/device_authorization", {
    client_id: "linkedclaw-cli",
    device_label: label,
  });
  const ada = await new Visitor(server).signIn("ada@example.org");
  const page = await (await ada.get(`/device?user_code=${body.user_code}`)).text();
  assert.match(page, /&lt;script&gt;/);
  assert.doesNotMatch(page, /<script|\u202E|x{81}/);
});

onEachHost("five wrong codes a minute and address, whoever asks", async (t, database) => {
  const server = await startSignIn(t, database);
  const ada = await new Visitor(server).signIn("ada@example.org");
  const bob = await new Visitor(server).signIn("bob@example.org");
  const { user_code } = await startDevice(server);
  const look = async (visitor: Visitor, code: string) =>
    (await visitor.get(`/device?user_code=${code}`)).status;

  const guesses = Array.from({ length: 40 }, (_, number) => `BLUE-WRONG-${10 + number}`);
  const statuses = await Promise.all(
    guesses.map((code, index) => look(index % 2 ? ada : bob, code)),
  );
  assert.equal(statuses.filter((status) => status === 404).length, 5);
  assert.equal(statuses.filter((status) => status === 429).length, 35);
  assert.equal(await look(ada, user_code), 429, "the right one too: it may be a guess");
  server.clock.advance(60_000);
  for (let count = 0; count < 10; count++) {
    assert.equal(await look(ada, user_code.toLowerCase().replaceAll("-", " ")), 200);
  }
});

onEachHost("the operator approves by code or id, and makes the member", async (t, database) => {
  const server = await startSignIn(t, database);
  const { handoffs } = server.core;
  const first = await startDevice(server);
  const approved = await handoffs.approveAs("New@Example.org", first.user_code.toLowerCase());
  assert.deepEqual([approved.kind, approved.state], ["device", "approved"]);
  assert.equal((await pollDevice(server, first.device_code)).body.handle, "new");

  const second = await startDevice(server);
  const [row] = await database.query<{ id: string }>(
    "select id from handoffs where state = 'pending'",
  );
  await handoffs.approveAs("new@example.org", row?.id ?? "");
  assert.equal((await pollDevice(server, second.device_code)).status, 200);

  await assert.rejects(handoffs.approveAs("new@example.org", first.user_code), {
    code: "not_found",
  });
  await assert.rejects(handoffs.approveAs("new@example.org", row?.id ?? ""), { code: "conflict" });
  await assert.rejects(handoffs.approveAs("no address", first.user_code), /./);
});

onEachHost("starts are limited by address", async (t, database) => {
  const server = await startSignIn(t, database, {
    attemptLimits: { "handoff-start": { max: 3, windowSeconds: 60 } },
  });
  for (let count = 0; count < 3; count++) await startDevice(server);
  const fields = { client_id: "linkedclaw-cli" };
  const refused = await postForm(server, "/api/v1/oauth/device_authorization", fields);
  assert.equal(refused.status, 429);
  assert.equal(refused.headers.get("retry-after"), "60");
  server.clock.advance(60_000);
  await startDevice(server);
});

onEachHost("a decision needs our own page", async (t, database) => {
  const server = await startSignIn(t, database);
  const { device_code, user_code } = await startDevice(server);
  const ada = await new Visitor(server).signIn("ada@example.org");
  const page = await (await ada.get(`/device?user_code=${user_code}`)).text();
  const fields = hiddenFields(page);
  const bob = await new Visitor(server).signIn("bob@example.org");

  assert.equal((await ada.post("/device/approve", { user_code })).status, 403, "no token");
  const wrong = { ...fields, csrf_token: "AAAA" };
  assert.equal((await ada.post("/device/approve", wrong)).status, 403, "a wrong one");
  assert.equal((await bob.post("/device/approve", fields)).status, 403, "another's");
  const stranger = await new Visitor(server).post("/device/approve", fields);
  assert.equal(stranger.headers.get("location"), "/app/sign-in?return_to=%2Fapp", "nobody's");
  assert.equal((await pollDevice(server, device_code)).body.error, "authorization_pending");
  assert.equal((await ada.post("/device/approve", fields)).status, 303);
});

onEachHost("what is over is cleaned away after a day", async (t, database) => {
  const server = await startSignIn(t, database);
  const { device_code } = await startDevice(server);
  const cleaning = createSignInCleaning(database, server.clock);
  server.clock.advance(600_000 + 86_400_000);
  await cleaning.clean();
  assert.equal((await pollDevice(server, device_code)).body.error, "expired_token");
  server.clock.advance(1);
  await cleaning.clean();
  assert.equal((await pollDevice(server, device_code)).body.error, "invalid_grant");
  assert.deepEqual(await database.query("select * from attempts"), []);
});
