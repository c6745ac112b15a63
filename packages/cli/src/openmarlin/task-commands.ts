/**
 * Tasks (contract §7). Submitting one:
 *
 *   1. It is checked here, and is given a key by which the server does it once however often it is sent:
 *      the one that was given, or that of the same request a short while ago, or a new one.
 *   2. It is written down, and sent.
 *   3. With `--watch` it is looked at until it is over. That it was accepted is said at once.
 */
import { randomBytes } from "node:crypto";
import { Failure, messageOf } from "../failure.ts";
import { requireBody } from "./body.ts";
import type { Client } from "./client.ts";
import type { Flags } from "./flags.ts";
import { oneLine } from "./output.ts";
import { scriptCommand } from "./own-script.ts";
import { answered, TASK, tellRefusal } from "./platform-answer.ts";
import { poll } from "./poll.ts";
import { type Request, Submissions } from "./submission.ts";
import { isOver, printTask, progressOf, TASKS, type Task, taskOf, taskPath } from "./task.ts";
import { checkedKey, type TaskRequest, taskRequestOf } from "./task-body.ts";
import { noteFailure } from "./topup.ts";
import type { Reply } from "./wire.ts";

/** A task as it was answered last. */
interface Sight {
  readonly reply: Reply;
  readonly task: Task;
}

/** One look: without a task where it was refused. */
type Look = Sight | { readonly reply: Reply; readonly task?: undefined };

export async function submitTask(client: Client, flags: Flags): Promise<number> {
  const { output, origin } = client;
  const given = taskRequestOf(requireBody(flags, "body"));
  const submissions = new Submissions(client.directory);
  const request = { serverUrl: origin.url, secret: client.key.secret, body: given.body };
  const key = keyFor(client, flags, given, submissions, request);
  if (key !== undefined) submissions.begin(request, key, new Date());
  const body = { ...given.body, ...(key !== undefined && { idempotency_key: key }) };
  const reply = await client.call({ method: "POST", path: TASKS, body });
  if (!reply.isSuccess) return tellRefusal(client, reply, TASK, flags.has("json"));
  const task = taskOf(reply);
  if (key !== undefined) {
    noteFailure(client, () => submissions.accepted(request, task.id, task.status, new Date()));
  }
  if (!flags.has("watch")) return tell(client, flags, "tasks-submit", { reply, task });
  output.note(
    `Task ${oneLine(task.id)} is accepted: ${oneLine(task.status)}. Waiting for its end.`,
  );
  return follow(client, flags, "tasks-submit", task.id);
}

/** The name that the request is sent under, if it has one. */
function keyFor(
  client: Client,
  flags: Flags,
  { idempotencyKey }: TaskRequest,
  submissions: Submissions,
  request: Request,
): string | undefined {
  const flag = flags.text("idempotency-key");
  if (flag !== undefined) return checkedKey(flag);
  if (idempotencyKey !== undefined) return idempotencyKey;
  if (flags.has("allow-duplicate-submit")) return undefined;
  const window = flags.number("dedupe-window-seconds");
  const recent = submissions.recentKey(request, window, new Date());
  if (recent === undefined) return `openclaw-task-${randomBytes(16).toString("hex")}`;
  client.output.note(
    `The same request was sent less than ${window} s ago: its key ${recent} is used again, so that it is done once. With --allow-duplicate-submit it is done once more.`,
  );
  return recent;
}

export async function lookAtTask(client: Client, flags: Flags): Promise<number> {
  const reply = await look(client, flags.required("task-id"));
  if (!reply.isSuccess) return tellRefusal(client, reply, TASK, flags.has("json"));
  const task = taskOf(reply);
  sighted(client, task);
  return tell(client, flags, "tasks-status", { reply, task });
}

export function watchTask(client: Client, flags: Flags): Promise<number> {
  return follow(client, flags, "tasks-watch", flags.required("task-id"));
}

async function follow(client: Client, flags: Flags, name: string, id: string): Promise<number> {
  let progress = `task ${oneLine(id)}`;
  const polled = poll(
    flags,
    async (): Promise<Look> => {
      const reply = await look(client, id);
      if (!reply.isSuccess) return { reply };
      const task = taskOf(reply);
      progress = progressOf(task);
      return { reply, task };
    },
    ({ task }) => task === undefined || isOver(task),
  );
  const seen = await client.output
    .waiting(() => progress, polled)
    .catch((error: unknown) => {
      throw new Failure(
        "watch",
        `${oneLine(messageOf(error))} The task goes on; to look again: ${next(id)}`,
      );
    });
  const { reply, task } = seen.value;
  if (!task) return tellRefusal(client, reply, TASK, flags.has("json"));
  sighted(client, task);
  if (seen.isOver) return tell(client, flags, name, { reply, task });
  throw new Failure(
    "timeout",
    `The task is still ${oneLine(task.status)} after ${flags.required("timeout-seconds")} s, and goes on. To wait longer: ${next(id)}`,
  );
}

function look(client: Client, id: string): Promise<Reply> {
  return client.call({ method: "GET", path: taskPath(id) });
}

function next(id: string): string {
  return scriptCommand("platform_request", ["tasks-watch", "--task-id", id]);
}

function sighted(client: Client, { id, status }: Task): void {
  noteFailure(client, () =>
    new Submissions(client.directory).sighted(client.origin.url, id, status, new Date()),
  );
}

function tell(client: Client, flags: Flags, name: string, { reply, task }: Sight): number {
  if (flags.has("json")) client.output.json(answered(client, reply, TASK));
  else {
    client.output.line(`Command: ${name}`);
    printTask(client.output, task);
  }
  return 0;
}
