/** Who follows the transfers must not run ahead of one that has its number and is not yet there. */
import assert from "node:assert/strict";
import { settledSeq } from "../../src/core/settled-seq.ts";
import { HOUSE_ACCOUNTS } from "../../src/domain/account.ts";
import type { Tx } from "../../src/store/database.ts";
import { onEachHost } from "../support/database.ts";

onEachHost("a transfer that is on its way is waited for", async (_t, database) => {
  for (let attempt = 0; attempt < 20; attempt++) {
    let hasCommitted = false;
    let isWritten = (): void => undefined;
    const written = new Promise<void>((resolve) => {
      isWritten = resolve;
    });
    const writing = database.transaction(async (tx) => {
      await insertTransfer(tx, String(attempt));
      isWritten();
      // Long enough for the other to look before this commits.
      await tx.query("select pg_sleep(0.02)");
      hasCommitted = true;
    });
    await written;
    const seq = await settledSeq(database);
    assert.ok(hasCommitted, "the follower came past a transfer that was not there yet");
    await writing;
    const [row] = await database.query<{ last: bigint }>("select max(seq) as last from transfers");
    assert.equal(seq, row?.last);
  }
});

async function insertTransfer(tx: Tx, name: string): Promise<void> {
  await tx.query(
    `insert into transfers(reference, name, debit_id, credit_id, amount_micros, at)
     values ('test', $1, $2, $3, 1, $4)`,
    [name, HOUSE_ACCOUNTS.grant, HOUSE_ACCOUNTS.fees, new Date(0)],
  );
}
