import assert from "node:assert/strict";
import { test } from "node:test";
import { Fault } from "./fault.ts";
import type { CostShape, Price } from "./price.ts";
import {
  firstTerms,
  holdMicrosOf,
  laterTerms,
  type NamedQuote,
  namedTerms,
  type SessionTerms,
} from "./session-terms.ts";

type Tier = readonly [shape: CostShape, amountMicros: bigint];

function tiers(...rows: readonly Tier[]): Price {
  return {
    kind: "tiers",
    tiers: rows.map(([shape, amountMicros], index) => ({
      ...{ name: `t${index}`, quality: undefined, shape, amountMicros },
    })),
  };
}

function tierOf(shape: Exclude<CostShape, "per_call">, amountMicros: bigint, index?: number) {
  const tierName = index === undefined ? undefined : `t${index}`;
  return { shape, amountMicros, tierIndex: index, tierName } as const;
}

function openQuote(estimateMicros: bigint, ceilingMicros?: bigint): SessionTerms {
  return { shape: "open_quote", estimateMicros, ceilingMicros };
}

/** The terms, or the code that they are refused with. */
function outcomeOf(decide: () => SessionTerms): SessionTerms | string {
  try {
    return decide();
  } catch (error) {
    assert.ok(error instanceof Fault, String(error));
    return error.code;
  }
}

const FREE: Price = { kind: "free" };
const QUOTED: Price = { kind: "open-quote", estimateMicros: 40n, ceilingMicros: 90n };
const UNKNOWN: Price = { kind: "open-quote", estimateMicros: undefined, ceilingMicros: undefined };
const CALLS = tiers(["per_call", 5n]);
const MIXED = tiers(["per_call", 5n], ["per_message", 7n], ["per_session", 30n], ["per_call", 9n]);
const FLAT = tiers(["per_session", 30n]);
const NO_MODE = "interaction_mode_not_supported";
const INVALID = "invalid_request";

// biome-ignore format: read as a table
const HELD = [
  // terms                          messages  held
  [{ shape: "free" },               5,        0n],
  [tierOf("per_session", 30n, 0),   5,        30n],
  [tierOf("per_task", 30n, 0),      5,        30n],
  [tierOf("per_message", 30n, 0),   5,        150n],
  [tierOf("per_message", 10n ** 15n), 10_000, 10n ** 19n],
  [openQuote(40n),                  5,        undefined],
  [openQuote(40n, 90n),             5,        90n],
] as const satisfies readonly (readonly [SessionTerms, number, bigint | undefined])[];

for (const [terms, messages, held] of HELD) {
  test(`of ${terms.shape} with ${messages} messages ${held} is held`, () => {
    assert.equal(holdMicrosOf(terms, messages), held);
  });
}

// biome-ignore format: read as a table
const FIRST = [
  // why                                     price                                      terms
  ["free",                                   FREE,                                      { shape: "free" }],
  ["its first tier",                         tiers(["per_message", 7n], ["per_task", 1n]), tierOf("per_message", 7n, 0)],
  ["the first that is sold by the session",  MIXED,                                     tierOf("per_message", 7n, 1)],
  ["a task is sold either way",              tiers(["per_call", 5n], ["per_task", 8n]), tierOf("per_task", 8n, 1)],
  ["nothing is sold by the session",         CALLS,                                     NO_MODE],
  ["its provider will say",                  QUOTED,                                    openQuote(40n)],
  ["its provider does not even guess",       UNKNOWN,                                   openQuote(0n)],
] as const satisfies readonly (readonly [string, Price, SessionTerms | string])[];

for (const [why, price, expected] of FIRST) {
  test(`a session begins with ${why}`, () => {
    assert.deepEqual(
      outcomeOf(() => firstTerms(price)),
      expected,
    );
  });
}

const NAMED = tierOf("per_message", 99n);

// biome-ignore format: read as a table
const LATER = [
  // why                                        schedule  now                           tier    terms
  ["free stays free",                           FREE,     { shape: "free" },            "next", { shape: "free" }],
  ["what became free has no tiers",             MIXED,    { shape: "free" },            "next", tierOf("per_message", 7n, 1)],
  ["no tiers in a free schedule",               FREE,     NAMED,                        "next", INVALID],
  ["no tiers in an open quote",                 QUOTED,   openQuote(40n, 90n),          "next", INVALID],
  ["the one after it",                          MIXED,    tierOf("per_message", 7n, 1), "next", tierOf("per_session", 30n, 2)],
  ["the last again, past what is called",       MIXED,    tierOf("per_session", 30n, 2), "next", tierOf("per_session", 30n, 2)],
  ["after a named price the first",             MIXED,    NAMED,                        "next", tierOf("per_message", 7n, 1)],
  ["by number",                                 MIXED,    NAMED,                        2,      tierOf("per_session", 30n, 2)],
  ["back to a lower one",                       MIXED,    tierOf("per_session", 30n, 2), 1,     tierOf("per_message", 7n, 1)],
  ["a number of what is called",                MIXED,    NAMED,                        0,      INVALID],
  ["a number past the end",                     MIXED,    NAMED,                        4,      INVALID],
  ["a number below the first",                  MIXED,    NAMED,                        -1,     INVALID],
  ["nothing is sold by the session",            CALLS,    NAMED,                        "next", INVALID],
] as const satisfies readonly (readonly [string, Price, SessionTerms, number | "next", SessionTerms | string])[];

for (const [why, schedule, current, tier, expected] of LATER) {
  test(`another leg at tier ${tier}: ${why}`, () => {
    assert.deepEqual(
      outcomeOf(() => laterTerms(schedule, current, tier)),
      expected,
    );
  });
}

function quote(shape: SessionTerms["shape"], amountMicros: bigint, ceilingMicros?: bigint) {
  return { shape, amountMicros, ceilingMicros };
}

// biome-ignore format: read as a table
const QUOTES = [
  // why                                       quote                              price    terms
  ["the listed price",                         quote("per_message", 7n),          MIXED,   tierOf("per_message", 7n)],
  ["more than the listed price",               quote("per_message", 8n),          MIXED,   tierOf("per_message", 8n)],
  ["the cheapest of five messages is 30",      quote("per_session", 30n),         MIXED,   tierOf("per_session", 30n)],
  ["less than the cheapest",                   quote("per_session", 29n),         MIXED,   INVALID],
  ["less than the cheapest, by the message",   quote("per_message", 5n),          MIXED,   INVALID],
  ["the cheapest of five, spread over them",   quote("per_message", 6n),          MIXED,   INVALID],
  ["a flat price, spread over messages",       quote("per_message", 6n),          FLAT,    INVALID],
  ["a flat price for each message",            quote("per_message", 30n),         FLAT,    tierOf("per_message", 30n)],
  ["within the most that is named",            quote("per_message", 7n, 35n),     MIXED,   tierOf("per_message", 7n)],
  ["beyond the most that is named",            quote("per_message", 7n, 34n),     MIXED,   INVALID],
  ["nothing for what costs something",         quote("free", 0n),                 MIXED,   INVALID],
  ["a price for what is called only",          quote("per_message", 7n),          CALLS,   NO_MODE],
  ["nothing for what is free",                 quote("free", 0n),                 FREE,    { shape: "free" }],
  ["a gift for what is free",                  quote("per_session", 9n),          FREE,    tierOf("per_session", 9n)],
  ["a ceiling for what has a price",           quote("open_quote", 1n, 9n),       MIXED,   NO_MODE],
  ["a ceiling for what is free",               quote("open_quote", 1n, 9n),       FREE,    NO_MODE],
  ["a price for what is quoted",               quote("per_session", 9n),          QUOTED,  INVALID],
  ["nothing for what is quoted",               quote("free", 0n),                 QUOTED,  INVALID],
  ["an estimate and a ceiling",                quote("open_quote", 1n, 9n),       QUOTED,  openQuote(1n, 9n)],
  ["a ceiling that is the estimate",           quote("open_quote", 9n, 9n),       QUOTED,  openQuote(9n, 9n)],
  ["a ceiling below the estimate",             quote("open_quote", 9n, 8n),       QUOTED,  INVALID],
  ["no ceiling",                               quote("open_quote", 9n),           QUOTED,  INVALID],
] as const satisfies readonly (readonly [string, NamedQuote, Price, SessionTerms | string])[];

for (const [why, named, price, expected] of QUOTES) {
  test(`who names ${why} for ${price.kind} gets ${typeof expected === "string" ? expected : "it"}`, () => {
    assert.deepEqual(
      outcomeOf(() => namedTerms(named, price, 5)),
      expected,
    );
  });
}
