/**
 * Scenarios: our commands as child processes, each person with a configuration of their own, against
 * a whole server on both hosts, with providers on the SDK. After each one the books verify.
 */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import {
  connectProvider,
  type ProviderConnection,
  type ProviderHandlers,
  type ProviderOptions,
} from "@guildhall/sdk";
import type { Environment, Member } from "../../../server/test/support/guildhall.ts";
import { type Hall, inEachHall } from "../hall.ts";
import { answerOf, errorOf, type RunOptions, type Shell, until } from "../support.ts";

/** What everybody begins with, in credits. */
export const FUNDS = 1_000_000;

export interface Stage {
  readonly hall: Hall;
  /** Somebody new, with money and a shell. */
  person(env?: Readonly<Record<string, string>>): Promise<Person>;
  /** Somebody new who offers an agent. It is online unless it has no handlers. */
  offer(offer: Offer): Promise<Offered>;
}

export interface Offer {
  readonly capability?: string;
  readonly meta?: Readonly<Record<string, unknown>>;
  readonly name?: string;
  readonly handlers?: ProviderHandlers;
  readonly options?: Partial<ProviderOptions>;
}

export interface Offered {
  readonly agentId: string;
  readonly slug: string;
  readonly capability: string;
  readonly member: Member;
  readonly connection: ProviderConnection | undefined;
}

export type Person = ReturnType<typeof personOf>;
type Scenario = (stage: Stage, t: TestContext) => Promise<void>;

let named = 0;

/** Registers the scenarios of one file, which share a server a host. */
export function scenarios(
  title: string,
  table: Readonly<Record<string, Scenario>>,
  environment?: Environment,
): void {
  const play = async (t: TestContext, hall: Hall) => {
    for (const [says, scenario] of Object.entries(table)) {
      await t.test(says, async (inner) => {
        await scenario(stageOf(inner, hall), inner);
        assert.equal((await hall.told("ledger", "verify")).ok as unknown, true);
      });
    }
  };
  inEachHall(`scenarios: ${title}`, play, environment);
}

function stageOf(t: TestContext, hall: Hall): Stage {
  return {
    hall,
    async person(env) {
      named += 1;
      const email = `person-${named}@example.org`;
      const member = await hall.server.member(email);
      const one = hall.stranger();
      mkdirSync(one.config, { mode: 0o700 });
      const file = join(one.config, "config.yaml");
      const text = `apiKey: ${member.key}\ncloudUrl: ${hall.server.url}\n`;
      writeFileSync(file, text, { mode: 0o600 });
      return personOf(one, member, email, env);
    },
    async offer({ capability = "chat.v1", meta = {}, name, handlers, options }) {
      named += 1;
      const slug = `agent-${named}`;
      const member = await hall.server.member(`${slug}@example.org`);
      const { status, body } = await member.ask("POST", "/agents", {
        ...{ slug, agent_name: name ?? `Agent ${named}`, description: "Does what it says." },
        capabilities: [capability],
        capabilities_meta: { [capability]: { description: "Does what it says.", ...meta } },
      });
      assert.equal(status, 201, JSON.stringify(body));
      const agentId = String(body.agent_id);
      const connection = handlers && (await connect(t, hall, member, agentId, handlers, options));
      return { agentId, slug, capability, member, connection };
    },
  };
}

async function connect(
  t: TestContext,
  hall: Hall,
  { key }: Member,
  agentId: string,
  handlers: ProviderHandlers,
  options: Partial<ProviderOptions> = {},
): Promise<ProviderConnection> {
  const { url } = hall.server;
  const connection = connectProvider({ url, key, agentId, handlers, ...options });
  t.after(() => connection.stop({ drainMs: 0 }));
  await until(() => connection.state.kind === "online", `${agentId} is online`);
  return connection;
}

/** What a person types, and what they have. */
function personOf(
  one: Shell,
  member: Member,
  email: string,
  env: Readonly<Record<string, string>> = {},
) {
  const run = (args: readonly string[], options: RunOptions = {}) =>
    one.linkedclaw(args, { ...options, env: { ...env, ...options.env } });
  return {
    ...one,
    member,
    email,
    run,
    /** The answer of a command that succeeds. */
    // biome-ignore lint/suspicious/noExplicitAny: an answer is whatever JSON the test looks into.
    async told(...args: string[]): Promise<any> {
      return answerOf(await run(args));
    },
    /** The error of one that is refused, or, with exit code 2, was not said correctly. */
    async refused(args: readonly string[], exitCode = 1) {
      return errorOf(await run(args), exitCode);
    },
    /** What is available, and what is held. */
    async credits(): Promise<[available: number, escrowed: number]> {
      const { body } = await member.ask("GET", "/credits");
      return [body.available, body.escrowed];
    },
  };
}

export function price(shape: string, credits: number): Readonly<Record<string, unknown>> {
  return {
    curve: [{ tier_name: "standard", quality: 0.9, cost_shape: shape, cost_amount: credits }],
  };
}

/** Says what it was told. */
export const ECHO: ProviderHandlers = {
  session: {
    turn: ({ payload }) => ({ text: `You said: ${(payload as { text: string }).text}` }),
  },
};
