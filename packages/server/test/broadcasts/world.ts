/**
 * The broadcast engine over a real database and ledger, in this process and with a clock that is held:
 * for races that are run hundreds of times, and for what time alone does.
 */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { createAgents } from "../../src/core/agent.ts";
import { createBooks } from "../../src/core/books.ts";
import { type BroadcastEngine, createBroadcastEngine } from "../../src/core/broadcast-engine.ts";
import type { CreateBroadcast } from "../../src/core/broadcast-opening.ts";
import { createLedger } from "../../src/core/ledger.ts";
import { createMandates, type Mandates } from "../../src/core/mandate.ts";
import { createSchemas } from "../../src/core/schema.ts";
import { createSigner } from "../../src/core/signing.ts";
import { HOUSE_ACCOUNTS } from "../../src/domain/account.ts";
import { NO_LIMITS } from "../../src/domain/budget.ts";
import type { Caller } from "../../src/domain/caller.ts";
import { createGuardedFetch } from "../../src/lib/guarded-fetch.ts";
import { createLog } from "../../src/lib/log.ts";
import { newId, systemRandom } from "../../src/lib/random.ts";
import { createSealer } from "../../src/lib/seal.ts";
import { LocalBus } from "../../src/outbound/bus/local.ts";
import { insertAgent } from "../../src/store/agent.ts";
import type { Database } from "../../src/store/database.ts";
import { findAvailableMicros } from "../../src/store/ledger.ts";
import { HeldClock } from "../support/clock.ts";

export const FUNDS_MICROS = 100_000_000n;
const FEE_BASIS_POINTS = 500;

/** A workspace with money and an agent. */
export interface Party {
  readonly caller: Caller;
  readonly agentId: string;
}

export interface World {
  readonly clock: HeldClock;
  readonly engine: BroadcastEngine;
  readonly mandates: Mandates;
  readonly parties: readonly Party[];
  /** Opens a broadcast, of the first party's unless another is named; what is not given is usual. */
  open(rest?: Partial<CreateBroadcast>, asker?: Party): Promise<string>;
  /** What each party has, and the house's fees: what is available and what is held. */
  balances(): Promise<readonly { readonly posted: bigint; readonly held: bigint }[]>;
  availableMicros(party: Party): Promise<bigint>;
  verify(): Promise<void>;
}

export async function openWorld(
  t: TestContext,
  database: Database,
  options: { readonly parties: number; readonly feeBasisPoints?: number },
): Promise<World> {
  const { clock, ledger, engine, mandates } = openEngine(t, database, options.feeBasisPoints);
  const parties: Party[] = [];
  for (let index = 0; index < options.parties; index++) {
    const party = await addParty(database, clock);
    const { workspaceId } = party.caller;
    const funded = await ledger.commit({
      ...{ keyId: undefined, work: undefined },
      steps: [
        {
          kind: "transfer",
          fromAccountId: HOUSE_ACCOUNTS.grant,
          toAccountId: workspaceId,
          amountMicros: FUNDS_MICROS,
          ...{ reference: "grant", name: workspaceId },
        },
      ],
    });
    assert.ok(funded.ok);
    parties.push(party);
  }
  const [requester] = parties as [Party];
  let mandate: { readonly id: string; readonly expiresAt: Date } | undefined;
  /** A mandate that is good for a while yet: a story may take years. */
  async function mandateId(): Promise<string> {
    const soon = clock.now().getTime() + 30 * 86_400_000;
    if (mandate && mandate.expiresAt.getTime() > soon) return mandate.id;
    const given = await mandates.create(requester.caller, {
      principalAgentId: requester.agentId,
      delegateAgentId: undefined,
      maxMicros: FUNDS_MICROS,
      expiresAt: new Date(clock.now().getTime() + 365 * 86_400_000),
      idempotencyKey: undefined,
    });
    mandate = given.mandate;
    return mandate.id;
  }
  return {
    ...{ clock, engine, mandates, parties },
    async open(rest = {}, asker = requester) {
      const view = await engine.broadcasts.create(asker.caller, {
        ...{ capability: "echo", instruction: "Say something.", params: {} },
        ...{ target: 2, slotMicros: 1_000n, unitMicros: 100n, stakeMicros: 0n },
        ...{ payment: "fixed", partition: "homogeneous", verifier: "requester" },
        ...{
          resultSchema: undefined,
          deadlineAt: undefined,
          mandateId: rest.mandateId ?? (await mandateId()),
        },
        ...{ chainId: undefined, idempotencyKey: undefined },
        ...rest,
      });
      return view.broadcast.id;
    },
    async balances() {
      const ids = [...parties.map(({ caller }) => caller.workspaceId), HOUSE_ACCOUNTS.fees];
      const rows = await database.query<{ id: string; posted: bigint; held: bigint }>(
        `select id, posted_micros as posted, held_micros as held from accounts where id = any($1)`,
        [ids],
      );
      const byId = new Map(rows.map((row) => [row.id, row]));
      return ids.map((id) => ({
        posted: byId.get(id)?.posted ?? 0n,
        held: byId.get(id)?.held ?? 0n,
      }));
    },
    availableMicros: ({ caller }) => findAvailableMicros(database, caller.workspaceId),
    async verify() {
      const { ok, problems } = await createBooks({ database }).verify({ isFull: true });
      assert.deepEqual([ok, problems], [true, []]);
    },
  };
}

/** As `app-core.ts` joins it; only files are not asked for, since nobody sends any. */
function openEngine(t: TestContext, database: Database, feeBasisPoints = FEE_BASIS_POINTS) {
  const clock = new HeldClock();
  const random = systemRandom;
  const log = createLog("silent");
  const ledger = createLedger({ database, clock, random, log });
  const schemas = createSchemas({
    ...{ database, clock, baseUrl: () => "http://127.0.0.1" },
    guardedFetch: createGuardedFetch({ isLoopbackOpen: false, userAgent: "test" }),
  });
  const presence = { statusOf: async () => new Map() };
  const onWritten = () => undefined;
  const agents = createAgents({ database, clock, random, presence, schemas, onWritten });
  const sealer = createSealer(random, "a secret of thirty-two characters");
  const signer = createSigner({ database, clock, sealer });
  const mandates = createMandates({ database, clock, random, signer, ledger, agents });
  const bus = new LocalBus(log);
  const files = {
    check: async () => undefined,
    deliver: async (_: string, input: unknown) => input,
  };
  const engine = createBroadcastEngine({
    ...{ database, ledger, clock, random, log, bus, files, schemas, agents, mandates },
    ...{ feeBasisPoints, openMax: 1_000, executeSeconds: 300, reviewSeconds: 72 * 3_600 },
  });
  t.after(async () => {
    await engine.close();
    await ledger.close();
    await schemas.close();
    await bus.close();
  });
  return { clock, ledger, engine, mandates };
}

async function addParty(database: Database, clock: HeldClock): Promise<Party> {
  const [workspaceId, agentId] = [newId(clock, systemRandom), newId(clock, systemRandom)];
  const at = clock.now();
  await database.transaction(async (tx) => {
    await tx.query("insert into workspaces(id, name, created_at) values ($1, 'w', $2)", [
      workspaceId,
      at,
    ]);
    await tx.query("insert into accounts(id, kind, created_at) values ($1, 'wallet', $2)", [
      workspaceId,
      at,
    ]);
    const echo = {
      ...{ slug: "echo", description: "Says what it is told.", price: { kind: "free" as const } },
      ...{ inputSchema: undefined, outputSchema: undefined },
    };
    await insertAgent(tx, {
      ...{ id: agentId, workspaceId, slug: agentId, name: "Echo", description: "Echoes." },
      ...{ extra: {}, capabilities: [echo], at },
    });
  });
  const caller: Caller = {
    ...{ workspaceId, keyId: undefined, agentId: undefined, memberId: "somebody" },
    ...{ isOperator: false, keyLimits: NO_LIMITS, workspaceLimits: NO_LIMITS },
    chainCeilingMicros: FUNDS_MICROS,
  };
  return { caller, agentId };
}
