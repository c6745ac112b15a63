/** What the ledger's benchmark does: two workloads over one field of accounts, each touching the hot one. */
import type { Ledger } from "../../packages/server/src/core/ledger.ts";
import { HOUSE_ACCOUNTS } from "../../packages/server/src/domain/account.ts";
import type { Budget } from "../../packages/server/src/domain/budget.ts";
import type { CommandOutcome } from "../../packages/server/src/domain/command.ts";
import type { Database } from "../../packages/server/src/store/database.ts";

const WALLETS = 1_000;
const RICH_MICROS = 10n ** 13n;

export interface Field {
  readonly wallets: readonly string[];
  /** In workload "hot" everybody pays it, in "hold" it pays everybody. */
  readonly hotId: string;
  readonly keyId: string;
  readonly budget: Budget;
  readonly newId: () => string;
  readonly now: () => Date;
  /** Ids of what was answered with success: each has to be in the books afterwards. */
  readonly acknowledged: string[];
}

export type WorkloadName = "hot" | "hold";

/** One piece of work; its id. */
export const WORKLOADS: Readonly<
  Record<WorkloadName, (ledger: Ledger, field: Field) => Promise<string>>
> = {
  async hot(ledger, field) {
    const id = field.newId();
    const outcome = await ledger.commit({
      keyId: undefined,
      work: undefined,
      steps: [
        {
          kind: "transfer",
          fromAccountId: walletOf(field),
          toAccountId: field.hotId,
          amountMicros: 1_000n,
          reference: "tip",
          name: id,
        },
      ],
    });
    requireDone(outcome);
    return id;
  },

  async hold(ledger, field) {
    const id = field.newId();
    const deadlineAt = new Date(field.now().getTime() + 60_000);
    const hold = {
      id,
      workId: id,
      accountId: field.hotId,
      feeBasisPoints: 500,
      budgetIds: [field.budget.id],
      deadlineAt,
    };
    const work = { id, shape: "run", processId: "bench", attempt: 1 } as const;
    const opening = {
      workspaceId: field.hotId,
      operation: "runs.invoke",
      idempotencyKey: undefined,
      requestHash: undefined,
    };
    requireDone(
      await ledger.commit({
        keyId: field.keyId,
        work: { ...work, expectedVersion: 0, state: "running", deadlineAt, opening },
        steps: [{ kind: "open-hold", hold, amountMicros: 1_000n }],
      }),
    );
    requireDone(
      await ledger.commit({
        keyId: undefined,
        work: { ...work, expectedVersion: 1, state: "succeeded", deadlineAt: undefined },
        steps: [
          {
            kind: "capture-hold",
            hold,
            amountMicros: 900n,
            toAccountId: walletOf(field),
            feeAccountId: HOUSE_ACCOUNTS.fees,
            name: "payment",
          },
          { kind: "close-hold", hold },
        ],
      }),
    );
    return id;
  },
};

function walletOf({ wallets }: Field): string {
  return wallets[Math.floor(Math.random() * wallets.length)] ?? "";
}

function requireDone(outcome: CommandOutcome): void {
  if (!outcome.ok) throw new Error(`refused: ${JSON.stringify(outcome.refusal)}`);
}

export async function prepareField(
  database: Database,
  ledger: Ledger,
  tools: {
    readonly newId: () => string;
    readonly now: () => Date;
    readonly budgetId: (budget: Pick<Budget, "scope" | "ownerId" | "windowStart">) => string;
  },
): Promise<Field> {
  const { newId, now } = tools;
  const [hotId, keyId] = [newId(), newId()];
  const wallets = Array.from({ length: WALLETS }, newId);
  const scope = { scope: "key_prepaid", ownerId: keyId, windowStart: undefined } as const;
  const budget: Budget = { ...scope, id: tools.budgetId(scope), limitMicros: 10n ** 17n };
  const at = now();
  await database.query(
    "insert into workspaces(id, name, created_at) values ($1, 'the hot one', $2)",
    [hotId, at],
  );
  await database.query(
    `insert into keys(id, workspace_id, kind, secret_hash, hint, label, created_at)
     values ($1, $2, 'gld', '\\x00', '0000', 'bench', $3)`,
    [keyId, hotId, at],
  );
  await database.query(
    "insert into accounts(id, kind, created_at) select u.id, 'wallet', $2 from unnest($1::text[]) u(id)",
    [[...wallets, hotId], at],
  );
  await ledger.ensureBudgets([budget]);
  await Promise.all(
    [...wallets, hotId].map(async (id) =>
      requireDone(
        await ledger.commit({
          keyId: undefined,
          work: undefined,
          steps: [
            {
              kind: "transfer",
              fromAccountId: HOUSE_ACCOUNTS.grant,
              toAccountId: id,
              amountMicros: RICH_MICROS,
              reference: "grant",
              name: id,
            },
          ],
        }),
      ),
    ),
  );
  return { wallets, hotId, keyId, budget, newId, now, acknowledged: [] };
}
