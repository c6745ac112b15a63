/** A task (contract §7.3): what an answer tells of it, for people and for control. */
import { Failure } from "../failure.ts";
import { isObject, type Json, type JsonObject, Numeral, textOf } from "./json.ts";
import { lineOfJson } from "./json-text.ts";
import { type Output, oneLine, wordOf } from "./output.ts";
import { objectOf, type Reply, segment } from "./wire.ts";

export const TASKS = "/v1/tasks";

export interface Task {
  readonly id: string;
  readonly status: string;
  readonly told: JsonObject;
}

/** The task of an answer that is a success. Fails where it tells none. */
export function taskOf(reply: Reply): Task {
  const told = objectOf(reply);
  const id = textOf(told.task_id);
  if (id !== undefined) return { id, status: textOf(told.status) ?? "unknown", told };
  throw new Failure("bad_response", `${reply.method} ${reply.url} answered without a task_id.`);
}

export function taskPath(id: string): string {
  return `${TASKS}/${segment(id)}`;
}

/** Nothing more happens to it. */
export function isOver({ status }: Task): boolean {
  return status === "succeeded" || status === "failed";
}

const FIELDS = [
  ["Task ID", "task_id"],
  ["Status", "status"],
  ["Provider", "provider_id"],
  ["Workspace", "workspace_id"],
  ["Created at", "created_at"],
  ["Updated at", "updated_at"],
  ["Started at", "started_at"],
  ["Completed at", "completed_at"],
  ["Error", "error"],
  ["Output", "output"],
  ["Metadata", "metadata"],
] as const;

export function printTask(output: Output, { told }: Task): void {
  for (const [title, name] of FIELDS) {
    const value = told[name];
    if (value === undefined || value === null) continue;
    const isDocument = name === "output" || name === "metadata";
    output.line(`${title}: ${isDocument ? lineOfJson(value) : wordOf(value)}`);
  }
}

const BAR_LENGTH = 20;

/** How far it is, in a few words: some servers tell a share that is done. */
export function progressOf({ id, status, told }: Task): string {
  const { metadata } = told;
  const progress = isObject(metadata) ? metadata.progress : undefined;
  const words = [`task ${oneLine(id)}`, oneLine(status)];
  return [...words, ...(progress === undefined ? [] : [shareOf(progress)])].join(" · ");
}

/** A share from 0 to 1 as a bar; anything else as it was told. */
function shareOf(progress: Json): string {
  const share = progress instanceof Numeral ? Number(progress.text) : Number.NaN;
  if (!(share >= 0 && share <= 1)) return wordOf(progress);
  const done = Math.floor(share * BAR_LENGTH);
  const bar = "▰".repeat(done) + "▱".repeat(BAR_LENGTH - done);
  return `${bar} ${Math.floor(share * 100)} %`;
}
