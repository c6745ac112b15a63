/** A stand-in of the published client, written in Python, against a real server. */
import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { test } from "node:test";
import { DATABASE_HOSTS, emptyDirectory, isSkipped } from "../support/database.ts";
import { startGuildhall } from "../support/guildhall.ts";
import { isPythonMissing, runClient, SESSIONS, send } from "./support.ts";

for (const host of DATABASE_HOSTS) {
  test(`the published client registers and stores its key (${host})`, async (t) => {
    if ((await isSkipped(t, host)) || isPythonMissing(t)) return;
    const hall = await startGuildhall(t, host, { GUILDHALL_LOG_LEVEL: "debug" });
    const home = await emptyDirectory(t);
    const run = (...args: string[]) => runClient(hall, args, home);

    const probe = await run("probe");
    assert.equal(probe.code, 0, probe.said);
    assert.match(probe.printed.content_type, /^application\/json/, "in lower case");

    const created = await run("create");
    assert.equal(created.code, 0, created.said);
    const id = created.printed.registration_session_id;
    const session = ["--session-id", id];
    assert.equal((await run("status", ...session)).printed.state, "pending_external_auth");
    const early = await run("issue-api-key", ...session);
    assert.deepEqual(
      [early.code, early.said.trim()],
      [1, "the registration is pending_external_auth"],
    );

    const waiting = run("bootstrap", ...session, "--store", "--interval-seconds", "0.1");
    await new Promise((resolve) => setTimeout(resolve, 500));
    await hall.admin("POST", "/handoffs/approve", {
      code: created.printed.handoff.device_code,
      email: "ada@example.org",
    });
    const bootstrap = await waiting;
    assert.equal(bootstrap.code, 0, bootstrap.said);
    const { stored, issued } = bootstrap.printed;
    const profiles = JSON.parse(readFileSync(stored.auth_store_path, "utf8"));
    const profile = profiles.profiles["openmarlin-platform:default"];
    assert.equal(profile.key, issued.secret);
    assert.equal(profile.metadata.workspace_slug, "ada");
    assert.equal(statSync(stored.auth_store_path).mode & 0o777, 0o600);

    const again = await run("issue-api-key", ...session);
    assert.equal(again.code, 1);
    assert.match(again.said, /HTTP 409 .*"error": "api_key_already_issued"/);
    const unknown = await run("status", "--session-id", "regsess_nobody");
    assert.match(unknown.said, /HTTP 404 .*"registration_session_not_found"/);
    assert.ok(!hall.output().includes(id), "no log tells a registration's id");
    assert.match(hall.output(), /regsess_…/);
  });

  test(`the published client registers through a browser, and meets what expires (${host})`, async (t) => {
    if ((await isSkipped(t, host)) || isPythonMissing(t)) return;
    const hall = await startGuildhall(t, host);
    const home = await emptyDirectory(t);
    const run = (...args: string[]) => runClient(hall, args, home);
    const created = await run("create", "--auth-flow", "workos_callback");
    const id = created.printed.registration_session_id;
    await hall.admin("POST", "/handoffs/approve", { code: id, email: "ada@example.org" });
    const watched = await run("watch", "--session-id", id);
    assert.deepEqual([watched.code, watched.printed.state], [0, "completed"]);
    const issued = await run("issue-api-key", "--session-id", id, "--label", "");
    assert.match(issued.printed.secret, /^claw_wsk_/);

    const other = (await run("create")).printed;
    for (let count = 0; count < 10; count++) {
      const path = `${SESSIONS}/${other.registration_session_id}/api-keys`;
      await send(hall, "POST", path, { device_code: "x" });
    }
    const expired = await run("status", "--session-id", other.registration_session_id);
    assert.deepEqual([expired.code, expired.printed.state], [3, "expired"]);
    const late = await run("bootstrap", "--session-id", other.registration_session_id);
    assert.deepEqual([late.code, late.said.trim()], [1, "the registration has expired"]);
  });
}
