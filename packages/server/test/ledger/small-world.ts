/** A small world, in the database and in the model, and how the two are compared. */
import assert from "node:assert/strict";
import type { Ledger } from "../../src/core/ledger.ts";
import type { Command } from "../../src/domain/command.ts";
import type { Database } from "../../src/store/database.ts";
import type { Names } from "./arbitrary.ts";
import { type Account, applyCommand, type World } from "./model.ts";

/** Names stand for ids: each world puts a prefix of its own in front of them. */
const NAME = /^[0-9a-f]{8}$/;
const WALLET_MICROS = 1_000n;
const BUDGET_MICROS = 600n;
const AGENT_REVISION = 5n;

export interface SmallWorld {
  readonly state: World;
  /** The same command about this world. */
  own(command: Command): Command;
  /** What `readWorld` must find. */
  expected(): unknown;
  readonly prefix: string;
}

export function worldNames(): Names {
  const name = (kind: number, index = 0) => `${kind.toString(16)}000000${index}`;
  return {
    bank: name(1),
    wallets: [name(2, 1), name(2, 2), name(2, 3)],
    frozen: name(3),
    nobody: name(4),
    budgets: [name(5, 1), name(5, 2)],
    noBudget: name(6),
    keys: [name(7, 1), name(7, 2), name(7, 3), name(7, 4)],
    suspendedWorkspace: name(8),
    works: [name(9, 1), name(9, 2), name(9, 3), name(9, 4)],
    tips: name(10),
    agent: name(11),
  };
}

export async function openWorld(
  database: Database,
  ledger: Ledger,
  names: Names,
  prefix: string,
): Promise<SmallWorld> {
  const own = <T>(value: T): T => rename(value, prefix) as T;
  const ids = own(names);
  await insertActors(database, ids);
  await insertAgent(database, ids);
  await insertAccounts(database, ids);
  for (const command of fundings(ids)) {
    assert.deepEqual(await ledger.commit(command), { ok: true, version: 0, isDuplicate: false });
  }
  await database.query("update accounts set frozen_at = $2 where id = $1", [
    ids.frozen,
    new Date(0),
  ]);
  const state = openModel(ids);
  return { state, own, expected: () => describe(state), prefix };
}

function openModel(ids: Names): World {
  const state = modelOf(ids);
  for (const command of fundings(ids)) assert.ok(applyCommand(state, command).ok);
  const frozen = { posted: WALLET_MICROS, held: 0n, kind: "wallet", isFrozen: true } as const;
  state.accounts.set(ids.frozen, { ...frozen });
  return state;
}

/** Every name in a value, however deep, becomes an id. */
function rename(value: unknown, prefix: string): unknown {
  if (typeof value === "string") return NAME.test(value) ? prefix + value : value;
  if (Array.isArray(value)) return value.map((each) => rename(each, prefix));
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  const entries = Object.entries(value).map(([key, each]) => [key, rename(each, prefix)]);
  return Object.fromEntries(entries);
}

async function insertActors(database: Database, ids: Names): Promise<void> {
  const long = new Date(0);
  const workspaces = [...ids.wallets, ids.suspendedWorkspace];
  await database.query(
    `insert into workspaces(id, name, created_at, suspended_at)
     select u.id, 'a workspace', $2::timestamptz, case when u.id = $3 then $2::timestamptz end from unnest($1::text[]) u(id)`,
    [workspaces, long, ids.suspendedWorkspace],
  );
  const [good, revoked, expired, suspended] = ids.keys;
  const owner = ids.wallets[0];
  await database.query(
    `insert into keys(id, workspace_id, kind, secret_hash, hint, label, created_at, revoked_at, expires_at)
     select u.id, u.workspace, 'gld', convert_to(u.id, 'UTF8'), '0000', 'a key', $5, u.revoked, u.expires
       from unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[])
            u(id, workspace, revoked, expires)`,
    [
      [good, revoked, expired, suspended],
      [owner, owner, owner, ids.suspendedWorkspace],
      [null, long, null, null],
      [null, null, long, null],
      long,
    ],
  );
}

async function insertAgent(database: Database, { agent, wallets }: Names): Promise<void> {
  await database.query(
    `insert into agents(id, workspace_id, slug, name, description, extra, created_at, updated_at, revision)
     values ($1, $2, $1, 'an agent', '', '{}', $3, $3, $4)`,
    [agent, wallets[0], new Date(0), AGENT_REVISION],
  );
}

async function insertAccounts(database: Database, ids: Names): Promise<void> {
  const wallets = [...ids.wallets, ids.frozen];
  await database.query(
    `insert into accounts(id, kind, created_at)
     select u.id, case when u.id = $2 then 'issuance' else 'wallet' end, $3
       from unnest($1::text[]) u(id)`,
    [[ids.bank, ...wallets], ids.bank, new Date(0)],
  );
  await database.query(
    `insert into budgets(id, scope, owner_id, limit_micros)
     select u.id, 'run', u.id, $2 from unnest($1::text[]) u(id)`,
    [ids.budgets, BUDGET_MICROS],
  );
}

function fundings(ids: Names): Command[] {
  return [...ids.wallets, ids.frozen].map((toAccountId) => ({
    keyId: undefined,
    work: undefined,
    steps: [
      {
        kind: "transfer",
        fromAccountId: ids.bank,
        toAccountId,
        amountMicros: WALLET_MICROS,
        reference: ids.bank,
        name: toAccountId,
      },
    ],
  }));
}

function modelOf(ids: Names): World {
  const [good, revoked, expired, suspended] = ids.keys;
  const wallet = { posted: 0n, held: 0n, kind: "wallet", isFrozen: false } as const;
  return {
    accounts: new Map<string, Account>([
      [ids.bank, { ...wallet, kind: "issuance" as const }],
      ...[...ids.wallets, ids.frozen].map((id) => [id, { ...wallet }] as const),
    ]),
    budgets: new Map(ids.budgets.map((id) => [id, { limit: BUDGET_MICROS, held: 0n, spent: 0n }])),
    holds: new Map(),
    works: new Map(),
    transfers: new Map(),
    openings: new Map(),
    agents: new Map([[ids.agent, AGENT_REVISION]]),
    actors: new Map<string, "fine" | "revoked" | "suspended">([
      ...ids.wallets.map((id) => [id, "fine"] as const),
      [ids.suspendedWorkspace, "suspended"],
      [good ?? "", "fine"],
      [revoked ?? "", "revoked"],
      [expired ?? "", "revoked"],
      [suspended ?? "", "suspended"],
    ]),
  };
}

/** The model's state, in the words of `readWorld`. */
function describe({ accounts, budgets, holds, works, transfers }: World): unknown {
  return {
    accounts: sorted(accounts, (id, { posted, held }) => [id, posted, held]),
    budgets: sorted(budgets, (id, { limit, held, spent }) => [id, limit, held, spent]),
    holds: sorted(holds, (_key, { terms, amount, captured, isClosed }) => [
      ...[terms.workId, terms.id, terms.accountId, terms.feeBasisPoints],
      ...[terms.budgetIds.join(" "), amount, captured, isClosed],
    ]),
    works: sorted(works, (id, { version, change }) => [
      ...[id, version, change.state, change.attempt],
      change.deadlineAt?.getTime() ?? null,
    ]),
    transfers: sorted(transfers, (key, { from, to, amount, holdId }) => [
      ...[key, from, to, amount, holdId ?? null],
    ]),
  };
}

function sorted<V>(map: Map<string, V>, row: (key: string, value: V) => unknown[]): unknown[][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => row(key, value));
}

/** What the database says of a world. */
export async function readWorld(database: Database, { prefix }: SmallWorld): Promise<unknown> {
  const read = async (text: string): Promise<unknown[][]> => {
    const rows = await database.query(text, [`${prefix}%`]);
    return rows.map((row) => Object.values(row));
  };
  return {
    accounts: await read(
      "select id, posted_micros, held_micros from accounts where id like $1 order by id",
    ),
    budgets: await read(
      `select id, limit_micros, held_micros, spent_micros from budgets where id like $1 order by id`,
    ),
    holds: await read(
      `select work_id, id, account_id, fee_basis_points, budget_ids, amount_micros, captured_micros,
              closed_at is not null as is_closed
         from holds where work_id like $1 order by work_id || ' ' || id`,
    ),
    works: await read(
      `select id, version, state, attempt,
              (extract(epoch from deadline_at) * 1000)::double precision as deadline
         from work where id like $1 order by id`,
    ),
    transfers: await read(
      `select reference || ' ' || name as key, debit_id, credit_id, amount_micros, hold_id
         from transfers where reference like $1 order by key`,
    ),
  };
}
