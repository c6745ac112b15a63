/**
 * The labelled set: listings as providers write them, wishes as people say them, and which listings
 * would do. `tune` is what weights and vocabulary may be looked at with; `held_out` is measured.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { AgentDocument } from "../../src/core/ports.ts";

export type Language = "en" | "zh";
export type Split = "tune" | "held_out";

export interface LabelledQuery {
  readonly language: Language;
  readonly text: string;
  /** Ids of all listings that would do, in no order. */
  readonly relevant: readonly string[];
  readonly split: Split;
}

export const LISTINGS = read<AgentDocument[]>("listings.json");
export const QUERIES = read<LabelledQuery[]>("queries.json");
/** Wishes that talk around what they mean. Written after the ranker, all for tuning. */
export const OBLIQUE_QUERIES = read<LabelledQuery[]>("queries-oblique.json");

/** The rule of the split: of each language, the half of the queries whose SHA-256 is smaller is for tuning. */
export function splitOf({ language, text }: LabelledQuery): Split {
  const digests = QUERIES.filter((query) => query.language === language)
    .map((query) => digestOf(query.text))
    .sort();
  return digests.indexOf(digestOf(text)) < digests.length / 2 ? "tune" : "held_out";
}

/** How much of what would do is among the first `count`; 1 is as good as can be. */
export function recallOf(
  { relevant }: LabelledQuery,
  found: readonly string[],
  count: number,
): number {
  const top = new Set(found.slice(0, count));
  return relevant.filter((id) => top.has(id)).length / Math.min(count, relevant.length);
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function read<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8")) as T;
}
