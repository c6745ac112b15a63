import type { z } from "zod";
import { Fault } from "../../domain/fault.ts";
import { wordsOfIssue } from "./issue-words.ts";

/** Whether this is a JSON object: neither a list nor `null`. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What a schema makes of a value. Throws `invalid_request` naming the first field that is wrong. */
export function check<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value, { error: wordsOfIssue });
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = issue?.path.join(".") || "body";
  throw new Fault("invalid_request", `${field}: ${issue?.message ?? "not as it should be"}`, {
    field,
  });
}
