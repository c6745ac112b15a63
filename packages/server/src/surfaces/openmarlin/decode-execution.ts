/** An execution as callers ask for it (contract §6.1). Fields that it does not have are passed over. */
import { microsOfUsd } from "@guildhall/protocol";
import { z } from "zod";
import type { Execution } from "../../core/index.ts";
import { Fault } from "../../domain/fault.ts";
import { check } from "../shared/check.ts";

const INSTRUCTION_CHARS_MAX = 100_000;
const METADATA_BYTES_MAX = 16 * 1024;
const LABELS_MAX = 16;
const LABEL_KEY_CHARS_MAX = 64;
const LABEL_VALUE_CHARS_MAX = 128;
const TIMEOUT_MS = { min: 1_000, max: 1_800_000, fallback: 300_000 } as const;

/** A text, or nothing: blank is absent. */
const name = (charsMax: number) =>
  z
    .string()
    .max(charsMax)
    .nullish()
    .transform((text) => text?.trim() || undefined);

/** What only a node understands: handed on as it came, blanks around it and all. Blank is absent. */
const opaque = (charsMax: number) =>
  z
    .string()
    .max(charsMax)
    .nullish()
    .transform((text) => (text?.trim() ? text : undefined));

/** `labels` are looked at by themselves: what is wrong with them has a word of its own. */
export const ExecutionBody = z.object({
  instruction: z
    .string()
    .max(INSTRUCTION_CHARS_MAX)
    .refine((text) => text.trim() !== "", "must not be blank"),
  kind: z.literal("agent_run", { error: "the only kind is agent_run" }).default("agent_run"),
  stream: z.boolean().default(false),
  provider_id: name(64),
  agent_id: opaque(200),
  session_key: opaque(200),
  model: name(200),
  timeout_ms: z.int().min(TIMEOUT_MS.min).max(TIMEOUT_MS.max).default(TIMEOUT_MS.fallback),
  metadata: z
    .record(z.string(), z.unknown())
    .nullish()
    .refine((value) => !value || Buffer.byteLength(JSON.stringify(value)) <= METADATA_BYTES_MAX, {
      error: `must be at most ${METADATA_BYTES_MAX} bytes`,
    }),
  model_provider: z.never({ error: "name the whole model in `model`" }).optional(),
  modelProvider: z.never({ error: "name the whole model in `model`" }).optional(),
});

export interface DecodedExecution {
  readonly execution: Execution;
  readonly isStreamed: boolean;
}

/** Throws `invalid_request`; where the labels are wrong, the wire has a word of its own for it. */
export function decodeExecution(
  body: Readonly<Record<string, unknown>>,
  maxUsd: string | undefined,
): DecodedExecution {
  const { stream: isStreamed, ...read } = check(ExecutionBody, body);
  const labels = decodeLabels(body.labels);
  return {
    isStreamed,
    execution: {
      instruction: read.instruction,
      kind: read.kind,
      providerId: read.provider_id,
      model: read.model,
      labels,
      agentId: read.agent_id,
      sessionKey: read.session_key,
      metadata: read.metadata ?? undefined,
      timeoutMs: read.timeout_ms,
      maxMicros: maxUsd === undefined ? undefined : decodeMaxUsd(maxUsd),
    },
  };
}

function decodeLabels(labels: unknown): Readonly<Record<string, string>> {
  if (labels === undefined || labels === null) return {};
  const entries =
    typeof labels === "object" && !Array.isArray(labels) ? Object.entries(labels) : undefined;
  const isFine = ([key, value]: [string, unknown]) =>
    key.trim() !== "" &&
    key.length <= LABEL_KEY_CHARS_MAX &&
    typeof value === "string" &&
    value.trim() !== "" &&
    value.length <= LABEL_VALUE_CHARS_MAX;
  if (entries && entries.length <= LABELS_MAX && entries.every(isFine)) {
    return Object.fromEntries(entries as [string, string][]);
  }
  throw new Fault(
    "invalid_request",
    `labels must be an object of at most ${LABELS_MAX} texts by name, none of them blank.`,
    { field: "labels" },
  );
}

/** @throws {Fault} `invalid_request` where it is no amount above zero */
export function decodeMaxUsd(text: string): bigint {
  const micros = microsOfUsd(text.trim());
  if (micros !== undefined && micros > 0n) return micros;
  const field = "guildhall-max-usd";
  throw new Fault("invalid_request", `${field} must be an amount in US dollars.`, { field });
}
