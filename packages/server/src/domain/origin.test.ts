import assert from "node:assert/strict";
import { test } from "node:test";
import { HOUSE_ACCOUNTS } from "./account.ts";
import { afterPaying, afterReceiving, NO_MONEY, type Origin, payoutOf } from "./origin.ts";

const { bought, fees, grant, losses, payouts, play, referral, voucher } = HOUSE_ACCOUNTS;
const WALLET = "0197a0000000aaaaaaaaaaaa";

// biome-ignore format: read as a table
const RECEIVED = [
  // from      reference    earned  gift   why
  [ bought,    "topup",     10n,    0n,    "bought money may be paid out" ],
  [ WALLET,    WALLET,      10n,    0n,    "so may what another wallet paid for work" ],
  [ play,      "play",      0n,     10n,   "play money may not" ],
  [ grant,     "credit",    0n,     10n,   "nor the operator's gift" ],
  [ voucher,   "voucher",   0n,     10n,   "nor a voucher" ],
  [ referral,  "referral",  0n,     10n,   "nor a referral" ],
  [ losses,    "reversal",  0n,     10n,   "nor what the house pays out of its own pocket" ],
  [ fees,      "reversal",  0n,     10n,   "nor a fee that comes back" ],
  [ WALLET,    "reversal",  0n,     10n,   "nor a price that comes back: nobody knows what it was" ],
] as const;

for (const [fromAccountId, reference, earnedMicros, giftMicros, why] of RECEIVED) {
  test(`received: ${why}`, () => {
    const transfer = { reference, fromAccountId, amountMicros: 10n };
    assert.deepEqual(afterReceiving(NO_MONEY, transfer), { earnedMicros, giftMicros });
  });
}

// biome-ignore format: read as a table
const PAID = [
  // earned gift  to        paid   earned gift  of it given   why
  [ 10n,    4n,   WALLET,   3n,    10n,   1n,   3n,           "spending takes gifts first" ],
  [ 10n,    4n,   WALLET,   6n,    8n,    0n,   4n,           "and then what was earned" ],
  [ 10n,    4n,   fees,     4n,    10n,   0n,   4n,           "a fee is spending" ],
  [ 10n,    4n,   grant,    4n,    10n,   0n,   4n,           "a gift that is taken back was a gift" ],
  [ 10n,    4n,   payouts,  10n,   0n,    4n,   0n,           "a payout takes what was earned" ],
  [ 10n,    4n,   payouts,  11n,   0n,    3n,   1n,           "one beyond it shows by what it takes of the gifts" ],
  [ 10n,    4n,   bought,   12n,   0n,    2n,   2n,           "a purchase that is taken back takes what was bought" ],
] as const;

for (const [earned, gift, toAccountId, amountMicros, earnedAfter, giftAfter, given, why] of PAID) {
  test(`paid: ${why}`, () => {
    const before: Origin = { earnedMicros: earned, giftMicros: gift };
    const after = afterPaying(before, { toAccountId, amountMicros });
    assert.deepEqual(after.origin, { earnedMicros: earnedAfter, giftMicros: giftAfter });
    assert.equal(after.giftMicros, given);
  });
}

test("a wallet cannot pay what it does not have", () => {
  const before = { earnedMicros: 1n, giftMicros: 1n };
  assert.throws(() => afterPaying(before, { toAccountId: fees, amountMicros: 3n }));
});

test("a payout that comes back is what it was before", () => {
  const { origin, giftMicros } = afterPaying(
    { earnedMicros: 5n, giftMicros: 5n },
    { toAccountId: payouts, amountMicros: 7n },
  );
  const back = { reference: "reversal", fromAccountId: payouts, amountMicros: 7n };
  assert.deepEqual(afterReceiving(origin, back, giftMicros), { earnedMicros: 5n, giftMicros: 5n });
});

// biome-ignore format: read as a table
const PAYOUTS = [
  [ "payout",   "p1",        "p1" ],
  [ "reversal", "payout:p1", "p1" ],
  [ "reversal", "topup:p1",  undefined ],
  [ "topup",    "payout:p1", undefined ],
] as const;

for (const [reference, name, id] of PAYOUTS) {
  test(`${reference} ${name} is about payout ${id}`, () => {
    assert.equal(payoutOf({ reference, name }), id);
  });
}
