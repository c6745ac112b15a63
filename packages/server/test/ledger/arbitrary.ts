/** Random commands over a small world, most of them sensible: what is never accepted tests nothing. */
import fc from "fast-check";
import type { Command, HoldTerms, Offer, Step, WorkChange } from "../../src/domain/command.ts";
import { POISON } from "./model.ts";

/** The ids of a small world. */
export interface Names {
  /** Owes what the wallets have. */
  readonly bank: string;
  readonly wallets: readonly string[];
  readonly frozen: string;
  readonly nobody: string;
  readonly budgets: readonly string[];
  readonly noBudget: string;
  /** One that works, then a revoked one, an expired one, one of a suspended workspace, and none. */
  readonly keys: readonly string[];
  readonly suspendedWorkspace: string;
  readonly works: readonly string[];
  /** At revision 5. */
  readonly agent: string;
  /** What transfers without work refer to. */
  readonly tips: string;
}

/** Beside the amounts of everyday: nothing, less, and so much that two of it do not fit. */
const amount = fc.oneof(
  { weight: 20, arbitrary: fc.bigInt(1n, 400n) },
  { weight: 2, arbitrary: fc.constantFrom(0n, -1n, 10_000n) },
  { weight: 1, arbitrary: fc.constant(2n ** 62n) },
);

export function arbitraryCommand(names: Names): fc.Arbitrary<Command> {
  const command = fc.oneof(
    { weight: 3, arbitrary: transferring(names) },
    { weight: 4, arbitrary: opening(names) },
    { weight: 4, arbitrary: settling(names) },
    { weight: 3, arbitrary: anything(names) },
    { weight: 3, arbitrary: releasing(names) },
  );
  return fc
    .tuple(command, offer(names))
    .map(([each, relied]) => (relied ? { ...each, offer: relied } : each));
}

/** Waves of commands that are asked for at once; some are asked for again later, word by word. */
export function arbitraryWaves(names: Names): fc.Arbitrary<Command[][]> {
  const wave = fc.array(arbitraryCommand(names), { minLength: 1, maxLength: 25 });
  const again = fc.array(fc.nat(), { maxLength: 5 });
  return fc.array(fc.tuple(wave, again), { minLength: 1, maxLength: 6 }).map((waves) => {
    const earlier: Command[] = [];
    return waves.map(([commands, repeats]) => {
      const repeated = repeats.flatMap((index) => earlier[index % (earlier.length || 1)] ?? []);
      earlier.push(...commands);
      return agreeing([...commands, ...repeated]);
    });
  });
}

function key(names: Names): fc.Arbitrary<string | undefined> {
  return fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(undefined, names.keys[0]) },
    { weight: 1, arbitrary: fc.constantFrom(...names.keys) },
  );
}

/** Mostly none, or an agent as it is. */
function offer({ agent, nobody }: Names): fc.Arbitrary<Offer | undefined> {
  const otherwise = fc.constantFrom(
    { agentId: agent, revision: 4n },
    { agentId: agent, revision: 6n },
    { agentId: nobody, revision: 5n },
  );
  return fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom(undefined, { agentId: agent, revision: 5n }) },
    { weight: 1, arbitrary: otherwise },
  );
}

function account(names: Names): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(names.bank, ...names.wallets) },
    { weight: 1, arbitrary: fc.constantFrom(names.frozen, names.nobody) },
  );
}

/** What a hold froze follows from its place, so that later commands can say it again; or nearly. */
function terms(names: Names): fc.Arbitrary<HoldTerms> {
  const place = fc.record({
    work: fc.nat(names.works.length - 1),
    id: fc.constantFrom("hold", "stake"),
    slip: fc.oneof(
      { weight: 30, arbitrary: fc.constant("none") },
      { weight: 1, arbitrary: fc.constantFrom("fee", "budget", "account") },
    ),
  });
  return place.map(({ work, id, slip }) => ({
    id,
    workId: names.works[work] ?? "",
    accountId: payer(names, work, slip),
    feeBasisPoints: (work % 3) * 250 + (slip === "fee" ? 1 : 0),
    budgetIds: budgets(names, work, slip),
    deadlineAt: new Date(1_900_000_000_000 + work),
  }));
}

function payer({ wallets, frozen, bank }: Names, work: number, slip: string): string {
  if (slip === "account") return frozen;
  return [...wallets, bank][work % (wallets.length + 1)] ?? bank;
}

function budgets(names: Names, work: number, slip: string): string[] {
  if (slip === "budget") return [names.noBudget];
  return names.budgets.slice(0, work % (names.budgets.length + 1));
}

function change(names: Names, state: string, version: number): fc.Arbitrary<WorkChange> {
  return fc
    .record({
      work: fc.nat(names.works.length - 1),
      shape: fc.oneof(
        { weight: 40, arbitrary: fc.constantFrom("run" as const, "session" as const) },
        { weight: 1, arbitrary: fc.constant(POISON as "run") },
      ),
      idempotencyKey: fc.option(fc.constantFrom("a", 'quo"te', "back\\slash"), { nil: undefined }),
      hash: fc.constantFrom("0123", "4567", undefined),
      workspace: fc.oneof(
        { weight: 12, arbitrary: fc.constantFrom(...names.wallets) },
        { weight: 1, arbitrary: fc.constantFrom(names.suspendedWorkspace, names.nobody) },
      ),
    })
    .map(({ work, shape, idempotencyKey, hash, workspace }) => ({
      id: names.works[work] ?? "",
      shape,
      expectedVersion: version,
      state,
      deadlineAt: state === "running" ? new Date(1_900_000_000_000) : undefined,
      processId: undefined,
      attempt: version + 1,
      ...(version === 0 && {
        opening: {
          workspaceId: workspace,
          operation: "test",
          idempotencyKey,
          requestHash: hash,
        },
      }),
    }));
}

function transferring(names: Names): fc.Arbitrary<Command> {
  return fc
    .tuple(key(names), fc.array(transfer(names), { minLength: 1, maxLength: 3 }))
    .map(([keyId, steps]) => ({ keyId, work: undefined, steps: distinct(steps) }));
}

/** Now and then other works change along, at the right version or not. */
function further(names: Names): fc.Arbitrary<readonly WorkChange[]> {
  const version = fc.integer({ min: 0, max: 2 });
  const one = version.chain((expected) => change(names, "running", expected));
  return fc.oneof(
    { weight: 4, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(one, { minLength: 1, maxLength: 2 }) },
  );
}

/** A command changes a work once, and uses an idempotency key once. */
function beside(work: WorkChange, further: readonly WorkChange[]): WorkChange[] {
  const seen = new Set(namesOf(work));
  return further.filter((change) => {
    const used = namesOf(change);
    const isNew = !used.some((name) => seen.has(name));
    for (const name of used) seen.add(name);
    return isNew;
  });
}

function namesOf({ id, opening }: WorkChange): string[] {
  if (opening?.idempotencyKey === undefined) return [id];
  return [id, `${opening.workspaceId} ${opening.idempotencyKey}`];
}

function opening(names: Names): fc.Arbitrary<Command> {
  return fc
    .tuple(key(names), change(names, "running", 0), terms(names), amount, further(names))
    .map(([keyId, work, hold, amountMicros, others]) => ({
      keyId,
      work,
      also: beside(work, others),
      steps: [{ kind: "open-hold", hold: { ...hold, ...termsOf(hold, work) }, amountMicros }],
    }));
}

/** Mostly the hold of this very work. */
function termsOf(hold: HoldTerms, work: WorkChange): Partial<HoldTerms> {
  return hold.id === "hold" ? { workId: work.id } : {};
}

function settling(names: Names): fc.Arbitrary<Command> {
  const version = fc.integer({ min: 1, max: 3 });
  return fc
    .tuple(version, terms(names), amount, account(names), fc.boolean(), further(names))
    .chain(([expected, hold, amountMicros, toAccountId, isLast, others]) =>
      change(names, isLast ? "over" : "running", expected).map((work): Command => {
        const capture: Step = {
          kind: "capture-hold",
          hold,
          amountMicros,
          toAccountId,
          feeAccountId: names.bank,
          name: isLast ? "last" : "part",
        };
        const steps: Step[] = isLast ? [capture, { kind: "close-hold", hold }] : [capture];
        const own = { ...work, id: hold.workId };
        return { keyId: undefined, work: own, also: beside(own, others), steps };
      }),
    );
}

/** Nobody is paid, and less or nothing stays held. */
function releasing(names: Names): fc.Arbitrary<Command> {
  const step = fc
    .tuple(terms(names), amount, fc.boolean())
    .map(([hold, amountMicros, isLast]): Step => {
      return isLast ? { kind: "close-hold", hold } : { kind: "reduce-hold", hold, amountMicros };
    });
  return fc
    .array(step, { minLength: 1, maxLength: 2 })
    .map((steps) => ({ keyId: undefined, work: undefined, steps }));
}

function anything(names: Names): fc.Arbitrary<Command> {
  const step = fc.oneof(transfer(names), holdStep(names), limit(names));
  const work = fc.integer({ min: 0, max: 3 }).chain((version) => change(names, "running", version));
  return fc
    .tuple(key(names), fc.option(work, { nil: undefined }), fc.array(step, { maxLength: 4 }))
    .map(([keyId, changed, steps]) => ({ keyId, work: changed, steps: distinct(steps) }));
}

function transfer(names: Names): fc.Arbitrary<Step> {
  return fc.record({
    kind: fc.constant("transfer" as const),
    fromAccountId: account(names),
    toAccountId: account(names),
    amountMicros: amount,
    reference: fc.constantFrom(names.tips, ...names.works),
    name: fc.constantFrom("one", "two", "part", "last"),
  });
}

function holdStep(names: Names): fc.Arbitrary<Step> {
  return fc
    .tuple(fc.nat(3), terms(names), amount, account(names), fc.constantFrom("part", "last"))
    .map(([kind, hold, amountMicros, toAccountId, name]): Step => {
      if (kind === 0) return { kind: "open-hold", hold, amountMicros };
      if (kind === 1) return { kind: "reduce-hold", hold, amountMicros };
      if (kind === 2) return { kind: "close-hold", hold };
      const feeAccountId = names.bank;
      return { kind: "capture-hold", hold, amountMicros, toAccountId, feeAccountId, name };
    });
}

function limit(names: Names): fc.Arbitrary<Step> {
  return fc.record({
    kind: fc.constant("limit-budget" as const),
    budgetId: fc.constantFrom(names.noBudget, ...names.budgets, ...names.budgets),
    limitMicros: fc.constantFrom(-1n, 0n, 500n, 2_000n, 2n ** 62n),
  });
}

/** A command makes a transfer once. */
function distinct(steps: readonly Step[]): Step[] {
  const seen = new Set<string>();
  return steps.filter((step) => {
    if (step.kind !== "transfer" && step.kind !== "capture-hold") return true;
    const reference = step.kind === "transfer" ? step.reference : step.hold.workId;
    const key = `${reference} ${step.name}`;
    const isNew = !seen.has(key);
    seen.add(key);
    return isNew;
  });
}

/**
 * In one wave a hold is described one way. Whoever describes it otherwise is refused either way, but
 * with which code depends on whether it was opened in the same batch.
 */
function agreeing(commands: readonly Command[]): Command[] {
  const terms = new Map<string, HoldTerms>();
  return commands.map((command) => ({
    ...command,
    steps: command.steps.map((step) => {
      if (!("hold" in step)) return step;
      const key = `${step.hold.workId} ${step.hold.id}`;
      const hold = terms.get(key) ?? step.hold;
      terms.set(key, hold);
      return { ...step, hold };
    }),
  }));
}
