/** Statements: what a wallet's balance is made of, and what its work cost. They read, and change nothing. */
import type { Caller } from "../domain/caller.ts";
import { type StatementLine, statementOf } from "../domain/statement.ts";
import { type UsageState, usageState, type WorkUse } from "../domain/usage.ts";
import type { Database } from "../store/database.ts";
import { findStatement, listUses } from "../store/statement.ts";

/** A work that was asked for, and whether it is paid for. */
export interface SettledUse extends WorkUse {
  readonly usage: UsageState;
}

export interface Statements {
  /** The newest lines of the caller's wallet, newest first. Their sum is what is available at that moment. */
  read(caller: Caller, limit: number): Promise<readonly StatementLine[]>;
  /** Works that the caller asked for, newest first, with what they cost. */
  listUses(caller: Caller, limit: number): Promise<readonly SettledUse[]>;
}

export function createStatements({ database }: { readonly database: Database }): Statements {
  return {
    async read({ workspaceId }, limit) {
      return statementOf(await findStatement(database, workspaceId, limit), limit);
    },
    async listUses({ workspaceId }, limit) {
      const uses = await listUses(database, workspaceId, limit);
      return uses.map((use) => ({ ...use, usage: usageState(use) }));
    },
  };
}
