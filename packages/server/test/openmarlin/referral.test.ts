/** Referrals (contract §8.6): by a program's word, by a link in a browser, and what they are worth. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { issueKey } from "../../src/core/key.ts";
import { systemRandom } from "../../src/lib/random.ts";
import { type SignInServer, startSignIn, Visitor } from "../sign-in/support.ts";
import { DATABASE_HOSTS, emptyDirectory, isSkipped, onEachHost } from "../support/database.ts";
import { type Guildhall, type Member, startGuildhall } from "../support/guildhall.ts";
import { invoke, sell } from "../support/hire.ts";
import { accountOf, assertBooks, assertSumIsBalance, openAccount, PLAY_CREDITS } from "./money.ts";
import { assertRefused, isPythonMissing, runClient, SESSIONS, send } from "./support.ts";

const ME = "/v1/referrals/me";
const REWARD_CREDITS = 100;

/** Registers over the wire, approved by the operator as this person. */
async function register(
  hall: Guildhall,
  email: string,
  referralCode?: string | null,
): Promise<void> {
  const started = await send(hall, "POST", SESSIONS, {
    ...{ provider: "workos", auth_flow: "device" },
    ...(referralCode !== undefined && { referral_code: referralCode }),
  });
  assert.equal(started.status, 201, JSON.stringify(started.body));
  await hall.admin("POST", "/handoffs/approve", {
    code: started.body.handoff.device_code,
    email,
  });
}

/** A member that is there already, as one who hires. */
async function payerOf(hall: Guildhall, email: string): Promise<Member> {
  const made = await hall.admin("POST", "/keys", { email, kind: "lc" });
  const key = String(made.key);
  return {
    ...{ email, key, keyId: String(made.key_id), workspaceId: "" },
    async ask(method, path, body) {
      const response = await fetch(`${hall.url}/api/v1${path}`, {
        method,
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      return { status: response.status, body: await response.json(), headers: response.headers };
    },
  };
}

for (const host of DATABASE_HOSTS) {
  test(`who brings somebody that pays is rewarded, once (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const hall = await startGuildhall(t, host);
    const ada = await openAccount(hall, "ada@example.org");
    const seller = await sell(t, hall);
    const { body: mine } = await ada.ask("GET", ME);
    assert.match(mine.referral_code, /^[A-Z2-9]{8}$/);
    assert.equal(mine.referral_link, `${hall.url}/r/${mine.referral_code}`);
    assert.deepEqual(mine.summary, { signed_up_count: 0, qualified_count: 0, rewarded_count: 0 });
    const summary = async () => Object.values((await ada.ask("GET", ME)).body.summary);

    await register(hall, "bob@example.org", mine.referral_code.toLowerCase());
    assert.deepEqual(await summary(), [1, 0, 0]);
    const bob = await payerOf(hall, "bob@example.org");
    const failing = await invoke(bob, seller.agentId, { capability: "nothing" });
    assert.notEqual(failing.status, 200);
    assert.deepEqual(await summary(), [1, 0, 0], "nothing was paid for");

    assert.equal((await invoke(bob, seller.agentId)).status, 200);
    const answers = await Promise.all(Array.from({ length: 10 }, summary));
    assert.deepEqual(answers.at(-1), [1, 1, 1]);
    assert.equal((await invoke(bob, seller.agentId)).status, 200);
    assert.deepEqual(await summary(), [1, 1, 1]);
    assert.equal(await ada.balance(), PLAY_CREDITS + REWARD_CREDITS);
    const rewards = (await ada.list("/v1/ledger")).filter(({ type }) => type === "referral_reward");
    assert.deepEqual(
      rewards.map(({ status, amount }) => [status, amount.amount]),
      [["posted", REWARD_CREDITS]],
    );
    await assertSumIsBalance(ada);
    await assertBooks(hall);
  });

  test(`only who is new counts, once, and nobody brings oneself (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const hall = await startGuildhall(t, host);
    const [ada, eve] = [
      await openAccount(hall, "ada@example.org"),
      await openAccount(hall, "eve@example.org"),
    ];
    const code = async (who: typeof ada) => (await who.ask("GET", ME)).body.referral_code;
    const [adas, eves] = [await code(ada), await code(eve)];
    assert.notEqual(adas, eves);
    assert.equal(await code(ada), adas, "a code stays");
    const signedUp = async (who: typeof ada) =>
      (await who.ask("GET", ME)).body.summary.signed_up_count;

    await register(hall, "ada@example.org", adas);
    await register(hall, "eve@example.org", adas);
    assert.equal(await signedUp(ada), 0, "they were members already");
    await register(hall, "bob@example.org", adas);
    await register(hall, "bob@example.org", eves);
    assert.deepEqual([await signedUp(ada), await signedUp(eve)], [1, 0], "the first one stays");
    for (const [index, unknown] of ["ABCDEFGH", "", "x", "'; --", "0OIL1000", null].entries()) {
      await register(hall, `new${index}@example.org`, unknown);
    }
    assert.deepEqual([await signedUp(ada), await signedUp(eve)], [1, 0]);
    for (const bad of [5, true, ["x"], { code: adas }, "x".repeat(65)]) {
      const reply = await send(hall, "POST", SESSIONS, {
        ...{ provider: "workos", auth_flow: "device", referral_code: bad },
      });
      assertRefused(reply, 400, "invalid_request");
    }
    assertRefused(await send(hall, "GET", ME), 401, "missing_api_key");
    await assertBooks(hall);
  });
}

async function codeOf(server: SignInServer, email: string) {
  const member = await server.core.members.create({ email });
  const { caller } = await server.core.callers.ofMember(member.id);
  const mine = () => server.core.referrals.mine(caller);
  return { member, caller, code: (await mine()).code, mine };
}

onEachHost("a link brings whoever signs up in the same browser", async (t, database) => {
  const server = await startSignIn(t, database);
  const ada = await codeOf(server, "ada@example.org");
  const eve = await codeOf(server, "eve@example.org");
  server.clock.advance(1);

  const bob = new Visitor(server);
  const landed = await bob.get(`/r/${ada.code.toLowerCase()}`);
  assert.deepEqual([landed.status, landed.headers.get("location")], [303, "/app/sign-in"]);
  assert.match(landed.headers.get("set-cookie") ?? "", /guildhall-referral=.*HttpOnly/i);
  await bob.get(`/r/${eve.code}`);
  await bob.signIn("bob@example.org");
  assert.equal((await bob.get("/app")).status, 200);
  assert.equal((await ada.mine()).counts.signedUp, 1, "the first link counts");
  assert.equal((await eve.mine()).counts.signedUp, 0);

  const old = new Visitor(server);
  await old.get(`/r/${ada.code}`);
  await old.signIn("eve@example.org");
  await old.get("/app");
  assert.equal((await ada.mine()).counts.signedUp, 1, "Eve was a member already");

  const self = new Visitor(server);
  await self.get(`/r/${ada.code}`);
  await self.signIn("ada@example.org");
  await self.get("/app");
  assert.equal((await ada.mine()).counts.signedUp, 1);

  const stranger = new Visitor(server);
  for (const code of ["ABCDEFGH", "x", "%00", "..%2F..%2Fapp", "a".repeat(2_000)]) {
    const response = await stranger.get(`/r/${code}`);
    assert.deepEqual([response.status, response.headers.get("location")], [303, "/app/sign-in"]);
    assert.equal(response.headers.get("set-cookie"), null);
  }
});

onEachHost("a forged or old visit brings nobody", async (t, database) => {
  const server = await startSignIn(t, database);
  const ada = await codeOf(server, "ada@example.org");
  const eve = await codeOf(server, "eve@example.org");
  const landed = await fetch(`${server.url}/r/${ada.code}`, { redirect: "manual" });
  const cookie = (landed.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  const [name, value = ""] = cookie.split("=");
  const [code, since, signature] = value.split(".");
  const forged = [
    `${eve.code}.${since}.${signature}`,
    `${code}.0.${signature}`,
    `${code}.${since}.`,
    `${code}.${since}`,
    "",
    "...",
  ];
  for (const [index, text] of forged.entries()) {
    const visitor = new Visitor(server);
    await visitor.signIn(`new${index}@example.org`);
    const session = `guildhall.session_token=${visitor.cookie("guildhall.session_token")}`;
    const headers = { cookie: `${session}; ${name}=${text}` };
    const response = await fetch(`${server.url}/app`, { headers, redirect: "manual" });
    assert.equal(response.status, 200);
  }
  assert.deepEqual(
    [(await ada.mine()).counts.signedUp, (await eve.mine()).counts.signedUp],
    [0, 0],
  );
});

onEachHost("a key whose account is gone is told so", async (t, database) => {
  const server = await startSignIn(t, database);
  const { member } = await codeOf(server, "ada@example.org");
  const { secret } = await database.transaction((tx) =>
    issueKey(tx, server.clock, systemRandom, {
      ...{ workspaceId: member.workspaceId, kind: "claw_wsk", label: "test" },
    }),
  );
  const ask = () => send(server, "GET", ME, undefined, { authorization: `Bearer ${secret}` });
  assert.equal((await ask()).status, 200);
  await database.query("delete from members where id = $1", [member.id]);
  assertRefused(await ask(), 403, "account_missing");
});

test("the published client tells its person the code", async (t) => {
  if (isPythonMissing(t)) return;
  const hall = await startGuildhall(t, "any", { GUILDHALL_REFERRAL_REWARD_USD: "0" });
  const ada = accountOf(hall, await hall.member("ada@example.org"));
  const args = ["referral-link", "--api-key", ada.key];
  const told = await runClient(hall, args, await emptyDirectory(t));
  assert.equal(told.code, 0, told.said);
  assert.equal(told.printed.referral.summary.rewarded_count, 0);
});
