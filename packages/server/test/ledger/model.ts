/**
 * The ledger as it is meant, in plain TypeScript: one command after the other on maps. Slow, obvious,
 * and without any of what makes the real one fast.
 */
import type {
  Command,
  CommandOutcome,
  HoldTerms,
  Refusal,
  Step,
  WorkChange,
} from "../../src/domain/command.ts";

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);
const BASIS_POINTS = 10_000n;

/** Something that the database cannot do: the command is rejected, alone. */
export class Impossible extends Error {
  override readonly name = "Impossible";
}

/** What a refusal is for: the command as a whole, before any of its steps, or a step of this kind. */
export type Culprit = "command" | Step["kind"];

/** Carries a refusal out of the steps. */
class Refused extends Error {
  readonly refusal: Refusal;
  culprit: Culprit;

  constructor(refusal: Refusal, culprit: Culprit = "command") {
    super(refusal.code);
    this.refusal = refusal;
    this.culprit = culprit;
  }
}

export interface Account {
  posted: bigint;
  held: bigint;
  readonly kind: "wallet" | "issuance";
  readonly isFrozen: boolean;
}
export interface BudgetState {
  limit: bigint;
  held: bigint;
  spent: bigint;
}
export interface HoldState {
  readonly terms: HoldTerms;
  amount: bigint;
  captured: bigint;
  isClosed: boolean;
}
export interface WorkState {
  version: number;
  change: WorkChange;
  readonly requestHash: string | undefined;
}
export interface TransferState {
  readonly from: string;
  readonly to: string;
  readonly amount: bigint;
  readonly holdId: string | undefined;
}

export interface World {
  readonly accounts: Map<string, Account>;
  readonly budgets: Map<string, BudgetState>;
  readonly holds: Map<string, HoldState>;
  readonly works: Map<string, WorkState>;
  readonly transfers: Map<string, TransferState>;
  /** Work by workspace, operation and idempotency key. */
  readonly openings: Map<string, string>;
  /** Keys, and workspaces that act without one. */
  readonly actors: Map<string, "fine" | "revoked" | "suspended">;
  /** Each agent's revision. */
  readonly agents: Map<string, bigint>;
}

/** Shapes that the database refuses to write: an injected failure. */
export const POISON = "poison";

/**
 * Does one command; `explain` hears what a refusal is for. Throws `Impossible` where the real one
 * rejects; the world is then as before.
 */
export function applyCommand(
  world: World,
  command: Command,
  explain?: (refusal: Refusal, culprit: Culprit) => void,
): CommandOutcome {
  const before = structuredClone(world);
  try {
    return decide(world, command);
  } catch (error) {
    restore(world, before);
    if (!(error instanceof Refused)) throw error;
    explain?.(error.refusal, error.culprit);
    return { ok: false, refusal: error.refusal };
  }
}

function restore(world: World, before: World): void {
  for (const key of Object.keys(world) as (keyof World)[]) {
    const map = world[key] as Map<string, unknown>;
    map.clear();
    for (const [id, value] of before[key]) map.set(id, value);
  }
}

function decide(world: World, { keyId, offer, work, also = [], steps }: Command): CommandOutcome {
  const opening = [work, ...also].find((change) => change?.opening)?.opening;
  checkActor(world, keyId ?? opening?.workspaceId);
  const version = work ? (world.works.get(work.id)?.version ?? 0) : 0;
  if (work?.expectedVersion === 0 && version > 0) return { ok: true, version, isDuplicate: true };
  if (!work && areKnown(world, steps)) return { ok: true, version: 0, isDuplicate: true };
  const changes = work ? [work, ...also] : also;
  for (const change of changes) checkOpening(world, change);
  if (offer && world.agents.get(offer.agentId) !== offer.revision) {
    throw new Refused({ code: "offer_changed" });
  }
  for (const change of changes) checkVersion(world, change);
  const clash = steps.findIndex((step) => transferOf(world, step) !== undefined);
  steps.forEach((step, index) => {
    applyStep(world, step, index);
  });
  const clashing = steps[clash];
  if (clashing) throw new Refused({ code: "transfer_exists", step: clash }, clashing.kind);
  if (!work) return { ok: true, version: 0, isDuplicate: false };
  for (const change of changes) writeWork(world, change);
  return { ok: true, version: version + 1, isDuplicate: false };
}

function checkActor(world: World, actorId: string | undefined): void {
  if (actorId === undefined) return;
  const standing = world.actors.get(actorId);
  if (standing === "suspended") throw new Refused({ code: "workspace_suspended" });
  if (standing !== "fine") throw new Refused({ code: "key_revoked" });
}

function openingKey({ opening }: WorkChange): string | undefined {
  if (opening?.idempotencyKey === undefined) return undefined;
  return `${opening.workspaceId} ${opening.operation} ${opening.idempotencyKey}`;
}

function checkOpening(world: World, work: WorkChange): void {
  const workId = world.openings.get(openingKey(work) ?? "");
  if (workId === undefined) return;
  const requestHash = world.works.get(workId)?.requestHash;
  throw new Refused({ code: "already_opened", workId, requestHash });
}

function checkVersion(world: World, { id, expectedVersion }: WorkChange): void {
  const version = world.works.get(id)?.version ?? 0;
  if (expectedVersion !== version) throw new Refused({ code: "version_conflict", version });
}

function writeWork(world: World, work: WorkChange): void {
  const version = world.works.get(work.id)?.version ?? 0;
  if (version === 0 && (work.shape as string) === POISON) throw new Impossible("no such shape");
  const requestHash = work.opening?.requestHash ?? world.works.get(work.id)?.requestHash;
  world.works.set(work.id, { version: version + 1, change: work, requestHash });
  const key = openingKey(work);
  if (key !== undefined) world.openings.set(key, work.id);
}

function transferKey(step: Step): string | undefined {
  if (step.kind === "transfer") return `${step.reference} ${step.name}`;
  return step.kind === "capture-hold" ? `${step.hold.workId} ${step.name}` : undefined;
}

function transferOf(world: World, step: Step): TransferState | undefined {
  return world.transfers.get(transferKey(step) ?? "");
}

/** Whether this command has transfers and all of them are in the books, just like this. */
function areKnown(world: World, steps: readonly Step[]): boolean {
  const moving = steps.filter((step) => transferKey(step) !== undefined);
  return moving.length > 0 && moving.every((step) => isSameTransfer(step, transferOf(world, step)));
}

function isSameTransfer(step: Step, found: TransferState | undefined): boolean {
  if (step.kind === "transfer") {
    return isSame(found, step.fromAccountId, step.toAccountId, step.amountMicros, undefined);
  }
  if (step.kind !== "capture-hold") return false;
  const { hold, amountMicros, toAccountId } = step;
  const rest = amountMicros - feeOf(hold, amountMicros);
  return isSame(found, hold.accountId, toAccountId, rest, hold.id);
}

function isSame(
  found: TransferState | undefined,
  from: string,
  to: string,
  amount: bigint,
  holdId: string | undefined,
): boolean {
  return (
    found?.from === from && found.to === to && found.amount === amount && found.holdId === holdId
  );
}

function feeOf(hold: HoldTerms, amount: bigint): bigint {
  return (amount * BigInt(hold.feeBasisPoints)) / BASIS_POINTS;
}

function applyStep(world: World, step: Step, index: number): void {
  try {
    tryStep(world, step, index);
  } catch (error) {
    if (error instanceof Refused) error.culprit = step.kind;
    throw error;
  }
}

function tryStep(world: World, step: Step, index: number): void {
  if (step.kind === "transfer") transfer(world, step, index);
  else if (step.kind === "open-hold") openHold(world, step, index);
  else if (step.kind === "reduce-hold") reduceHold(world, step, index);
  else if (step.kind === "capture-hold") captureHold(world, step, index);
  else if (step.kind === "close-hold") closeHold(world, step, index);
  else limitBudget(world, step, index);
}

type Kind<K extends Step["kind"]> = Extract<Step, { kind: K }>;

function unknown(step: number): Refused {
  return new Refused({ code: "unknown_row", step });
}

function badAmount(step: number): Refused {
  return new Refused({ code: "bad_amount", step });
}

function int64(value: bigint): bigint {
  if (value > INT64_MAX || value < INT64_MIN) throw new Impossible("out of range");
  return value;
}

function transfer(world: World, step: Kind<"transfer">, index: number): void {
  const from = world.accounts.get(step.fromAccountId);
  const to = world.accounts.get(step.toAccountId);
  const { amountMicros: amount } = step;
  if (!from || !to) throw unknown(index);
  if (amount <= 0n || from === to) throw badAmount(index);
  const left = int64(from.posted - from.held - amount);
  if (from.kind === "wallet" && from.isFrozen && to.kind === "wallet") {
    throw new Refused({ code: "account_frozen", accountId: step.fromAccountId });
  }
  if (from.kind === "wallet" && left < 0n) {
    throw new Refused({ code: "insufficient_funds", accountId: step.fromAccountId });
  }
  move(world, step.fromAccountId, step.toAccountId, amount);
  record(world, `${step.reference} ${step.name}`, {
    from: step.fromAccountId,
    to: step.toAccountId,
    amount,
    holdId: undefined,
  });
}

function move(world: World, fromId: string, toId: string, amount: bigint): void {
  const from = world.accounts.get(fromId);
  const to = world.accounts.get(toId);
  if (from) from.posted = int64(from.posted - amount);
  if (to) to.posted = int64(to.posted + amount);
}

function record(world: World, key: string, made: TransferState): void {
  if (!world.transfers.has(key)) world.transfers.set(key, made);
}

function holdKey({ workId, id }: HoldTerms): string {
  return `${workId} ${id}`;
}

function openHold(world: World, step: Kind<"open-hold">, index: number): void {
  const { hold, amountMicros: amount } = step;
  if (world.holds.has(holdKey(hold))) throw new Refused({ code: "hold_exists", holdId: hold.id });
  const account = world.accounts.get(hold.accountId);
  if (!account) throw unknown(index);
  if (amount < 0n) throw badAmount(index);
  const left = int64(account.posted - account.held - amount);
  if (account.kind === "wallet" && account.isFrozen) {
    throw new Refused({ code: "account_frozen", accountId: hold.accountId });
  }
  if (account.kind === "wallet" && left < 0n) {
    throw new Refused({ code: "insufficient_funds", accountId: hold.accountId });
  }
  for (const budgetId of hold.budgetIds) {
    const budget = world.budgets.get(budgetId);
    if (!budget) throw unknown(index);
    if (amount > 0n && budget.limit - budget.held - budget.spent < amount) {
      throw new Refused({ code: "budget_exceeded", budgetId });
    }
  }
  world.holds.set(holdKey(hold), { terms: hold, amount, captured: 0n, isClosed: false });
  mark(world, hold, amount);
}

/** Money of the payer, and room of every budget, becomes held; a negative amount lets it go. */
function mark(world: World, { accountId, budgetIds }: HoldTerms, amount: bigint): void {
  const account = world.accounts.get(accountId);
  if (account) account.held += amount;
  for (const id of budgetIds) {
    const budget = world.budgets.get(id);
    if (budget) budget.held += amount;
  }
}

/** The open hold that is as the step says. */
function requireOpen(world: World, terms: HoldTerms, index: number): HoldState {
  const hold = world.holds.get(holdKey(terms));
  if (!hold || !isSameTerms(hold.terms, terms)) throw unknown(index);
  if (hold.isClosed) throw new Refused({ code: "hold_closed", holdId: terms.id });
  return hold;
}

function isSameTerms(a: HoldTerms, b: HoldTerms): boolean {
  return (
    a.accountId === b.accountId &&
    a.feeBasisPoints === b.feeBasisPoints &&
    a.budgetIds.join() === b.budgetIds.join()
  );
}

function reduceHold(world: World, step: Kind<"reduce-hold">, index: number): void {
  const hold = requireOpen(world, step.hold, index);
  const amount = requirePart(hold, step, index);
  hold.amount -= amount;
  mark(world, hold.terms, -amount);
}

function requirePart(
  hold: HoldState,
  { amountMicros }: { readonly amountMicros: bigint },
  index: number,
): bigint {
  if (amountMicros <= 0n) throw badAmount(index);
  if (hold.amount - hold.captured < amountMicros) {
    throw new Refused({ code: "hold_exceeded", holdId: hold.terms.id });
  }
  return amountMicros;
}

function captureHold(world: World, step: Kind<"capture-hold">, index: number): void {
  const hold = requireOpen(world, step.hold, index);
  const amount = requirePart(hold, step, index);
  const to = world.accounts.get(step.toAccountId);
  if (!to || !world.accounts.has(step.feeAccountId)) throw unknown(index);
  const from = hold.terms.accountId;
  const holdId = hold.terms.id;
  const fee = feeOf(hold.terms, amount);
  hold.captured += amount;
  mark(world, hold.terms, -amount);
  move(world, from, step.toAccountId, amount - fee);
  const key = `${step.hold.workId} ${step.name}`;
  record(world, key, { from, to: step.toAccountId, amount: amount - fee, holdId });
  if (fee > 0n) {
    move(world, from, step.feeAccountId, fee);
    record(world, `${key}:fee`, { from, to: step.feeAccountId, amount: fee, holdId });
  }
  for (const id of hold.terms.budgetIds) {
    const budget = world.budgets.get(id);
    if (budget) budget.spent += amount;
  }
}

function closeHold(world: World, step: Kind<"close-hold">, index: number): void {
  const hold = requireOpen(world, step.hold, index);
  mark(world, hold.terms, hold.captured - hold.amount);
  hold.isClosed = true;
}

function limitBudget(world: World, step: Kind<"limit-budget">, index: number): void {
  const budget = world.budgets.get(step.budgetId);
  if (!budget) throw unknown(index);
  if (step.limitMicros < 0n) throw badAmount(index);
  budget.limit = step.limitMicros;
}
