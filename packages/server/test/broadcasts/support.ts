/** What scenarios of broadcasts share: who asks, who answers, and how it is said on the wire. */
import assert from "node:assert/strict";
import type { Answer, Guildhall, Member } from "../support/guildhall.ts";
import { register } from "../support/hire.ts";

/** A requester with an agent to give mandates in the name of. */
export interface Asker {
  readonly member: Member;
  readonly agentId: string;
  readonly mandateId: string;
}

export interface Worker {
  readonly member: Member;
  readonly agentId: string;
}

let named = 0;

/** A name that no other scenario has. */
export function fresh(name: string): string {
  named += 1;
  return `${name}-${process.pid}-${named}`;
}

export async function asker(hall: Guildhall, maxCredits = 100_000): Promise<Asker> {
  const slug = fresh("asker");
  const member = await hall.member(`${slug}@example.com`);
  const agentId = await register(member, slug, 1);
  const { mandateId } = await mandate(member, agentId, maxCredits);
  return { member, agentId, mandateId };
}

export async function mandate(
  member: Member,
  agentId: string,
  maxCredits: number,
): Promise<{ readonly mandateId: string }> {
  const { status, body } = await member.ask("POST", "/mandates", {
    kind: "gig_pa",
    principal_agent_id: agentId,
    max_credits: maxCredits,
  });
  assert.equal(status, 201, JSON.stringify(body));
  return { mandateId: body.mandate_id };
}

/** An agent that offers `echo`, of a workspace of its own. */
export async function worker(hall: Guildhall): Promise<Worker> {
  const slug = fresh("worker");
  const member = await hall.member(`${slug}@example.com`);
  return { member, agentId: await register(member, slug, 1) };
}

export function create(
  { member, mandateId }: Asker,
  rest: object = {},
  headers: Record<string, string> = {},
): Promise<Answer> {
  const task = {
    capability: "echo",
    instruction: "Say something.",
    target_providers: 2,
    credits_per_provider: 10,
    mandate_id: mandateId,
  };
  return member.ask("POST", "/gig-tasks", { ...task, ...rest }, headers);
}

/** A task that was opened, by its id. */
export async function open(who: Asker, rest: object = {}): Promise<string> {
  const { status, body } = await create(who, rest);
  assert.equal(status, 201, JSON.stringify(body));
  return body.task_id;
}

export function accept({ member, agentId }: Worker, taskId: string, rest: object = {}) {
  return member.ask("POST", `/gig-tasks/${taskId}/accept`, { agent_id: agentId, ...rest });
}

/** Takes a slot and gives its result's id. */
export async function take(who: Worker, taskId: string, rest: object = {}): Promise<string> {
  const { status, body } = await accept(who, taskId, rest);
  assert.equal(status, 200, JSON.stringify(body));
  return body.result_id;
}

export function submit(
  { member, agentId }: Worker,
  taskId: string,
  result: object = { text: "hello" },
) {
  const body = { agent_id: agentId, result_data: result };
  return member.ask("POST", `/gig-tasks/${taskId}/submit`, body);
}

export async function handIn(who: Worker, taskId: string, result?: object): Promise<string> {
  const { status, body } = await submit(who, taskId, result);
  assert.equal(status, 200, JSON.stringify(body));
  return body.status;
}

export function verify(
  { member }: Asker,
  taskId: string,
  resultId: string,
  verdict: "approved" | "rejected",
  rest: object = {},
) {
  const path = `/gig-tasks/${taskId}/results/${resultId}/verify`;
  return member.ask("POST", path, { verdict, ...rest });
}

export async function taskOf({ member }: { readonly member: Member }, taskId: string) {
  const { status, body } = await member.ask("GET", `/gig-tasks/${taskId}`);
  assert.equal(status, 200, JSON.stringify(body));
  return body;
}

export function countsOf(task: Record<string, number>): readonly (number | undefined)[] {
  const { accepted_count, completed_count, approved_count, rejected_count } = task;
  return [accepted_count, completed_count, approved_count, rejected_count];
}

/** What the requester was told of each result: its status and what it was paid. */
export function paidOf(task: {
  readonly results: readonly { readonly status: string; readonly credits_paid: number }[];
}): readonly (readonly [string, number])[] {
  return task.results.map(({ status, credits_paid }) => [status, credits_paid] as const);
}

/** Takes a slot and hands a result in; gives its id. */
export async function work(who: Worker, taskId: string, result?: object): Promise<string> {
  const resultId = await take(who, taskId);
  await handIn(who, taskId, result);
  return resultId;
}
