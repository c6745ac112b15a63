/** `guildhall admin ledger verify`: the line that it prints, and how it fails. */
import assert from "node:assert/strict";
import { inAHall, inEachHall, invoke, registerShouter, startDaemon } from "./hall.ts";
import { answerOf, errorOf, startCloud } from "./support.ts";

inEachHall("the books add up after work was done and money came and went", async (_t, hall) => {
  const provider = await hall.member("provider");
  const { agentId, handler } = await registerShouter(provider);
  await startDaemon(provider, ["--handler-cmd", handler]);
  const ann = await hall.member("ann");
  answerOf(await invoke(ann, agentId, { text: "hi" }));
  answerOf(await ann.guildhall(["topup", "create", "--usd", "1"]));
  const verified = (await hall.told("ledger", "verify")) as Record<string, unknown>;
  assert.equal(verified.ok, true);
  assert.equal(verified.drift_micros, "0");
  assert.deepEqual([verified.transfers, verified.holds], [4, 1]);
  assert.deepEqual(Object.keys(verified), ["ok", "accounts", "transfers", "holds", "drift_micros"]);
  assert.deepEqual(await hall.told("ledger", "verify", "--full"), verified);
  const { code, stdout } = await hall.admin("ledger", "verify", "--human");
  assert.equal(code, 0);
  assert.match(stdout, /The books add up/);
});

inAHall("books that do not add up are an error that says by how much", async (t, hall) => {
  const cloud = await startCloud(t, () => ({
    body: { ok: false, accounts: 9, transfers: 1, holds: 0, drift_micros: "7", problems: ["it"] },
  }));
  const error = errorOf(await hall.admin("ledger", "verify", "--cloud-url", cloud.url));
  assert.equal(error.code, "ledger_drift");
  assert.deepEqual([error.drift_micros, error.problems], ["7", ["it"]]);
});
