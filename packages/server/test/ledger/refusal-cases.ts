/** Commands that are refused: for each code, by each kind of step that it may be for. */
import { HOUSE_ACCOUNTS } from "../../src/domain/account.ts";
import type { Command, HoldTerms, Offer, Refusal, Step } from "../../src/domain/command.ts";
import { insertAgent } from "../../src/store/agent.ts";
import type { Database } from "../../src/store/database.ts";
import type { Culprit } from "./model.ts";
import {
  freshId,
  holdOf,
  openBudget,
  opening,
  type openLedger,
  openWallets,
  requireOk,
  settling,
  transferring,
} from "./support.ts";

export interface RefusalCase {
  readonly what: string;
  readonly culprit: Culprit;
  readonly command: Command;
  readonly refusal: Refusal;
}

const NOBODY = "ffffffffffffffffffffffff";

export type RefusalPlace = Awaited<ReturnType<typeof openPlace>>;

/** The payer has 859 micros that it has not promised, of which its budget allows 160. */
export async function openPlace(database: Database, ledger: ReturnType<typeof openLedger>) {
  const wallets = await openWallets(database, ledger, 6, 1_000n);
  const [payer = "", payee = "", frozen = "", suspended = "", spender = "", receiver = ""] =
    wallets;
  const budget = await openBudget(ledger, 300n);
  const wide = await openBudget(ledger, 10_000n);
  const running = holdOf(payer, freshId(), [budget.id]);
  const over = holdOf(payer, freshId(), [budget.id]);
  const kept = holdOf(spender, freshId(), [wide.id]);
  for (const command of [
    opening(running, 100n, "a key"),
    opening(over, 50n),
    settling(over, payee, 40n),
    opening(kept, 100n),
    transferring(payer, payee, 1n, "tip", "one"),
    transferring(payee, payer, 1n, running.workId, "taken"),
    transferring(payee, payer, 1n, running.workId, "taken too"),
    transferring(payer, payee, 2n, "tip", "back"),
  ]) {
    requireOk(await ledger.commit(command));
  }
  const agentId = freshId();
  await insertAgent(database, {
    ...{ id: agentId, workspaceId: payee, slug: agentId, name: "an agent", description: "" },
    ...{ extra: {}, capabilities: [], at: new Date(0) },
  });
  const [agent] = await database.query<{ revision: bigint }>("select revision from agents");
  const offer = { agentId, revision: agent?.revision ?? 0n };
  const long = new Date(0);
  await database.query("update accounts set frozen_at = $2 where id = $1", [frozen, long]);
  await database.query("update workspaces set suspended_at = $2 where id = $1", [suspended, long]);
  const keys = {
    revoked: await insertKey(database, payer, { revokedAt: long }),
    expired: await insertKey(database, payer, { expiresAt: long }),
    suspended: await insertKey(database, suspended, {}),
  };
  const actors = { payer, payee, frozen, suspended, spender, receiver };
  return { ...actors, budget, wide, running, over, kept, keys, offer };
}

async function insertKey(
  database: Database,
  workspaceId: string,
  { revokedAt = null, expiresAt = null }: { revokedAt?: Date | null; expiresAt?: Date | null },
): Promise<string> {
  const id = freshId();
  await database.query(
    `insert into keys(id, workspace_id, kind, secret_hash, hint, label, created_at, revoked_at, expires_at)
     values ($1, $2, 'gld', convert_to($1::text, 'UTF8'), '0000', 'a key', $3, $4, $5)`,
    [id, workspaceId, new Date(0), revokedAt, expiresAt],
  );
  return id;
}

/** Steps that are all done, one of each kind at least, on rows that no case is about. */
export function goodSteps({ spender, receiver, wide, kept }: RefusalPlace): Step[] {
  const fresh = holdOf(spender, freshId(), [wide.id]);
  return [
    transfer(spender, receiver, 1n, "good"),
    { kind: "limit-budget", budgetId: wide.id, limitMicros: 9_000n },
    open(fresh, 50n),
    reduce(fresh, 10n),
    capture(fresh, 20n, receiver, "good"),
    { kind: "close-hold", hold: fresh },
    reduce(kept, 5n),
    capture(kept, 60n, receiver, "good"),
    { kind: "close-hold", hold: kept },
  ];
}

function transfer(from: string, to: string, micros: bigint, name: string): Step {
  return transferring(from, to, micros, "tip", name).steps[0] as Step;
}

function open(hold: HoldTerms, amountMicros: bigint): Step {
  return { kind: "open-hold", hold, amountMicros };
}

function reduce(hold: HoldTerms, amountMicros: bigint): Step {
  return { kind: "reduce-hold", hold, amountMicros };
}

function capture(
  hold: HoldTerms,
  amountMicros: bigint,
  toAccountId: string,
  name = "more",
  feeAccountId: string = HOUSE_ACCOUNTS.fees,
): Step {
  return { kind: "capture-hold", hold, amountMicros, toAccountId, feeAccountId, name };
}

function limit(budgetId: string, limitMicros: bigint): Step {
  return { kind: "limit-budget", budgetId, limitMicros };
}

/** Steps without work; the last of them is refused. */
function steps(...all: Step[]): Command {
  return { keyId: undefined, work: undefined, steps: all };
}

export function refusalCases(place: RefusalPlace): RefusalCase[] {
  const lists = [forActors, forWork, forFunds, forHolds, forRows, forAmounts, forTransfers];
  return lists.flatMap((list) =>
    list(place).map(([what, culprit, command, refusal]) => ({ what, culprit, command, refusal })),
  );
}

type Row = readonly [what: string, culprit: Culprit, command: Command, refusal: Refusal];

// biome-ignore format: read as a table
function forActors({ payer, suspended, keys }: RefusalPlace): Row[] {
  const byKey = (keyId: string): Command => ({ ...opening(holdOf(payer, freshId(), []), 1n), keyId });
  const by = (workspaceId: string) => opening(holdOf(workspaceId, freshId(), []), 1n);
  const revoked = { code: "key_revoked" } as const;
  const isSuspended = { code: "workspace_suspended" } as const;
  return [
    ["a revoked key",               "command", byKey(keys.revoked),                           revoked],
    ["an expired key",              "command", byKey(keys.expired),                           revoked],
    ["a key of nobody's",           "command", byKey(NOBODY),                                 revoked],
    ["a revoked key, without work", "command", { ...steps(), keyId: keys.revoked },           revoked],
    ["a workspace that is none",    "command", by(NOBODY),                                    revoked],
    ["a suspended owner's key",     "command", byKey(keys.suspended),                         isSuspended],
    ["a suspended workspace",       "command", by(suspended),                                 isSuspended],
  ];
}

// biome-ignore format: read as a table
function forWork({ payer, payee, running, over, offer }: RefusalPlace): Row[] {
  const again = opening(holdOf(payer, freshId(), []), 1n, "a key");
  const opened = again.work?.opening;
  const otherwise = { ...again, work: { ...again.work, opening: { ...opened, requestHash: "other" } } } as Command;
  const late = settling(running, payee, 1n);
  const relying = (on: Offer): Command => ({ ...opening(holdOf(payer, freshId(), []), 1n), offer: on });
  const changed = { code: "offer_changed" } as const;
  const conflict = (version: number) => ({ code: "version_conflict", version }) as const;
  const before = { code: "already_opened", workId: running.workId, requestHash: "a key" } as const;
  return [
    ["a used idempotency key",      "command", again,                                          before],
    ["used for another request",    "command", otherwise,                                      before],
    ["an agent that changed",       "command", relying({ ...offer, revision: offer.revision - 1n }),   changed],
    ["an agent that is gone",       "command", relying({ ...offer, agentId: NOBODY }),                 changed],
    ["an agent that changed, without work", "command", { ...steps(), offer: { ...offer, revision: 0n } }, changed],
    ["a version that moved on",     "command", settling(over, payee, 1n),                      conflict(2)],
    ["a version that is to come",   "command", { ...late, work: { ...late.work, expectedVersion: 2 } } as Command, conflict(1)],
    ["no such work",                "command", settling(holdOf(payer, freshId(), []), payee, 1n), conflict(0)],
  ];
}

// biome-ignore format: read as a table
function forFunds({ payer, payee, frozen, budget, wide }: RefusalPlace): Row[] {
  const { payouts, bought } = HOUSE_ACCOUNTS;
  const poor = (accountId: string) => ({ code: "insufficient_funds", accountId }) as const;
  const cold = { code: "account_frozen", accountId: frozen } as const;
  const full = { code: "budget_exceeded", budgetId: budget.id } as const;
  const under = (...ids: string[]) => holdOf(payer, freshId(), ids);
  return [
    ["a wallet too poor",           "transfer",  steps(transfer(payer, payee, 860n, "x")),                                   poor(payer)],
    ["poor after a good step",      "transfer",  steps(transfer(payer, payee, 1n, "x"), transfer(payer, payee, 859n, "y")),  poor(payer)],
    ["held money is not there",     "transfer",  steps(open(under(), 859n), transfer(payer, payee, 1n, "x")),                poor(payer)],
    ["more than came just before",  "transfer",  steps(transfer(payee, payer, 5n, "x"), transfer(payer, payee, 865n, "y")),  poor(payer)],
    ["an account of the house's",   "transfer",  steps(transfer(payouts, payee, 1n, "x")),                                   poor(payouts)],
    ["frozen, and less than there is", "transfer", steps(transfer(frozen, bought, 1_001n, "x")),                             poor(frozen)],
    ["a wallet too poor to promise", "open-hold", opening(under(), 860n),                                                    poor(payer)],
    ["promised twice",              "open-hold", steps(open(under(), 800n), open(under(), 60n)),                             poor(payer)],
    ["the house cannot promise",    "open-hold", steps(open(holdOf(payouts, freshId(), []), 1n)),                            poor(payouts)],
    ["a frozen wallet pays",        "transfer",  steps(transfer(frozen, payee, 1n, "x")),                                    cold],
    ["a frozen wallet is paid out", "transfer",  steps(transfer(frozen, payouts, 1n, "x")),                                  cold],
    ["a frozen wallet promises",    "open-hold", opening(holdOf(frozen, freshId(), []), 1n),                                 cold],
    ["or nothing",                  "open-hold", opening(holdOf(frozen, freshId(), []), 0n),                                 cold],
    ["a budget without room",       "open-hold", opening(under(budget.id), 161n),                                            full],
    ["one of two without room",     "open-hold", opening(under(wide.id, budget.id), 161n),                                   full],
    ["room that was just given out", "open-hold", steps(open(under(budget.id), 100n), open(under(budget.id), 61n)),          full],
    ["room that was just taken",    "open-hold", steps(limit(budget.id, 140n), open(under(budget.id), 1n)),                  full],
  ];
}

// biome-ignore format: read as a table
function forHolds({ payee, running, over }: RefusalPlace): Row[] {
  const close = (hold: HoldTerms): Step => ({ kind: "close-hold", hold });
  const closed = { code: "hold_closed", holdId: "hold" } as const;
  const exceeded = { code: "hold_exceeded", holdId: "hold" } as const;
  const exists = { code: "hold_exists", holdId: "hold" } as const;
  const fresh = holdOf(payee, freshId(), []);
  return [
    ["closed, and closed again",    "close-hold",   steps(close(over)),                                        closed],
    ["closed twice in one",         "close-hold",   steps(close(running), close(running)),                     closed],
    ["closed, and reduced",         "reduce-hold",  steps(reduce(over, 1n)),                                   closed],
    ["closed, and captured",        "capture-hold", steps(capture(over, 1n, payee)),                           closed],
    ["captured after closing",      "capture-hold", steps(close(running), capture(running, 1n, payee)),        closed],
    ["less than nothing is left",   "reduce-hold",  steps(reduce(running, 101n)),                              exceeded],
    ["less than what was captured", "reduce-hold",  steps(capture(running, 60n, payee), reduce(running, 41n)), exceeded],
    ["more than is held",           "capture-hold", steps(capture(running, 101n, payee)),                      exceeded],
    ["more than is left",           "capture-hold", steps(reduce(running, 60n), capture(running, 41n, payee)), exceeded],
    ["a hold that is there",        "open-hold",    steps(open(running, 1n)),                                  exists],
    ["a hold that was there",       "open-hold",    steps(open(over, 1n)),                                     exists],
    ["a hold that is otherwise",    "open-hold",    steps(open({ ...running, feeBasisPoints: 1 }, 1n)),        exists],
    ["opened twice in one",         "open-hold",    steps(open(fresh, 1n), open(fresh, 1n)),                   exists],
  ];
}

// biome-ignore format: read as a table
function forRows({ payer, payee, running, budget, wide }: RefusalPlace): Row[] {
  const unknown = (step: number) => ({ code: "unknown_row", step }) as const;
  const close = (hold: HoldTerms): Step => ({ kind: "close-hold", hold });
  const none = () => holdOf(payer, freshId(), []);
  return [
    ["no such payer",               "transfer",     steps(transfer(NOBODY, payee, 1n, "x")),                          unknown(0)],
    ["no such payee",               "transfer",     steps(transfer(payer, payee, 1n, "x"), transfer(payer, NOBODY, 1n, "y")), unknown(1)],
    ["nobody promises",             "open-hold",    steps(open(holdOf(NOBODY, freshId(), []), 1n)),                   unknown(0)],
    ["no such budget",              "open-hold",    steps(open(holdOf(payer, freshId(), [wide.id, NOBODY]), 1n)),     unknown(0)],
    ["nothing to reduce",           "reduce-hold",  steps(reduce(none(), 1n)),                                        unknown(0)],
    ["reduced with another fee",    "reduce-hold",  steps(reduce({ ...running, feeBasisPoints: 499 }, 1n)),           unknown(0)],
    ["nothing to capture",          "capture-hold", steps(capture(none(), 1n, payee)),                                unknown(0)],
    ["captured with another fee",   "capture-hold", steps(capture({ ...running, feeBasisPoints: 499 }, 1n, payee)),   unknown(0)],
    ["captured from another payer", "capture-hold", steps(capture({ ...running, accountId: payee }, 1n, payee)),      unknown(0)],
    ["captured past its budget",    "capture-hold", steps(capture({ ...running, budgetIds: [] }, 1n, payee)),         unknown(0)],
    ["captured under more budgets", "capture-hold", steps(capture({ ...running, budgetIds: [budget.id, wide.id] }, 1n, payee)), unknown(0)],
    ["captured for nobody",         "capture-hold", steps(capture(running, 1n, NOBODY)),                              unknown(0)],
    ["a fee for nobody",            "capture-hold", steps(capture(running, 1n, payee, "more", NOBODY)),               unknown(0)],
    ["nothing to close",            "close-hold",   steps(close(none())),                                             unknown(0)],
    ["closed with another budget",  "close-hold",   steps(close({ ...running, budgetIds: [wide.id] })),               unknown(0)],
    ["no such limit",               "limit-budget", steps(limit(wide.id, 1n), limit(NOBODY, 1n)),                     unknown(1)],
  ];
}

// biome-ignore format: read as a table
function forAmounts({ payer, payee, running, budget }: RefusalPlace): Row[] {
  const bad = { code: "bad_amount", step: 0 } as const;
  const least = -(2n ** 63n);
  return [
    ["nothing to transfer",         "transfer",     steps(transfer(payer, payee, 0n, "x")),                bad],
    ["less than nothing",           "transfer",     steps(transfer(payer, payee, -1n, "x")),               bad],
    ["the least number there is",   "transfer",     steps(transfer(payer, payee, least, "x")),             bad],
    ["to oneself",                  "transfer",     steps(transfer(payer, payer, 1n, "x")),                bad],
    ["less than nothing held",      "open-hold",    steps(open(holdOf(payer, freshId(), []), -1n)),        bad],
    ["reduced by nothing",          "reduce-hold",  steps(reduce(running, 0n)),                            bad],
    ["reduced by less",             "reduce-hold",  steps(reduce(running, least)),                         bad],
    ["nothing captured",            "capture-hold", steps(capture(running, 0n, payee)),                    bad],
    ["less than nothing captured",  "capture-hold", steps(capture(running, -1n, payee)),                   bad],
    ["a limit below nothing",       "limit-budget", steps(limit(budget.id, -1n)),                          bad],
  ];
}

// biome-ignore format: read as a table
function forTransfers({ payer, payee, receiver, running, over }: RefusalPlace): Row[] {
  const exists = (step: number) => ({ code: "transfer_exists", step }) as const;
  const settle = settling(running, payee, 1n);
  const named = (name: string): Command => ({ ...settle, steps: [capture(running, 1n, payee, name)] });
  return [
    ["another amount's name",       "transfer",     steps(transfer(payer, payee, 2n, "one")),                                  exists(0)],
    ["another payee's name",        "transfer",     steps(transfer(payer, receiver, 1n, "one")),                               exists(0)],
    ["another payer's name",        "transfer",     steps(transfer(payee, payer, 1n, "one")),                                  exists(0)],
    ["part of it done before",      "transfer",     steps(transfer(payer, payee, 1n, "x"), transfer(payer, payee, 1n, "one")), exists(1)],
    ["the name of a capture",       "transfer",     transferring(payer, payee, 38n, over.workId, "payment"),                   exists(0)],
    ["a name that is taken",        "capture-hold", steps(capture(running, 1n, payee, "taken")),                               exists(0)],
    ["taken, with a work's change", "capture-hold", named("taken too"),                                                        exists(0)],
  ];
}
