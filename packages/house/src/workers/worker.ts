/** A worker thread's whole life: take a job, do it, answer, wait for the next. */
import { parentPort } from "node:worker_threads";
import { CapabilityError } from "../capability.ts";
import { type FromWorker, TASKS, type TaskContext, type TaskName, type ToWorker } from "./tasks.ts";

if (!parentPort) throw new Error("This file runs in a worker thread only.");
const port = parentPort;
const running = new Map<number, AbortController>();

port.on("message", (message: ToWorker) => {
  if (message.kind === "cancel") running.get(message.job)?.abort();
  else void work(message.job, message.task, message.input);
});

async function work(job: number, task: TaskName, input: unknown): Promise<void> {
  const abort = new AbortController();
  running.set(job, abort);
  const answer = await attempt(job, task, input, abort.signal);
  running.delete(job);
  port.postMessage(answer);
}

async function attempt(
  job: number,
  task: TaskName,
  input: unknown,
  signal: AbortSignal,
): Promise<FromWorker> {
  try {
    // The pool hands a task the input of its own name: `HousePool.run` is typed so.
    const run = (await TASKS[task].load()) as (
      input: unknown,
      context: TaskContext,
    ) => Promise<unknown>;
    return { kind: "done", job, output: await run(input, { signal }) };
  } catch (error) {
    if (error instanceof CapabilityError) {
      return { kind: "refused", job, code: error.code, message: error.message };
    }
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { kind: "failed", job, error: text };
  }
}
