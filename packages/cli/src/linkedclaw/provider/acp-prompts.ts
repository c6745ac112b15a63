/** What an agent is told: what was promised, what is wanted, and a stranger's words as they came. */
import { fieldsOf } from "../../server.ts";
import type { InvokeJob, MessageJob, TaskJob } from "./job.ts";

const RESULT_ALONE =
  "Answer with the result alone: the text of your answer is what gets delivered.";

export function invokePrompt(job: InvokeJob, description: string | undefined): string {
  const { intention } = fieldsOf(job.manifest);
  return [
    `You are hired for one piece of work: ${job.capability}.`,
    ...promised(description),
    ...(typeof intention === "string" ? [`What it is for: ${intention}`] : []),
    RESULT_ALONE,
    `The input, as JSON:\n${JSON.stringify(job.input, null, 2)}`,
  ].join("\n\n");
}

/** The first message that an agent gets of a session: with what it has to know before. */
export function firstMessagePrompt(job: MessageJob, description: string | undefined): string {
  return [
    `You are hired for a conversation: ${job.capability}.`,
    ...promised(description),
    "Answer each message: the text of your answer is what gets delivered.",
    `The message:\n${messageText(job.payload)}`,
  ].join("\n\n");
}

export function taskPrompt(job: TaskJob, description: string | undefined): string {
  const schema = job.result_schema;
  return [
    `You are hired for one piece of work: ${job.capability}.`,
    ...promised(description),
    `What is to be done: ${job.instruction}`,
    schema === null
      ? RESULT_ALONE
      : `Answer with one JSON object and nothing else. It has to fit this JSON Schema:\n${JSON.stringify(schema)}`,
    `The input, as JSON:\n${JSON.stringify(job.input, null, 2)}`,
  ].join("\n\n");
}

/** A message as an agent reads it: plain words as they are, anything else as JSON. */
export function messageText(payload: unknown): string {
  const { text, ...more } = fieldsOf(payload);
  if (typeof text === "string" && Object.keys(more).length === 0) return text;
  return JSON.stringify(payload, null, 2);
}

function promised(description: string | undefined): string[] {
  return description === undefined ? [] : [`What was promised: ${description}`];
}
