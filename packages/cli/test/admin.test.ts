/**
 * The operator's commands, each with the line that it prints. They speak to the server alone, so what
 * does not go down to the database's own ways is shown on one host.
 */
import assert from "node:assert/strict";
import { chmodSync, statSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Visitor } from "../../server/test/sign-in/support.ts";
import { DATABASE_HOSTS, isSkipped } from "../../server/test/support/database.ts";
import { type Hall, invoke, openHall, shouting } from "./hall.ts";
import { answerOf, errorOf, startCloud } from "./support.ts";

type Part = (hall: Hall, t: TestContext) => Promise<void>;

const ON_EACH_HOST: Readonly<Record<string, Part>> = {
  // The first: it counts what is in the books.
  "the books add up after work was done and money came and went": books,
  "money: credits, reversals, vouchers, top-ups and payouts": money,
  "the server says how it is": status,
};
const ON_ONE_HOST: Readonly<Record<string, Part>> = {
  "members are added, suspended and let in again": members,
  "a member is made an operator, and a member again": roles,
  "what a member may spend is answered in full, limits that are gone too": limits,
  "keys of every kind are made, listed without their secret, and revoked": keys,
  "an agent that is suspended is not found and not hired": agents,
  "an amount is a number of dollars above zero": amounts,
  "books that do not add up are an error that says by how much": badBooks,
  // The last: afterwards nobody is the operator.
  "only who may read the operator's key is the operator": operatorKey,
};

for (const host of DATABASE_HOSTS) {
  test(`the operator's commands (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const hall = await openHall(t, host);
    const parts = { ...ON_EACH_HOST, ...(host === "embedded" && ON_ONE_HOST) };
    for (const [says, part] of Object.entries(parts))
      await t.test(says, (inner) => part(hall, inner));
  });
}

async function books(hall: Hall): Promise<void> {
  const { agentId, one, start } = await shouting(hall, "books");
  await start();
  answerOf(await invoke(one, agentId, { text: "hi" }));
  answerOf(await one.guildhall(["topup", "create", "--usd", "1"]));
  const verified = (await hall.told("ledger", "verify")) as Record<string, unknown>;
  assert.equal(verified.ok, true);
  assert.equal(verified.drift_micros, "0");
  assert.deepEqual([verified.transfers, verified.holds], [4, 1]);
  assert.deepEqual(Object.keys(verified), ["ok", "accounts", "transfers", "holds", "drift_micros"]);
  assert.deepEqual(await hall.told("ledger", "verify", "--full"), verified);
  const { code, stdout } = await hall.admin("ledger", "verify", "--human");
  assert.equal(code, 0);
  assert.match(stdout, /The books add up/);
}

async function badBooks(hall: Hall, t: TestContext): Promise<void> {
  const cloud = await startCloud(t, () => ({
    body: { ok: false, accounts: 9, transfers: 1, holds: 0, drift_micros: "7", problems: ["it"] },
  }));
  const error = errorOf(await hall.admin("ledger", "verify", "--cloud-url", cloud.url));
  assert.equal(error.code, "ledger_drift");
  assert.deepEqual([error.drift_micros, error.problems], ["7", ["it"]]);
}

async function members(hall: Hall): Promise<void> {
  const create = (email: string, ...more: string[]) =>
    hall.admin("member", "create", "--email", email, ...more);
  const made = answerOf(await create("Una@Example.org", "--handle", "una-b")) as Made;
  assert.deepEqual(Object.keys(made), ["user_id", "workspace_id"]);
  assert.equal(made.user_id, `usr_${made.workspace_id}`);
  assert.equal(errorOf(await create("una@example.org")).code, "conflict");
  assert.equal(errorOf(await create("nonsense")).code, "invalid_request");

  const bob = await hall.member("bob");
  const turn = (verb: string, email = "bob@example.org") =>
    hall.admin("member", verb, "--email", email);
  assert.equal((answerOf(await turn("suspend")) as Made).state, "suspended");
  assert.equal(errorOf(await bob.linkedclaw(["credits"])).code, "suspended");
  assert.equal((answerOf(await turn("resume")) as Made).state, "active");
  answerOf(await bob.linkedclaw(["credits"]));
  assert.equal(errorOf(await turn("suspend", "nobody@example.org")).code, "not_found");
}

async function roles(hall: Hall): Promise<void> {
  const email = "olga@example.org";
  await hall.server.member(email);
  const olga = await new Visitor({ url: hall.server.url }).signIn(email);
  const role = (...args: string[]) => hall.admin("member", "role", "--email", ...args);
  assert.equal((await olga.get("/app/invite")).status, 404, "for others there is no such page");
  const made = answerOf(await role(email, "--role", "operator")) as Made;
  assert.deepEqual([made.email, made.role], [email, "operator"]);
  assert.equal((await olga.get("/app/invite")).status, 200);
  assert.equal((answerOf(await role(email, "--role", "member")) as Made).role, "member");
  assert.equal((await olga.get("/app/invite")).status, 404);
  errorOf(await role(email, "--role", "king"), 2);
  errorOf(await role(email), 2);
  assert.equal(errorOf(await role("no@example.org", "--role", "member")).code, "not_found");
}

async function limits(hall: Hall): Promise<void> {
  const email = "lena@example.org";
  await hall.server.member(email);
  const limit = async (...args: string[]) =>
    (await hall.told("member", "limit", "--email", email, ...args)).limits as unknown;
  const none = { daily_usd: null, monthly_usd: null, prepaid_usd: null };
  const usual = { ...none, chain_ceiling_usd: "10" };
  assert.deepEqual(await limit("--daily-usd", "5"), { ...usual, daily_usd: "5" });
  // A limit that is not given is none; the ceiling stays.
  assert.deepEqual(await limit("--chain-ceiling-usd", "3"), { ...none, chain_ceiling_usd: "3" });
  assert.deepEqual(await limit("--monthly-usd", "0.5"), {
    ...none,
    ...{ monthly_usd: "0.5", chain_ceiling_usd: "3" },
  });
}

async function keys(hall: Hall): Promise<void> {
  const kate = await hall.member("kate");
  const email = ["--email", "kate@example.org"];
  const create = (kind: string, ...more: string[]) =>
    hall.admin("key", "create", ...email, "--kind", kind, ...more);
  const kinds = ["lc", "claw_wsk", "mrg", "cllk_live", "shk", "gld"];
  await Promise.all(
    kinds.map(async (kind) => {
      const made = answerOf(await create(kind, "--label", `a ${kind}`)) as Made;
      assert.deepEqual(Object.keys(made), ["key", "key_id"]);
      assert.ok(made.key?.startsWith(`${kind}_`));
    }),
  );
  const { stdout } = await hall.admin("key", "list", ...email);
  const listed = (JSON.parse(stdout) as { keys: Made[] }).keys;
  assert.equal(listed.length, 7);
  assert.doesNotMatch(stdout, /_[A-Za-z0-9]{16}/, "no secret is shown again");
  const forPeople = await hall.admin("key", "list", ...email, "--human");
  assert.doesNotMatch(forPeople.stdout, /^\{/);

  const used = listed.find(({ label }) => label === "made by the operator");
  assert.equal((await hall.told("key", "revoke", used?.key_id ?? "")).state, "revoked");
  assert.equal(errorOf(await kate.linkedclaw(["whoami"])).code, "invalid_api_key");
  for (const id of ["nonsense", "0".repeat(24)]) {
    assert.equal(errorOf(await hall.admin("key", "revoke", id)).code, "not_found");
  }
  const strangers = ["--agent", `agt_${"0".repeat(24)}`];
  assert.equal(errorOf(await create("lc", ...strangers)).code, "not_found");
  errorOf(await create("other"), 2);
}

async function agents(hall: Hall): Promise<void> {
  const { agentId, one: guy, start } = await shouting(hall, "suspended");
  await start();
  answerOf(await invoke(guy, agentId, { text: "hi" }));
  assert.equal((await hall.told("agent", "suspend", agentId)).state, "suspended");
  assert.equal(errorOf(await invoke(guy, agentId, { text: "hi" })).http_status, 404);
  const found = answerOf(await guy.linkedclaw(["search", "text.shout.v1"])) as Made[];
  assert.ok(found.every(({ agent_id }) => agent_id !== agentId));
  assert.equal((await hall.told("agent", "resume", agentId)).state, "active");
  const nobody = await hall.admin("agent", "suspend", `agt_${"0".repeat(24)}`);
  assert.equal(errorOf(nobody).code, "not_found");
}

async function money(hall: Hall): Promise<void> {
  const ann = await hall.member("ann");
  const email = ["--email", "ann@example.org"];
  const credited = await hall.told("credit", ...email, "--usd", "10", "--reason", "welcome");
  assert.deepEqual(Object.keys(credited), ["transfer_id", "balance_usd"]);
  assert.equal(credited.balance_usd, "110");
  await hall.told("transfer", "reverse", credited.transfer_id ?? "", "--reason", "by mistake");

  const voucher = await hall.told("voucher", "create", "--usd", "5", "--expires", "2099-01-31");
  assert.deepEqual(Object.keys(voucher), ["code"]);
  const redeemed = answerOf(await ann.guildhall(["redeem", voucher.code?.toLowerCase() ?? ""]));
  assert.equal((redeemed as Made).available_usd, "105");
  assert.equal(errorOf(await ann.guildhall(["redeem", "GUESSED"])).code, "not_found");
  errorOf(await hall.admin("voucher", "create", "--usd", "5", "--expires", "soon"), 2);
  const past = await hall.admin("voucher", "create", "--usd", "5", "--expires", "2001-01-31");
  assert.equal(errorOf(past).code, "invalid_request");

  const pending = answerOf(await ann.guildhall(["topup", "create", "--usd", "20", "--pending"]));
  const { topup_id, state } = pending as { topup_id: string; state: string };
  assert.equal(state, "pending");
  assert.deepEqual(await hall.told("topup", "pay", topup_id), { state: "paid" });
  const shown = answerOf(await ann.guildhall(["topup", "show", topup_id])) as Made;
  assert.deepEqual([shown.state, shown.rail], ["paid", "dev"]);
  assert.equal(errorOf(await ann.guildhall(["topup", "show", "nothing"])).code, "not_found");
  const card = await ann.guildhall(["topup", "create", "--usd", "20", "--rail", "stripe"]);
  assert.equal(errorOf(card).code, "forbidden", "this server takes no cards");
  const referrals = answerOf(await ann.guildhall(["referrals"])) as Made;
  assert.match(referrals.code ?? "", /^[A-Z2-9]{8}$/);
  assert.deepEqual(await hall.told("dispute", "list"), { disputes: [] });
  const nothing = await hall.admin("dispute", "release", "0".repeat(24));
  assert.equal(errorOf(nothing).code, "not_found");
  const list = answerOf(await ann.guildhall(["payout", "list"])) as Made;
  assert.equal(list.payable_usd, "20");
  const request = (usd: string) => ann.guildhall(["payout", "request", "--usd", usd]);
  const { payout_id } = answerOf(await request("20")) as { payout_id: string };
  assert.equal(errorOf(await request("0.01")).code, "insufficient_funds");
  const payouts = async (...more: string[]) =>
    (answerOf(await hall.admin("payout", "list", ...more)) as { payouts: Made[] }).payouts;
  const facts = ({ email, state, usd }: Made) => [email, state, usd];
  const asked = ["ann@example.org", "requested", "20"];
  assert.deepEqual((await payouts()).map(facts), [asked]);
  assert.equal((await hall.told("payout", "mark-paid", payout_id)).state, "paid");
  assert.deepEqual(await payouts(), [], "nothing waits any more");
  assert.deepEqual((await payouts("--all")).map(facts), [["ann@example.org", "paid", "20"]]);
  const forPeople = await hall.admin("payout", "list", "--human");
  assert.equal(forPeople.stdout, "No payouts wait.\n");

  const { transfers } = answerOf(await ann.guildhall(["wallet", "transfers"])) as {
    transfers: { kind: string; direction: string; amount_usd: string }[];
  };
  assert.deepEqual(
    transfers.map(({ kind, direction, amount_usd }) => [kind, direction, amount_usd]),
    [
      ["payout", "out", "20"],
      ["topup", "in", "20"],
      ["voucher", "in", "5"],
      ["reversal", "out", "10"],
      ["credit", "in", "10"],
      ["play", "in", "100"],
    ],
  );
}

async function amounts(hall: Hall): Promise<void> {
  const credit = ["credit", "--email", "ann@example.org", "--usd"];
  const wrong = ["0", "-1", "1e3", "ten", "0.0000001"];
  await Promise.all(wrong.map(async (usd) => errorOf(await hall.admin(...credit, usd), 2)));
}

async function status(hall: Hall): Promise<void> {
  const said = await hall.told("status");
  for (const part of ["server", "storage", "providers_online", "queue", "work", "holds"]) {
    assert.ok(part in said, part);
  }
  const { code, stdout } = await hall.admin("status", "--human");
  assert.equal(code, 0);
  assert.doesNotMatch(stdout, /^\{/);
}

async function operatorKey(hall: Hall): Promise<void> {
  const path = join(hall.server.dataDirectory, "operator.key");
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const eve = await hall.member("eve");
  const env = { GUILDHALL_DATA_DIR: join(eve.home, "nothing") };
  const lost = await eve.guildhall(["admin", "status"], { env });
  assert.equal(errorOf(lost).code, "operator_key_missing");
  const directory = ["--data-dir", hall.server.dataDirectory];
  answerOf(await eve.guildhall(["admin", ...directory, "status"], { env }));
  const far = await hall.operator.guildhall(["admin", "status", "--cloud-url", "http://192.0.2.1"]);
  assert.equal(errorOf(far).code, "insecure_address");
  chmodSync(path, 0o644);
  assert.equal(errorOf(await hall.admin("status")).code, "config_insecure_permissions");
}

/** What an operator's command prints. */
type Made = Readonly<Record<string, string | undefined>>;
