/** What every reader of a kind of document takes and gives. */
import { DOCUMENT_LIMITS } from "./limits.ts";

export interface ConvertOptions {
  /** Tables as GFM tables; otherwise as lists that name the column before each value. */
  preserveTables: boolean;
  /** The first page, slide or sheet that is wanted, from 1. */
  firstPage: number;
  /** The last one, inclusive. */
  lastPage: number;
}

export interface Converted {
  markdown: string;
  /** What a reader should know: what was cut, and what could not be read. */
  warnings: string[];
}

export interface Warnings {
  add(warning: string): void;
  list(): string[];
}

/** Collects warnings, each once, and no more than a reader would read. */
export function warnings(): Warnings {
  const collected = new Set<string>();
  return {
    add: (warning) => {
      if (collected.size < DOCUMENT_LIMITS.warningsMax) collected.add(warning);
    },
    list: () => [...collected],
  };
}
