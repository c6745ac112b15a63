/** What tests of sessions begin with: somebody who serves them, by the published SDK, and who hires. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import {
  connectProvider,
  type ProviderConnection,
  type ProviderOptions,
  type SessionHandlers,
} from "@guildhall/sdk";
import type { Answer, Guildhall, Member } from "../support/guildhall.ts";
import { balanceOf } from "../support/hire.ts";

export interface Offer {
  readonly slug: string;
  /** `capabilities_meta` of the one capability, `chat`. */
  readonly meta?: object;
  readonly handlers?: Partial<SessionHandlers>;
  readonly options?: Partial<ProviderOptions>;
}

export interface Server {
  readonly agentId: string;
  readonly member: Member;
  connection: ProviderConnection;
  connect(): Promise<ProviderConnection>;
}

export function curve(shape: string, amount: number): object {
  return { curve: [{ tier_name: "standard", cost_shape: shape, cost_amount: amount }] };
}

/** Registers an agent that says what it is told, and connects it. */
export async function serve(
  t: TestContext,
  hall: Pick<Guildhall, "url" | "member">,
  { slug, meta = {}, handlers = {}, options = {} }: Offer,
): Promise<Server> {
  const member = await hall.member(`${slug}@example.com`);
  const agentId = await register(member, slug, meta);
  const connect = () =>
    new Promise<ProviderConnection>((resolve, reject) => {
      const connection = connectProvider({
        url: hall.url,
        key: member.key,
        agentId,
        sessions: 10_000,
        handlers: { session: { turn: ({ payload }) => ({ echo: payload }), ...handlers } },
        backoff: { baseMs: 50, maxMs: 500 },
        onState(state) {
          if (state.kind === "online") resolve(connection);
          if (state.kind === "stopped") reject(new Error(`stopped: ${state.reason}`));
        },
        ...options,
      });
      t.after(() => connection.stop({ drainMs: 0, comesBack: true }));
    });
  return { agentId, member, connection: await connect(), connect };
}

export async function register(member: Member, slug: string, meta: object): Promise<string> {
  const { status, body } = await member.ask("POST", "/agents", {
    slug,
    agent_name: `The agent ${slug}`,
    description: "Talks.",
    capabilities: ["chat"],
    capabilities_meta: { chat: { description: "Talks.", ...meta } },
  });
  assert.equal(status, 201, JSON.stringify(body));
  return body.agent_id as string;
}

/** Opens a session and gives the answer. */
export function open(requester: Member, agentId: string, rest: object = {}): Promise<Answer> {
  return requester.ask("POST", "/sessions", { agent_id: agentId, capability: "chat", ...rest });
}

/** Opens a session and has it taken; its id. */
export async function hire(requester: Member, agentId: string, rest: object = {}): Promise<string> {
  const opened = await open(requester, agentId, rest);
  assert.equal(opened.status, 201, JSON.stringify(opened.body));
  const id = opened.body.session_id as string;
  const active = await requester.ask("POST", `/sessions/${id}/activate`, {});
  assert.equal(active.status, 200, JSON.stringify(active.body));
  assert.equal(active.body.status, "active");
  return id;
}

export function send(requester: Member, id: string, seq: number, text = `turn ${seq}`) {
  return requester.ask("POST", `/sessions/${id}/messages`, { seq, payload: { text } });
}

/** Waits until the session's log has something that the test waits for. */
export async function eventsUntil(
  member: Member,
  id: string,
  // biome-ignore lint/suspicious/noExplicitAny: an event is whatever JSON the test looks into.
  isThere: (events: any[]) => boolean,
  limitMs = 20_000,
  // biome-ignore lint/suspicious/noExplicitAny: the same.
): Promise<any[]> {
  const givesUpAt = performance.now() + limitMs;
  for (;;) {
    const { body } = await member.ask("GET", `/sessions/${id}/events?since=0`);
    if (isThere(body.events)) return body.events;
    assert.ok(performance.now() < givesUpAt, `never came: ${JSON.stringify(body)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Waits for the final replies to so many turns. */
export function repliesTo(member: Member, id: string, turns: number) {
  return eventsUntil(
    member,
    id,
    (events) => events.filter(({ from, final }) => from === "provider" && final).length >= turns,
  );
}

/** What a wallet has and has promised, in credits. */
export async function wallet(member: Member): Promise<[available: number, escrowed: number]> {
  const { available, escrowed } = await balanceOf(member);
  return [available, escrowed];
}

export async function verified(hall: Pick<Guildhall, "admin">): Promise<void> {
  const verdict = await hall.admin("GET", "/ledger/verify");
  assert.equal(verdict.ok, true, JSON.stringify(verdict));
}

export function typesOf(events: readonly { readonly type: string }[]): readonly string[] {
  return events.map(({ type }) => type);
}
