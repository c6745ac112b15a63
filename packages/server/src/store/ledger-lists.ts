/**
 * What a batch of commands names, each once, in the order in which the database locks. Positions in
 * these lists stand for ids in everything else that the batch says.
 */
import type { HoldTerms, Offer } from "../domain/command.ts";

/** Something that the batch names. Its position is known once its list is sorted; 0 is none. */
export interface Entry {
  readonly id: string;
  position: number;
}

export const NONE: Entry = { id: "", position: 0 };

/** What the batch names of one table: each once. */
export class List {
  readonly entries: Entry[] = [];
  readonly #byId = new Map<string, Entry>();

  add(id: string): Entry {
    const found = this.#byId.get(id);
    if (found) return found;
    const entry = { id, position: 0 };
    this.#byId.set(id, entry);
    this.entries.push(entry);
    return entry;
  }

  /** By code unit, as `collate "C"` sorts. */
  sort(): void {
    this.entries.sort((a, b) => (a.id < b.id ? -1 : 1));
    let position = 0;
    for (const entry of this.entries) entry.position = ++position;
  }
}

export interface OfferEntry extends Entry {
  readonly offer: Offer;
}

/** The offers that commands rely on. Who read an agent before a change has an entry of his own. */
export class OfferList {
  readonly entries: OfferEntry[] = [];
  readonly #byId = new Map<string, OfferEntry>();

  add(offer: Offer): Entry {
    const id = `${offer.agentId} ${offer.revision}`;
    const found = this.#byId.get(id);
    if (found) return found;
    const entry = { id, position: 0, offer };
    this.#byId.set(id, entry);
    this.entries.push(entry);
    return entry;
  }

  /** In any order: they are read and not locked. */
  sort(): void {
    let position = 0;
    for (const entry of this.entries) entry.position = ++position;
  }
}

export interface HoldEntry extends Entry {
  readonly terms: HoldTerms;
  readonly account: Entry;
  readonly budgets: readonly Entry[];
}

/**
 * The holds that the batch names. Whoever describes one otherwise than another does gets an entry of
 * his own, and so a refusal of his own.
 */
export class HoldList {
  readonly entries: HoldEntry[] = [];
  readonly #byWork = new Map<string, HoldEntry[]>();

  add(terms: HoldTerms, { accounts, budgets }: Lists): HoldEntry {
    let ofWork = this.#byWork.get(terms.workId);
    if (!ofWork) {
      ofWork = [];
      this.#byWork.set(terms.workId, ofWork);
    }
    for (const entry of ofWork) if (isSameHold(entry.terms, terms)) return entry;
    const entry: HoldEntry = {
      id: terms.id,
      position: 0,
      terms,
      account: accounts.add(terms.accountId),
      budgets: terms.budgetIds.map((id) => budgets.add(id)),
    };
    ofWork.push(entry);
    this.entries.push(entry);
    return entry;
  }

  /** By work, then by id. */
  sort(): void {
    this.entries.sort((a, b) => {
      if (a.terms.workId !== b.terms.workId) return a.terms.workId < b.terms.workId ? -1 : 1;
      return a.id < b.id ? -1 : 1;
    });
    let position = 0;
    for (const entry of this.entries) entry.position = ++position;
  }
}

function isSameHold(a: HoldTerms, b: HoldTerms): boolean {
  if (a === b) return true;
  return (
    a.id === b.id &&
    a.accountId === b.accountId &&
    a.feeBasisPoints === b.feeBasisPoints &&
    a.budgetIds.length === b.budgetIds.length &&
    a.budgetIds.every((id, index) => id === b.budgetIds[index])
  );
}

export interface Lists {
  readonly keys: List;
  readonly offers: OfferList;
  readonly works: List;
  readonly holds: HoldList;
  readonly budgets: List;
  readonly accounts: List;
}
