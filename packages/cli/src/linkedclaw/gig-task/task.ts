/** A gig task as the wire says it (LinkedClaw contract §6.8), and as people read it. */
import { fieldsOf } from "../../server.ts";
import { facts, moment, type Page, table } from "../../terminal/layout.ts";
import { type Api, pathPart } from "../api.ts";
import { payloadText } from "../session/conversation.ts";

/** Counts that a task's progress is read from. */
export const COUNTS = ["accepted_count", "completed_count", "approved_count"] as const;
export type Count = (typeof COUNTS)[number];

export interface Task extends Readonly<Record<Count, number>> {
  readonly task_id: string;
  readonly status: string;
  readonly capability: string;
  readonly target_providers: number;
  readonly credits_per_provider: number | undefined;
  readonly escrow_held: number | undefined;
  readonly deadline: string | undefined;
  readonly created_at: string | undefined;
  readonly results: readonly Result[];
}

export interface Result {
  readonly result_id: string;
  readonly status: string;
  readonly agent_id: string;
  readonly result_data: unknown;
  readonly auto_approve_at: string | undefined;
}

/** Reads a task from an answer; what is missing is empty, and a count that is missing is 0. */
export function taskOf(value: unknown): Task {
  const fields = { ...fieldsOf(fieldsOf(value).manifest), ...fieldsOf(value) };
  const { results } = fields;
  return {
    task_id: textIn(fields, "task_id") ?? "",
    status: textIn(fields, "status") ?? "",
    capability: textIn(fields, "capability") ?? "",
    target_providers: numberIn(fields, "target_providers") ?? 0,
    credits_per_provider: numberIn(fields, "credits_per_provider"),
    escrow_held: numberIn(fields, "escrow_held"),
    deadline: textIn(fields, "deadline"),
    created_at: textIn(fields, "created_at"),
    accepted_count: numberIn(fields, "accepted_count") ?? 0,
    completed_count: numberIn(fields, "completed_count") ?? 0,
    approved_count: numberIn(fields, "approved_count") ?? 0,
    results: (Array.isArray(results) ? results : []).map(resultOf),
  };
}

function resultOf(value: unknown): Result {
  const fields = fieldsOf(value);
  return {
    result_id: textIn(fields, "result_id") ?? "",
    status: textIn(fields, "status") ?? "",
    agent_id: textIn(fields, "agent_id") ?? "",
    result_data: fields.result_data,
    auto_approve_at: textIn(fields, "auto_approve_at"),
  };
}

type Fields = Readonly<Record<string, unknown>>;

function textIn(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  return typeof value === "string" ? value : undefined;
}

function numberIn(fields: Fields, name: string): number | undefined {
  const value = fields[name];
  return typeof value === "number" ? value : undefined;
}

export function taskPath(taskId: string, below = ""): string {
  return `/gig-tasks/${pathPart(taskId)}${below}`;
}

export function fetchTask(api: Api, taskId: string): Promise<unknown> {
  return api.ask({ method: "GET", path: taskPath(taskId) });
}

/** `2 of 3 accepted, 1 judged, 1 approved`. */
export function progressOf(task: Task): string {
  const { accepted_count: accepted, completed_count: judged, approved_count: approved } = task;
  return `${accepted} of ${task.target_providers} accepted, ${judged} judged, ${approved} approved`;
}

/** A task's facts, and a row for each of its results. */
export function drawTask(page: Page, value: unknown): string {
  const task = taskOf(value);
  const head = facts(page, [
    ["task", task.task_id, page.paint.accent],
    ["status", task.status, task.status === "open" ? page.paint.warning : page.paint.good],
    ["for", task.capability],
    ["progress", progressOf(task)],
    ["each", creditsText(task.credits_per_provider)],
    ["held", creditsText(task.escrow_held)],
    ["until", task.deadline && moment(task.deadline)],
  ]);
  if (task.results.length === 0) return head;
  const columns = [
    { title: "result", style: page.paint.accent },
    { title: "agent" },
    { title: "status" },
    { title: "approved by itself", style: page.paint.dim },
    { title: "what came", isFlexible: true },
  ];
  const rows = task.results.map((one) => [
    one.result_id,
    one.agent_id,
    one.status,
    moment(one.auto_approve_at),
    payloadText(page, one.result_data),
  ]);
  return `${head}\n\n${table(page, columns, rows)}`;
}

function creditsText(credits: number | undefined): string | undefined {
  return credits === undefined ? undefined : `${credits} credits`;
}

export function drawTasks(page: Page, values: readonly unknown[]): string {
  if (values.length === 0) return "There are no such tasks.";
  const columns = [
    { title: "task", style: page.paint.accent },
    { title: "status" },
    { title: "capability", isFlexible: true },
    { title: "progress" },
    { title: "each", align: "right" as const, style: page.paint.bold },
    { title: "until", style: page.paint.dim },
  ];
  const rows = values
    .map(taskOf)
    .map((task) => [
      task.task_id,
      task.status,
      task.capability,
      progressOf(task),
      String(task.credits_per_provider ?? ""),
      moment(task.deadline),
    ]);
  return table(page, columns, rows);
}
