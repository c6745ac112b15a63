import assert from "node:assert/strict";
import { onEachHost } from "../support/database.ts";
import { openBank, totalMicros } from "./support.ts";

const USD = 1_000_000n;
const PLAY = 100n * USD;

onEachHost("a code is worth its money once, to whoever is first", async (t, database) => {
  const { member, vouchers, wallets } = openBank(t, database);
  const people = await Promise.all(["alice", "bob", "carol", "dave"].map((name) => member(name)));
  const { code } = await vouchers.create({ amountMicros: 5n * USD });

  const tries = people.flatMap((one) => [one, one]).map((one) => vouchers.redeem(one, code));
  const outcomes = await Promise.allSettled(tries);
  const balances = await Promise.all(people.map((one) => wallets.balance(one)));
  const richer = balances.filter(({ postedMicros }) => postedMicros === PLAY + 5n * USD);
  assert.equal(richer.length, 1);
  assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 2);
  for (const outcome of outcomes) {
    if (outcome.status === "rejected") assert.equal(outcome.reason.code, "conflict");
  }
  assert.equal(await totalMicros(database), 0n);
});

onEachHost("a code can be typed in as people type", async (t, database) => {
  const { member, vouchers } = openBank(t, database);
  const alice = await member("alice");
  await vouchers.create({ amountMicros: USD, code: "WELCOME-2026" });
  const { amountMicros, balance } = await vouchers.redeem(alice, " welcome 2026");
  assert.deepEqual([amountMicros, balance?.postedMicros], [USD, PLAY + USD]);
  await assert.rejects(vouchers.create({ amountMicros: USD, code: "welcome2026" }), {
    code: "conflict",
  });
});

onEachHost("a code that has expired is worth nothing", async (t, database) => {
  const { member, vouchers, wallets, clock } = openBank(t, database);
  const alice = await member("alice");
  const expiresAt = new Date(clock.at.getTime() + 1000);
  const { code } = await vouchers.create({ amountMicros: USD, expiresAt });
  clock.at = expiresAt;
  await assert.rejects(vouchers.redeem(alice, code), { code: "conflict" });
  await assert.rejects(vouchers.create({ amountMicros: USD, expiresAt }), {
    code: "invalid_request",
  });
  assert.equal((await wallets.balance(alice)).postedMicros, PLAY);
});

onEachHost("guessing is stopped, and a good code is no guess", async (t, database) => {
  const { member, vouchers, clock } = openBank(t, database);
  const alice = await member("alice");
  const { code } = await vouchers.create({ amountMicros: USD });
  for (let guess = 0; guess < 10; guess++) {
    await vouchers.redeem(alice, code);
    await assert.rejects(vouchers.redeem(alice, `GUESS${guess}`), { code: "not_found" });
    clock.at = new Date(clock.at.getTime() + 1);
  }
  await assert.rejects(vouchers.redeem(alice, "GUESS11"), { code: "rate_limited" });
});

onEachHost("good codes that are typed in at the same time are no guesses", async (t, database) => {
  const { member, vouchers, wallets } = openBank(t, database);
  const alice = await member("alice");
  const made = Array.from({ length: 15 }, () => vouchers.create({ amountMicros: USD }));
  const codes = (await Promise.all(made)).map(({ code }) => code);
  await Promise.all(codes.map((code) => vouchers.redeem(alice, code)));
  assert.equal((await wallets.balance(alice)).postedMicros, PLAY + 15n * USD);
  // Wrong ones at the same time are still no more than ten.
  const guesses = Array.from({ length: 15 }, (_, guess) => vouchers.redeem(alice, `GUESS${guess}`));
  const outcomes = await Promise.allSettled(guesses);
  const refused = outcomes.filter(
    (outcome) => outcome.status === "rejected" && outcome.reason.code === "rate_limited",
  );
  assert.equal(refused.length, 5);
});
