/**
 * Finds agents by what they say about themselves: BM25 on this thread, embeddings on another.
 * Each process has its own and keeps it in memory; it follows the table of agents.
 */
import type { AgentDocument, AgentIndex, AgentMatches, AgentSearch } from "../../core/ports.ts";
import type { Log } from "../../lib/log.ts";
import type { ScoredRow } from "./best.ts";
import type { Endpoint } from "./embedder.ts";
import { LexicalIndex } from "./lexical-index.ts";
import { SemanticIndex } from "./semantic-index.ts";
import { termsOf, wordsOfSlug } from "./terms.ts";

/** What is read of a wish. Longer ones are stories; their beginning says what is wanted. */
const INTENT_CHARS_MAX = 1_000;
const SEMANTIC_TIMEOUT_MS = 2_000;

/** How much a word weighs by where it stands. A slug is chosen with care, a name often for its sound. */
const WEIGHTS = { capabilitySlug: 1.5, capability: 1, description: 1, name: 0.5 } as const;

/** Texts for the embedding are cut, so that a capability's own words are not drowned. */
const EMBEDDED_CAPABILITY_CHARS_MAX = 400;
const EMBEDDED_DESCRIPTION_CHARS_MAX = 400;

export interface AgentIndexOptions {
  readonly log: Log;
  /** Where embeddings come from; without it, from the model that comes along. */
  readonly endpoint?: Endpoint;
  /** How long a search waits for its embedding before BM25 answers alone. */
  readonly semanticTimeoutMs?: number;
}

export function createAgentIndex(options: AgentIndexOptions): AgentIndex {
  return new InMemoryAgentIndex(options);
}

class InMemoryAgentIndex implements AgentIndex {
  /** Rows are never used twice, so that a late answer cannot mean another agent. */
  readonly #rows = new Map<string, number>();
  readonly #documents: (AgentDocument | undefined)[] = [];
  readonly #lexical = new LexicalIndex();
  readonly #semantic: SemanticIndex;

  constructor({ log, endpoint, semanticTimeoutMs = SEMANTIC_TIMEOUT_MS }: AgentIndexOptions) {
    const everything = () => this.#embeddedTexts();
    this.#semantic = new SemanticIndex({ log, endpoint, timeoutMs: semanticTimeoutMs, everything });
  }

  upsert(document: AgentDocument): void {
    const known = this.#rows.get(document.id);
    const row = known ?? this.#documents.length;
    const before = this.#documents[row];
    if (before && isSame(before, document)) return;
    if (before) this.#lexical.remove(row, countTerms(before).keys());
    this.#rows.set(document.id, row);
    this.#documents[row] = document;
    this.#lexical.add(row, countTerms(document));
    this.#semantic.upsert(row, textsOf(document));
  }

  remove(id: string): void {
    const row = this.#rows.get(id);
    const document = row === undefined ? undefined : this.#documents[row];
    if (row === undefined || !document) return;
    this.#rows.delete(id);
    this.#documents[row] = undefined;
    this.#lexical.remove(row, countTerms(document).keys());
    this.#semantic.remove(row);
  }

  find(id: string): AgentDocument | undefined {
    const row = this.#rows.get(id);
    return row === undefined ? undefined : this.#documents[row];
  }

  async match({ intent, candidates, count }: AgentSearch): Promise<AgentMatches> {
    const text = intent.slice(0, INTENT_CHARS_MAX).trim();
    // Something without a letter or digit is no wish, and an embedding of it would match at random.
    if (!/[\p{L}\p{N}]/u.test(text) || count < 1) return { lexical: [], semantic: [] };
    const isAllowed = candidates && this.#allow(candidates);
    const semantic = this.#semantic.search(text, count, isAllowed);
    const lexical = this.#lexical.search(termsOf(text), count, isAllowed);
    return { lexical: this.#ranked(lexical), semantic: this.#ranked(await semantic) };
  }

  settled(): Promise<void> {
    return this.#semantic.settled();
  }

  close(): Promise<void> {
    return this.#semantic.close();
  }

  #allow(candidates: Iterable<string>): Uint8Array {
    const isAllowed = new Uint8Array(this.#documents.length);
    for (const id of candidates) {
      const row = this.#rows.get(id);
      if (row !== undefined) isAllowed[row] = 1;
    }
    return isAllowed;
  }

  #ranked(rows: readonly ScoredRow[]): { id: string; score: number }[] {
    return rows.flatMap(({ row, score }) => {
      // An agent that was removed while the other thread searched has no document any more.
      const document = this.#documents[row];
      return document ? [{ id: document.id, score }] : [];
    });
  }

  *#embeddedTexts(): Generator<readonly [number, readonly string[]]> {
    for (const [row, document] of this.#documents.entries()) {
      if (document) yield [row, textsOf(document)];
    }
  }
}

function countTerms(document: AgentDocument): Map<string, number> {
  const counts = new Map<string, number>();
  const add = (text: string, weight: number) => {
    for (const term of termsOf(text)) counts.set(term, (counts.get(term) ?? 0) + weight);
  };
  add(document.description, WEIGHTS.description);
  add(document.name, WEIGHTS.name);
  for (const { slug, description } of document.capabilities) {
    add(wordsOfSlug(slug), WEIGHTS.capabilitySlug);
    add(description, WEIGHTS.capability);
  }
  return counts;
}

/** One text a capability, with what the agent says of itself behind it: people look for a deed. */
function textsOf({ description, capabilities }: AgentDocument): string[] {
  const context = description.slice(0, EMBEDDED_DESCRIPTION_CHARS_MAX);
  return capabilities.map(({ slug, description: own }) => {
    const capability = own.slice(0, EMBEDDED_CAPABILITY_CHARS_MAX);
    return `${wordsOfSlug(slug)}. ${capability} ${context}`;
  });
}

function isSame(a: AgentDocument, b: AgentDocument): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
