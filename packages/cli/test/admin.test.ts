/** The operator's commands, each with the line that it prints. */
import assert from "node:assert/strict";
import { chmodSync, statSync } from "node:fs";
import { join } from "node:path";
import { inAHall, inEachHall, invoke, registerShouter, startDaemon } from "./hall.ts";
import { answerOf, errorOf } from "./support.ts";

inAHall("members are added, suspended and let in again", async (_t, hall) => {
  const made = await hall.told(
    "member",
    "create",
    "--email",
    "Ann@Example.org",
    "--handle",
    "ann-b",
  );
  assert.deepEqual(Object.keys(made), ["user_id", "workspace_id"]);
  assert.equal(made.user_id, `usr_${made.workspace_id}`);
  const again = await hall.admin("member", "create", "--email", "ann@example.org");
  assert.equal(errorOf(again).code, "conflict");
  const bad = await hall.admin("member", "create", "--email", "nonsense");
  assert.equal(errorOf(bad).code, "invalid_request");

  const bob = await hall.member("bob");
  assert.equal(
    (await hall.told("member", "suspend", "--email", "bob@example.org")).state,
    "suspended",
  );
  assert.equal(errorOf(await bob.linkedclaw(["credits"])).code, "suspended");
  assert.equal((await hall.told("member", "resume", "--email", "bob@example.org")).state, "active");
  answerOf(await bob.linkedclaw(["credits"]));
  const nobody = await hall.admin("member", "suspend", "--email", "nobody@example.org");
  assert.equal(errorOf(nobody).code, "not_found");
});

inAHall(
  "keys of every kind are made, listed without their secret, and revoked",
  async (_t, hall) => {
    const ann = await hall.member("ann");
    const email = ["--email", "ann@example.org"];
    for (const kind of ["lc", "claw_wsk", "mrg", "cllk_live", "shk", "gld"]) {
      const made = await hall.told(
        "key",
        "create",
        ...email,
        "--kind",
        kind,
        "--label",
        `a ${kind}`,
      );
      assert.deepEqual(Object.keys(made), ["key", "key_id"]);
      assert.ok(made.key?.startsWith(`${kind}_`));
    }
    const { stdout } = await hall.admin("key", "list", ...email);
    const { keys } = JSON.parse(stdout) as { keys: Record<string, string>[] };
    assert.equal(keys.length, 7);
    assert.doesNotMatch(stdout, /_[A-Za-z0-9]{16}/, "no secret is shown again");

    const used = keys.find(({ label }) => label === "made by the operator");
    assert.equal((await hall.told("key", "revoke", used?.key_id ?? "")).state, "revoked");
    assert.equal(errorOf(await ann.linkedclaw(["whoami"])).code, "invalid_api_key");
    for (const id of ["nonsense", "0".repeat(24)]) {
      assert.equal(errorOf(await hall.admin("key", "revoke", id)).code, "not_found");
    }
    const strangers = ["--agent", `agt_${"0".repeat(24)}`];
    const notTheirs = await hall.admin("key", "create", ...email, "--kind", "lc", ...strangers);
    assert.equal(errorOf(notTheirs).code, "not_found");
    errorOf(await hall.admin("key", "create", ...email, "--kind", "other"), 2);
  },
);

inAHall("an agent that is suspended is not found and not hired", async (_t, hall) => {
  const provider = await hall.member("provider");
  const { agentId, handler } = await registerShouter(provider);
  await startDaemon(provider, ["--handler-cmd", handler]);
  const ann = await hall.member("ann");
  answerOf(await invoke(ann, agentId, { text: "hi" }));
  assert.equal((await hall.told("agent", "suspend", agentId)).state, "suspended");
  assert.equal(errorOf(await invoke(ann, agentId, { text: "hi" })).http_status, 404);
  assert.deepEqual(answerOf(await ann.linkedclaw(["search", "text.shout.v1"])), []);
  assert.equal((await hall.told("agent", "resume", agentId)).state, "active");
  const nobody = await hall.admin("agent", "suspend", `agt_${"0".repeat(24)}`);
  assert.equal(errorOf(nobody).code, "not_found");
});

inEachHall("money: credits, reversals, vouchers, top-ups and payouts", async (_t, hall) => {
  const ann = await hall.member("ann");
  const email = ["--email", "ann@example.org"];
  const credited = await hall.told("credit", ...email, "--usd", "10", "--reason", "welcome");
  assert.deepEqual(Object.keys(credited), ["transfer_id", "balance_usd"]);
  assert.equal(credited.balance_usd, "110");
  await hall.told("transfer", "reverse", credited.transfer_id ?? "", "--reason", "by mistake");

  const voucher = await hall.told("voucher", "create", "--usd", "5", "--expires", "2099-01-31");
  assert.deepEqual(Object.keys(voucher), ["code"]);
  const redeemed = answerOf(await ann.guildhall(["redeem", voucher.code?.toLowerCase() ?? ""]));
  assert.equal((redeemed as { available_usd: string }).available_usd, "105");
  assert.equal(errorOf(await ann.guildhall(["redeem", "GUESSED"])).code, "not_found");
  errorOf(await hall.admin("voucher", "create", "--usd", "5", "--expires", "soon"), 2);
  const past = await hall.admin("voucher", "create", "--usd", "5", "--expires", "2001-01-31");
  assert.equal(errorOf(past).code, "invalid_request");

  const pending = answerOf(await ann.guildhall(["topup", "create", "--usd", "20", "--pending"]));
  const { topup_id, state } = pending as { topup_id: string; state: string };
  assert.equal(state, "pending");
  assert.deepEqual(await hall.told("topup", "pay", topup_id), { state: "paid" });
  const list = answerOf(await ann.guildhall(["payout", "list"])) as { payable_usd: string };
  assert.equal(list.payable_usd, "20");
  const asked = answerOf(await ann.guildhall(["payout", "request", "--usd", "20"]));
  const { payout_id } = asked as { payout_id: string };
  assert.equal(
    errorOf(await ann.guildhall(["payout", "request", "--usd", "0.01"])).code,
    "insufficient_funds",
  );
  const waiting = (await hall.told("payout", "list")) as unknown as {
    payouts: { email: string }[];
  };
  assert.deepEqual(
    waiting.payouts.map(({ email }) => email),
    ["ann@example.org"],
  );
  assert.equal((await hall.told("payout", "mark-paid", payout_id)).state, "paid");
  assert.deepEqual(((await hall.told("payout", "list")) as unknown as typeof waiting).payouts, []);

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
  for (const usd of ["0", "-1", "1e3", "ten", "0.0000001"]) {
    errorOf(await hall.admin("credit", ...email, "--usd", usd), 2);
  }
});

inEachHall("the server says how it is", async (_t, hall) => {
  await hall.member("ann");
  const status = (await hall.told("status")) as unknown as Record<string, Record<string, unknown>>;
  for (const part of ["server", "storage", "providers_online", "queue", "work", "holds"]) {
    assert.ok(part in status, part);
  }
  for (const args of [
    ["status"],

    ["key", "list", "--email", "ann@example.org"],
  ]) {
    const { code, stdout } = await hall.admin(...args, "--human");
    assert.equal(code, 0);
    assert.doesNotMatch(stdout, /^\{/);
  }
});

inAHall("only who may read the operator's key is the operator", async (_t, hall) => {
  const path = join(hall.server.dataDirectory, "operator.key");
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const ann = await hall.member("ann");
  const elsewhere = { GUILDHALL_DATA_DIR: join(ann.home, "nothing") };
  const lost = await ann.guildhall(["admin", "status"], { env: elsewhere });
  assert.equal(errorOf(lost).code, "operator_key_missing");
  answerOf(
    await ann.guildhall(["admin", "--data-dir", hall.server.dataDirectory, "status"], {
      env: elsewhere,
    }),
  );
  const far = await hall.operator.guildhall(["admin", "status", "--cloud-url", "http://192.0.2.1"]);
  assert.equal(errorOf(far).code, "insecure_address");
  chmodSync(path, 0o644);
  assert.equal(errorOf(await hall.admin("status")).code, "config_insecure_permissions");
});
