/** A talker's provider and those who hire it: what tests of handlers have in common. */
import assert from "node:assert/strict";
import { eventsUntil } from "../../server/test/sessions/support.ts";
import type { Member } from "../../server/test/support/guildhall.ts";
import type { Hall } from "./hall.ts";
import { CHAT, LABEL, registerTalker, startTalker } from "./talker.ts";

/** A provider and its requesters, apart from those of other stages. */
export async function setStage(hall: Hall, name: string) {
  const provider = await hall.loggedIn(`provider-${name}`);
  const slug = `talker-${name}`;
  return {
    provider,
    ...(await registerTalker(provider, slug)),
    start: (args: readonly string[]) => startTalker(provider, args, slug),
    member: (who: string) => hall.server.member(`${who}-${name}@example.org`),
  };
}

/** Hires, and gives what the provider says against it. */
export async function declined(one: Member, agentId: string): Promise<string> {
  const opened = await one.ask("POST", "/sessions", { agent_id: agentId, capability: CHAT });
  const refused = await one.ask("POST", `/sessions/${opened.body.session_id}/activate`, {});
  assert.equal(refused.status, 403, JSON.stringify(refused.body));
  return String(refused.body.detail);
}

export function call(one: Member, agentId: string) {
  const work = { agent_id: agentId, capability: LABEL, input: {} };
  return one.ask("POST", "/invoke", { ...work, manifest: { intention: "to see" } });
}

export const TASK = { instruction: "Label it.", task_params: { text: "lengthy" } };

export async function hire(one: Member, agentId: string, capability = CHAT): Promise<string> {
  const opened = await one.ask("POST", "/sessions", {
    ...{ agent_id: agentId, capability, max_messages: 9 },
  });
  assert.equal(opened.status, 201, JSON.stringify(opened.body));
  const id = opened.body.session_id as string;
  const active = await one.ask("POST", `/sessions/${id}/activate`, {});
  assert.equal(active.status, 200, JSON.stringify(active.body));
  return id;
}

/** Says something, and gives what came back for it. */
export async function said(one: Member, id: string, seq: number, payload: object) {
  const sent = await one.ask("POST", `/sessions/${id}/messages`, { seq, payload });
  assert.equal(sent.status, 202, JSON.stringify(sent.body));
  // biome-ignore lint/suspicious/noExplicitAny: an event is whatever JSON the test looks into.
  const isAnswer = (event: any) => event.from === "provider" && event.seq === seq && event.final;
  const events = await eventsUntil(one, id, (all) => all.some(isAnswer));
  const { payload: said, type } = events.find(isAnswer);
  return { type, payload: said, code: said?.code };
}

export async function escrowed(one: Member): Promise<[available: number, escrowed: number]> {
  const { body } = await one.ask("GET", "/credits");
  return [body.available, body.escrowed];
}

/** Opens a task for one agent; its id. */
export async function post(one: Member, principal: string, more: object): Promise<string> {
  const own = await one.ask("GET", "/agents?owner=me");
  const made =
    own.body[0] ??
    (
      await one.ask("POST", "/agents", {
        ...{ slug: `own-${principal.slice(-6)}`, agent_name: "Own", description: "Asks." },
        ...{ capabilities: ["ask"], capabilities_meta: { ask: { description: "Asks." } } },
      })
    ).body;
  const mandate = await one.ask("POST", "/mandates", {
    ...{ kind: "gig_pa", principal_agent_id: made.agent_id, max_credits: 100 },
    expires_at: new Date(Date.now() + 3_600_000).toISOString(),
  });
  assert.equal(mandate.status, 201, JSON.stringify(mandate.body));
  const created = await one.ask("POST", "/gig-tasks", {
    ...{ capability: LABEL, target_providers: 1, credits_per_provider: 7 },
    ...{ mandate_id: mandate.body.mandate_id, ...more },
  });
  assert.equal(created.status, 201, JSON.stringify(created.body));
  return created.body.task_id;
}

/** … and waits for its result. */
export async function broadcast(one: Member, principal: string, more: object) {
  const id = await post(one, principal, more);
  const task = await eventually(async () => {
    const answer = await one.ask("GET", `/gig-tasks/${id}`);
    const isIn = answer.body.results.some(
      ({ status }: { status: string }) => status !== "accepted",
    );
    return isIn ? answer : { ...answer, status: 404 };
  });
  return task.results;
}

export async function eventually(ask: () => ReturnType<Member["ask"]>) {
  const givesUpAt = performance.now() + 20_000;
  for (;;) {
    const { status, body } = await ask();
    if (status === 200) return body;
    assert.ok(performance.now() < givesUpAt, `never came: ${JSON.stringify(body)}`);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}
