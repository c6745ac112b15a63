/**
 * Vectors of texts, by row. A text that several rows have is kept once. Vectors are stored in eight
 * bits a dimension: a quarter of the memory, and less error than two phrasings of one thing make.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Best, type ScoredRow } from "./best.ts";

const SLOTS_AT_FIRST = 256;
const INT8_MAX = 127;
const NOT_SCORED = -2;

interface Slot {
  readonly key: string;
  readonly at: number;
  users: number;
}

export class VectorTable {
  readonly #slots = new Map<string, Slot>();
  readonly #slotsOfRow: (readonly Slot[] | undefined)[] = [];
  readonly #free: number[] = [];
  #used = 0;
  #dimensions = 0;
  #components = new Int8Array(0);
  /** One over the length of the vector as stored, by slot. */
  #units = new Float32Array(0);

  /** Whether the text has a vector already. */
  has(text: string): boolean {
    return this.#slots.has(keyOf(text));
  }

  /**
   * Gives the row these texts instead of those it had. A text that the table does not have yet needs
   * a vector. Throws when the length of a vector is not that of the first one ever set.
   */
  set(row: number, texts: readonly string[], vectors: ReadonlyMap<string, Float32Array>): void {
    const before = this.#slotsOfRow[row] ?? [];
    this.#slotsOfRow[row] = texts.map((text) => this.#acquire(text, vectors.get(text)));
    for (const slot of before) this.#release(slot);
  }

  remove(row: number): void {
    for (const slot of this.#slotsOfRow[row] ?? []) this.#release(slot);
    this.#slotsOfRow[row] = undefined;
  }

  /** The rows whose nearest text is most like `vector`, best first; a score is a cosine. */
  nearest(
    vector: Float32Array,
    count: number,
    similarityMin: number,
    isAllowed?: Uint8Array,
  ): readonly ScoredRow[] {
    const length = Math.hypot(...vector);
    const best = new Best(count);
    if (length === 0 || vector.length !== this.#dimensions) return best.rows();
    const query = vector.map((component) => component / length);
    const scores = new Float32Array(this.#used).fill(NOT_SCORED);
    for (let row = 0; row < this.#slotsOfRow.length; row += 1) {
      const slots = this.#slotsOfRow[row];
      if (!slots || (isAllowed && isAllowed[row] !== 1)) continue;
      const score = this.#scoreRow(slots, query, scores);
      if (score >= similarityMin) best.offer(row, score);
    }
    return best.rows();
  }

  #scoreRow(slots: readonly Slot[], query: Float32Array, scores: Float32Array): number {
    let best = NOT_SCORED;
    for (const { at } of slots) {
      if (scores[at] === NOT_SCORED) scores[at] = this.#cosine(at, query);
      best = Math.max(best, scores[at] ?? NOT_SCORED);
    }
    return best;
  }

  #cosine(at: number, query: Float32Array): number {
    const components = this.#components;
    const count = query.length;
    const from = at * count;
    let sum = 0;
    for (let i = 0; i < count; i += 1) {
      sum += (query[i] as number) * (components[from + i] as number);
    }
    return sum * (this.#units[at] ?? 0);
  }

  #acquire(text: string, vector: Float32Array | undefined): Slot {
    const key = keyOf(text);
    let slot = this.#slots.get(key);
    if (!slot) {
      assert(vector, "a text that is not in the table needs a vector");
      slot = { key, at: this.#place(vector), users: 0 };
      this.#slots.set(key, slot);
    }
    slot.users += 1;
    return slot;
  }

  #release(slot: Slot): void {
    slot.users -= 1;
    if (slot.users > 0) return;
    this.#slots.delete(slot.key);
    this.#free.push(slot.at);
  }

  #place(vector: Float32Array): number {
    if (this.#dimensions === 0) this.#dimensions = vector.length;
    if (vector.length !== this.#dimensions) {
      throw new Error(`a vector of ${vector.length} among vectors of ${this.#dimensions}`);
    }
    const at = this.#free.pop() ?? this.#used++;
    this.#reserve(at);
    this.#write(at, vector);
    return at;
  }

  #write(at: number, vector: Float32Array): void {
    const largest = vector.reduce((most, component) => Math.max(most, Math.abs(component)), 0);
    const stored = vector.map((component) =>
      largest === 0 ? 0 : Math.round((component / largest) * INT8_MAX),
    );
    this.#components.set(stored, at * this.#dimensions);
    const length = Math.hypot(...stored);
    this.#units[at] = length === 0 ? 0 : 1 / length;
  }

  #reserve(at: number): void {
    const capacity = this.#units.length;
    if (at < capacity) return;
    const slots = Math.max(SLOTS_AT_FIRST, capacity * 2);
    const components = new Int8Array(slots * this.#dimensions);
    components.set(this.#components);
    this.#components = components;
    const units = new Float32Array(slots);
    units.set(this.#units);
    this.#units = units;
  }
}

function keyOf(text: string): string {
  return createHash("sha256").update(text).digest("base64");
}
