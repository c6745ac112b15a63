/** Readers of single values in JSON that somebody else wrote: the right type and size, or a `FieldError`. */
import { isId } from "./ids.ts";

/** What is wrong with one field, in words for whoever sent it. */
export class FieldError extends Error {
  override readonly name = "FieldError";
}

/** Returns the value, checked. `at` is the field's name, for the error. */
export type Read<T> = (value: unknown, at: string) => T;

/** A reader for each field of `T`; the compiler sees that none is left out. */
export type Readers<T> = { readonly [K in keyof T]-?: Read<T[K]> };

/** Text of at most `lengthMax` UTF-16 units. */
export function text(lengthMax: number, lengthMin = 0): Read<string> {
  return (value, at) => {
    if (typeof value !== "string") throw new FieldError(`${at} is not text`);
    if (value.length < lengthMin || value.length > lengthMax) {
      throw new FieldError(`${at} is not ${lengthMin} to ${lengthMax} characters long`);
    }
    return value;
  };
}

export function integer(min: number, max: number): Read<number> {
  return (value, at) => {
    if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
      throw new FieldError(`${at} is not a whole number from ${min} to ${max}`);
    }
    return value;
  };
}

export const boolean: Read<boolean> = (value, at) => {
  if (typeof value !== "boolean") throw new FieldError(`${at} is neither true nor false`);
  return value;
};

export function oneOf<const T extends string>(values: readonly T[]): Read<T> {
  return (value, at) => {
    const found = values.find((known) => known === value);
    if (found === undefined) throw new FieldError(`${at} is none of: ${values.join(", ")}`);
    return found;
  };
}

/** 24 lower-case hex. */
export const id: Read<string> = (value, at) => {
  if (typeof value !== "string" || !isId(value)) throw new FieldError(`${at} is not an id`);
  return value;
};

/** Anything that JSON can say, `null` included, but not nothing. */
export const json: Read<unknown> = (value, at) => {
  if (value === undefined) throw new FieldError(`${at} is missing`);
  return value;
};

/** A whole number of any size, as decimal text. */
export const decimal: Read<string> = (value, at) => {
  if (typeof value !== "string" || !/^\d{1,30}$/.test(value)) {
    throw new FieldError(`${at} is not a whole number in decimal text`);
  }
  return value;
};

/** An instant as ISO 8601 text. */
export const instant: Read<string> = (value, at) => {
  if (typeof value !== "string" || value.length > 40 || Number.isNaN(Date.parse(value))) {
    throw new FieldError(`${at} is not an instant`);
  }
  return value;
};

/** At most 32 named, finite, non-negative numbers. */
export const counts: Read<Readonly<Record<string, number>>> = (value, at) => {
  const entries = Object.entries(object(value, at));
  if (entries.length > 32) throw new FieldError(`${at} has more than 32 entries`);
  for (const [name, count] of entries) {
    const isCount = typeof count === "number" && Number.isFinite(count) && count >= 0;
    if (name.length > 64 || !isCount) throw new FieldError(`${at}.${name} is not a count`);
  }
  return Object.fromEntries(entries) as Record<string, number>;
};

/** `null` counts as absent: some languages cannot leave a field out. */
export function optional<T>(read: Read<T>): Read<T | undefined> {
  return (value, at) => (value === undefined || value === null ? undefined : read(value, at));
}

export function list<T>(read: Read<T>, lengthMax: number): Read<readonly T[]> {
  return (value, at) => {
    if (!Array.isArray(value)) throw new FieldError(`${at} is not a list`);
    if (value.length > lengthMax) throw new FieldError(`${at} has more than ${lengthMax} items`);
    return value.map((item, index) => read(item, `${at}[${index}]`));
  };
}

/** An object with these fields. Others are ignored, so that a newer peer may say more. */
export function shape<T>(readers: Readers<T>): Read<T> {
  return (value, at) => {
    const fields = object(value, at);
    const prefix = at === "" ? "" : `${at}.`;
    const read: [string, unknown][] = [];
    for (const name of Object.keys(readers) as (keyof T & string)[]) {
      const found = readers[name](fields[name], prefix + name);
      if (found !== undefined) read.push([name, found]);
    }
    return Object.fromEntries(read) as T;
  };
}

function object(value: unknown, at: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new FieldError(`${at || "it"} is not an object`);
  }
  return value as Record<string, unknown>;
}
