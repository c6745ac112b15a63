/** Registration (contract §4) over HTTP: a program on one side, a person with a browser on the other. */
import assert from "node:assert/strict";
import { createSignInCleaning } from "../../src/core/sign-in-cleaning.ts";
import { sha256 } from "../../src/lib/digest.ts";
import { type SignInServer, startSignIn, Visitor } from "../sign-in/support.ts";
import { onEachHost } from "../support/database.ts";
import { assertRefused, type Flow, proofOf, SESSIONS, send, startRegistration } from "./support.ts";

const HOUR_MS = 3_600_000;

/** Opens the page that the program was given, and presses one of its two buttons. */
async function decide(
  visitor: Visitor,
  session: { handoff: Record<string, string> },
  decision: "approve" | "deny",
): Promise<Response> {
  const url = new URL(session.handoff.authorization_url ?? "");
  return visitor.submit(url.pathname + url.search, `${url.pathname}/${decision}`, {});
}

async function countKeys({ database }: SignInServer): Promise<number> {
  const [row] = await database.query<{ count: number }>("select count(*)::int as count from keys");
  return row?.count ?? -1;
}

function read(server: SignInServer, session: { registration_session_id: string }) {
  return send(server, "GET", `${SESSIONS}/${session.registration_session_id}`);
}

function issue(server: SignInServer, session: { registration_session_id: string }, body: object) {
  return send(server, "POST", `${SESSIONS}/${session.registration_session_id}/api-keys`, body);
}

for (const flow of ["device", "workos_callback"] as const satisfies Flow[]) {
  onEachHost(
    `${flow}: a person approves, the program is given a key, once`,
    async (t, database) => {
      const server = await startSignIn(t, database);
      const started = await startRegistration(server, flow);
      const isDevice = flow === "device";
      assert.match(started.registration_session_id, /^regsess_[A-Za-z0-9_-]{43}$/);
      assert.deepEqual(
        [started.state, started.auth_flow, started.provider, started.completion],
        ["pending_external_auth", flow, "workos", null],
      );
      assert.equal(started.handoff.type, isDevice ? "device" : "browser");
      assert.match(started.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      assert.equal(Date.parse(started.expires_at) - Date.parse(started.created_at), 900_000);
      assertRefused(
        await issue(server, started, proofOf(started)),
        409,
        "registration_not_completed",
      );

      const page = await new Visitor(server).signIn("ada@example.org");
      const url = new URL(started.handoff.authorization_url);
      const html = await (await page.get(url.pathname + url.search)).text();
      assert.match(html, /Python-urllib\/3\.12/);
      assert.match(html, /OpenMarlin client/);
      assert.match(html, /127\.0\.0\.1/);
      if (isDevice) assert.match(html, new RegExp(started.handoff.device_code));
      const approved = await decide(page, started, "approve");
      assert.equal(approved.headers.get("location"), "/device/done?decision=approved");

      const { status, body, headers } = await read(server, started);
      assert.equal(status, 200);
      assert.equal(headers.get("cache-control"), "no-store");
      assert.equal(body.state, "completed");
      assert.deepEqual(body.handoff, started.handoff, "the proof is told as before");
      assert.equal(body.completion.is_new_account, true);
      assert.equal(body.completion.workspace.slug, "ada");
      assert.equal(body.completion.provider_identity.primary_email, "ada@example.org");
      assert.equal(body.completion.credential_bootstrap.status, "pending_api_key_issue");

      const issued = await issue(server, started, {
        ...proofOf(started),
        label: "OpenClaw bootstrap",
      });
      assert.equal(issued.status, 201, JSON.stringify(issued.body));
      assert.match(issued.body.secret, /^claw_wsk_/);
      assert.deepEqual(issued.body.api_key, {
        key_id: issued.body.api_key.key_id,
        workspace_id: body.completion.workspace.workspace_id,
        status: "active",
        created_at: issued.body.api_key.created_at,
        last_used_at: null,
        label: "OpenClaw bootstrap",
      });
      const caller = await server.core.callers.authenticate(issued.body.secret);
      assert.equal(`ws_${caller.workspaceId}`, body.completion.workspace.workspace_id);
      const after = (await read(server, started)).body.completion.credential_bootstrap.status;
      assert.equal(after, "api_key_issued");
      assertRefused(await issue(server, started, proofOf(started)), 409, "api_key_already_issued");
      assert.equal(await countKeys(server), 1);
    },
  );
}

onEachHost("of many that come with one proof, one is given a key", async (t, database) => {
  const server = await startSignIn(t, database);
  const session = await startRegistration(server);
  await decide(await new Visitor(server).signIn("ada@example.org"), session, "approve");
  const replies = await Promise.all(
    Array.from({ length: 20 }, () => issue(server, session, proofOf(session))),
  );
  assert.equal(replies.filter(({ status }) => status === 201).length, 1);
  assert.equal(replies.filter(({ status }) => status === 409).length, 19);
  assert.equal(await countKeys(server), 1);
});

onEachHost(
  "a person who was there is no new account, and has the same workspace",
  async (t, database) => {
    const server = await startSignIn(t, database);
    const ada = await new Visitor(server).signIn("ada@example.org");
    server.clock.advance(1_000);
    const first = await startRegistration(server);
    const second = await startRegistration(server, "workos_callback");
    await decide(ada, first, "approve");
    await decide(ada, second, "approve");
    const [one, two] = [(await read(server, first)).body, (await read(server, second)).body];
    assert.equal(one.completion.is_new_account, false);
    assert.deepEqual(one.completion.workspace, two.completion.workspace);
    assert.equal(one.completion.account_id, two.completion.account_id);
  },
);

onEachHost("time and a no end a registration, each as it should", async (t, database) => {
  const server = await startSignIn(t, database);
  const cleaning = createSignInCleaning(database, server.clock);
  const ada = await new Visitor(server).signIn("ada@example.org");

  const denied = await startRegistration(server);
  await decide(ada, denied, "deny");
  assert.deepEqual((await read(server, denied)).body.state, "expired");
  assertRefused(await issue(server, denied, proofOf(denied)), 410, "registration_session_expired");

  const forgotten = await startRegistration(server, "workos_callback");
  server.clock.advance(899_000);
  assert.equal((await read(server, forgotten)).body.state, "pending_external_auth");
  server.clock.advance(1_000);
  const { status, body } = await read(server, forgotten);
  assert.deepEqual([status, body.state, body.completion], [200, "expired", null]);
  assertRefused(
    await issue(server, forgotten, proofOf(forgotten)),
    410,
    "registration_session_expired",
  );
  const late = await ada.get(new URL(forgotten.handoff.authorization_url).pathname);
  assert.equal(late.status, 404);

  const slow = await startRegistration(server);
  await decide(ada, slow, "approve");
  server.clock.advance(HOUR_MS);
  assert.equal((await read(server, slow)).body.state, "completed", "for good");
  assertRefused(await issue(server, slow, proofOf(slow)), 410, "registration_session_expired");
  server.clock.advance(23 * HOUR_MS);
  await cleaning.clean();
  assert.equal((await read(server, slow)).body.state, "completed", "a day after it was approved");
  server.clock.advance(2 * HOUR_MS);
  await cleaning.clean();
  assertRefused(await read(server, slow), 404, "registration_session_not_found");
  assert.equal(await countKeys(server), 0);
});

onEachHost("what is no proof gives no key, and ten of them end it", async (t, database) => {
  const server = await startSignIn(t, database);
  const ada = await new Visitor(server).signIn("ada@example.org");
  const device = await startRegistration(server);
  const browser = await startRegistration(server, "workos_callback");
  await decide(ada, device, "approve");
  await decide(ada, browser, "approve");
  const { device_code } = device.handoff;
  const { callback_state } = browser.handoff;
  // biome-ignore format: read as a table
  const CASES = [
    [device,  { device_code: "BLUE-FROG-00" }],
    [device,  { device_code: "x" }],
    [device,  { callback_state: device_code }],
    [device,  { callback_state }],
    [browser, { callback_state: `${callback_state}x` }],
    [browser, { callback_state: callback_state.slice(0, 24) }],
    [browser, { device_code }],
  ] as const;
  for (const [session, proof] of CASES) {
    assertRefused(await issue(server, session, proof), 403, "invalid_handoff_proof");
  }
  assertRefused(
    await issue(server, { registration_session_id: "regsess_x" }, { device_code }),
    404,
    "registration_session_not_found",
  );
  assert.equal(
    (await issue(server, device, { device_code: device_code.toLowerCase() })).status,
    201,
  );
  for (let count = 3; count < 10; count++) {
    assertRefused(
      await issue(server, browser, { callback_state: "x" }),
      403,
      "invalid_handoff_proof",
    );
  }
  assertRefused(
    await issue(server, browser, { callback_state }),
    410,
    "registration_session_expired",
  );
  assert.equal(await countKeys(server), 1);
});

onEachHost("bodies are strict, whatever they are called", async (t, database) => {
  const server = await startSignIn(t, database);
  const good = { provider: "workos", auth_flow: "device" };
  // biome-ignore format: read as a table
  const BAD: readonly (object | string)[] = [
    {}, { provider: "workos" }, { auth_flow: "device" }, { ...good, provider: "other" },
    { ...good, auth_flow: "magic" }, { ...good, extra: 1 }, "", "{", "null", "[]", '"device"', "3",
  ];
  for (const body of BAD) {
    assertRefused(await send(server, "POST", SESSIONS, body), 400, "invalid_request");
  }
  const session = await startRegistration(server);
  const { device_code } = session.handoff;
  // biome-ignore format: read as a table
  const PROOFS = [
    {}, { device_code, callback_state: "x" }, { device_code: "" }, { device_code: 3 },
    { device_code, label: 3 }, { device_code, extra: 1 },
  ];
  for (const body of PROOFS) {
    assertRefused(await issue(server, session, body), 400, "invalid_request");
  }
  const plain = await send(server, "POST", SESSIONS, good, { "content-type": "text/plain" });
  assert.equal(plain.status, 201, "the content type is not looked at");
  const large = { ...good, extra: "x".repeat(1_048_576) };
  assertRefused(await send(server, "POST", SESSIONS, large), 413, "payload_too_large");
});

onEachHost(
  "a program is not refused for polling, but for starting without end",
  async (t, database) => {
    const server = await startSignIn(t, database);
    const session = await startRegistration(server);
    for (let count = 0; count < 100; count++) {
      assert.equal((await read(server, session)).status, 200);
    }
    for (let count = 1; count < 60; count++) await startRegistration(server);
    const refused = await send(server, "POST", SESSIONS, {
      provider: "workos",
      auth_flow: "device",
    });
    assertRefused(refused, 429, "rate_limited");
    assert.ok(Number(refused.headers.get("retry-after")) >= 1);
  },
);

onEachHost("other paths and methods are refused in this wire's words", async (t, database) => {
  const server = await startSignIn(t, database);
  assertRefused(await send(server, "GET", "/v1/nothing"), 404, "not_found");
  assertRefused(await send(server, "GET", "/v1/registration/sessions/a/b/c"), 404, "not_found");
  const wrong = await send(server, "DELETE", SESSIONS);
  assertRefused(wrong, 405, "method_not_allowed");
  assert.equal(wrong.headers.get("allow"), "POST");
  assertRefused(await send(server, "GET", `${SESSIONS}/x/api-keys`), 405, "method_not_allowed");
});

onEachHost("neither a session's id nor a state is kept as it came", async (t, database) => {
  const server = await startSignIn(t, database);
  const session = await startRegistration(server, "workos_callback");
  const [row] = await database.query<{ row: string; lookup_hash: Buffer }>(
    "select h::text as row, lookup_hash from handoffs h",
  );
  assert.deepEqual(row?.lookup_hash, sha256(session.registration_session_id));
  assert.ok(!row?.row.includes(session.registration_session_id.slice(8)));
  assert.ok(!row?.row.includes(session.handoff.callback_state.slice(24)));
});

onEachHost(
  "a development server is told who it is; a production server does not listen",
  async (t, database) => {
    const server = await startSignIn(t, database);
    const complete = (session: { registration_session_id: string }, body: object) =>
      send(server, "POST", `${SESSIONS}/${session.registration_session_id}/device/complete`, body);
    const session = await startRegistration(server);
    const { device_code } = session.handoff;
    assertRefused(await complete(session, { device_code }), 400, "invalid_request");
    assertRefused(
      await complete(session, { device_code: "BLUE-FROG-00", primary_email: "eve@example.org" }),
      403,
      "invalid_handoff_proof",
    );
    const done = await complete(session, { device_code, primary_email: "eve@example.org" });
    assert.deepEqual([done.status, done.body.state], [200, "completed"]);
    assert.equal(
      (await complete(session, { device_code, primary_email: "eve@example.org" })).status,
      200,
    );

    const [first, second] = [await startRegistration(server), await startRegistration(server)];
    const as = (started: typeof first) =>
      complete(started, {
        device_code: started.handoff.device_code,
        provider_subject: "Subject 7",
      });
    const [one, two] = [(await as(first)).body.completion, (await as(second)).body.completion];
    assert.equal(one.account_id, two.account_id, "the same subject is the same account");

    const production = await startSignIn(t, database, { mode: "production" });
    const other = await startRegistration(production);
    const refused = await send(
      production,
      "POST",
      `${SESSIONS}/${other.registration_session_id}/device/complete`,
      { device_code: other.handoff.device_code, primary_email: "eve@example.org" },
    );
    assertRefused(refused, 404, "registration_session_not_found");
    assert.equal(
      (await send(production, "GET", `${SESSIONS}/${other.registration_session_id}`)).body.state,
      "pending_external_auth",
    );
  },
);

onEachHost(
  "the operator approves by the words, the id, or what the program was given",
  async (t, database) => {
    const server = await startSignIn(t, database);
    const device = await startRegistration(server);
    const browser = await startRegistration(server, "workos_callback");
    await server.core.handoffs.approveAs("new@example.org", device.handoff.device_code);
    await server.core.handoffs.approveAs("new@example.org", browser.registration_session_id);
    for (const session of [device, browser]) {
      const { completion } = (await read(server, session)).body;
      assert.equal(completion.provider_identity.primary_email, "new@example.org");
      assert.equal(completion.is_new_account, true);
    }
  },
);

onEachHost("the document names each route of this wire, and no other", async (t, database) => {
  const server = await startSignIn(t, database);
  const { status, body } = await send(server, "GET", "/openapi.json");
  assert.deepEqual([status, body.openapi], [200, "3.1.0"]);
  assertRefused(await send(server, "POST", "/openapi.json", {}), 405, "method_not_allowed");
  for (const [path, methods] of Object.entries<object>(body.paths)) {
    const shown = path.replace(/\{\w+\}/g, "x");
    const { headers } = await send(server, "PATCH", shown);
    const allowed = (headers.get("allow") ?? "").split(", ").sort();
    assert.deepEqual(
      allowed,
      Object.keys(methods)
        .map((method) => method.toUpperCase())
        .sort(),
      path,
    );
  }
});
