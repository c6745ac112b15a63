/** Whatever is given, bought and paid: how much of it may ever leave (docs/decisions/0065). */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HOUSE_ACCOUNTS } from "../../src/domain/account.ts";
import { afterPaying, afterReceiving, NO_MONEY } from "../../src/domain/origin.ts";

const { bought, grant, play, voucher } = HOUSE_ACCOUNTS;

test("what may be paid out is bounded by what was bought and given, whoever hires whom", () => {
  const wallets = ["a", "b", "c"];
  const payer = fc.constantFrom(...wallets);
  const micros = fc.bigInt({ min: 1n, max: 1_000n });
  const step = fc.oneof(
    fc.record({ from: fc.constantFrom(bought, play, grant, voucher), to: payer, micros }),
    fc.record({ from: payer, to: payer, micros }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const origins = new Map(wallets.map((id) => [id, NO_MONEY]));
      const cameIn = new Map(wallets.map((id) => [id, 0n]));
      let issuedMicros = 0n;
      for (const { from, to, micros: asked } of steps) {
        const payers = origins.get(from);
        const hasMicros = payers ? payers.earnedMicros + payers.giftMicros : asked;
        const amountMicros = least(asked, hasMicros);
        // The ledger moves nothing from a wallet to itself.
        if (from === to || amountMicros === 0n) continue;
        const transfer = { reference: "work", fromAccountId: from, toAccountId: to, amountMicros };
        if (payers) origins.set(from, afterPaying(payers, transfer).origin);
        else issuedMicros += amountMicros;
        origins.set(to, afterReceiving(origins.get(to) ?? NO_MONEY, transfer));
        const isPayable = payers !== undefined || from === bought;
        if (isPayable) cameIn.set(to, (cameIn.get(to) ?? 0n) + amountMicros);
      }
      let payableMicros = 0n;
      for (const [id, { earnedMicros, giftMicros }] of origins) {
        assert.ok(earnedMicros >= 0n && giftMicros >= 0n);
        assert.ok(earnedMicros <= (cameIn.get(id) ?? 0n), "bought, or spent on it by others");
        payableMicros += earnedMicros;
      }
      assert.ok(payableMicros <= issuedMicros);
    }),
  );
});

function least(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}
