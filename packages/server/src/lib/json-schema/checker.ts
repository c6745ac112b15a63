/**
 * Compiles JSON Schemas that strangers wrote and checks values against them. Neither is safe to do
 * where others wait: a pattern, a recursive `anyOf` or `uniqueItems` can take for ever. So this runs
 * on a thread of its own (worker.ts), under the eye of a clock (validator.ts).
 */
import { Ajv, type ErrorObject, type Options } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { LruMap } from "../lru-map.ts";

/** Draft 2020-12 is meant where a schema does not say (JSON Schema core §8.1.1 leaves it to us). */
const DRAFT_2020_12 = "https://json-schema.org/draft/2020-12/schema";
const DRAFT_07 = "http://json-schema.org/draft-07/schema";

const OPTIONS: Options = {
  // Keywords that we do not know are annotations, as the specification has it.
  strict: false,
  // The first problem is enough: collecting all of a long list costs more than it tells.
  allErrors: false,
  // Each schema may be included a thousand times, and must not be a thousand times as much code.
  inlineRefs: false,
  logger: false,
};

/** The schema itself cannot be used. The message says why. */
export class UnusableSchema extends Error {
  override readonly name = "UnusableSchema";
}

/** Problems of a value, none when it fits. */
export type Check = (value: unknown) => string[];

const PROBLEMS_MAX = 5;
const PROBLEM_CHARS_MAX = 300;

/** Checks of schemas by their digest, the `sizeMax` that were used last. */
export class CheckCache {
  readonly #checks: LruMap<string, Check>;

  constructor(sizeMax: number) {
    this.#checks = new LruMap(sizeMax);
  }

  find(digest: string): Check | undefined {
    return this.#checks.get(digest);
  }

  /** @throws {UnusableSchema} */
  add(digest: string, schemaText: string): Check {
    const check = compile(schemaText);
    this.#checks.set(digest, check);
    return check;
  }
}

/** @throws {UnusableSchema} */
export function compile(schemaText: string): Check {
  const schema = parse(schemaText);
  const draft = String(schema.$schema ?? DRAFT_2020_12).replace(/#$/, "");
  const dialect = DIALECTS.get(draft);
  if (!dialect) throw new UnusableSchema("Its $schema is neither draft 2020-12 nor draft-07.");
  if (dialect.meta.validateSchema(schema) !== true) {
    throw new UnusableSchema(describe(dialect.meta.errors)[0] ?? "It is no JSON Schema.");
  }
  try {
    // An instance each: a schema can neither see nor disturb another one by naming its `$id`. What it
    // refers to must be inside it, since nothing is ever loaded.
    const validate = dialect.create().compile(schema);
    return (value) => (validate(value) === true ? [] : describe(validate.errors));
  } catch (error) {
    throw new UnusableSchema(cut(error instanceof Error ? error.message : "It does not compile."));
  }
}

type SchemaObject = Readonly<Record<string, unknown>>;

function parse(text: string): SchemaObject {
  const value: unknown = (() => {
    try {
      return JSON.parse(text);
    } catch {
      throw new UnusableSchema("It is not JSON.");
    }
  })();
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UnusableSchema("It is not a JSON object.");
  }
  return value as SchemaObject;
}

interface Dialect {
  /** Checks schemas themselves; made once, for its own schema takes long to compile. */
  readonly meta: Ajv;
  create(): Ajv;
}

function dialect(create: (options: Options) => Ajv): Dialect {
  return {
    meta: create(OPTIONS),
    create: () => {
      const ajv = create({ ...OPTIONS, meta: false, validateSchema: false });
      addFormats.default(ajv, { mode: "fast" });
      return ajv;
    },
  };
}

const DIALECTS = new Map<string, Dialect>([
  [DRAFT_2020_12, dialect((options) => new Ajv2020(options))],
  [DRAFT_07, dialect((options) => new Ajv(options))],
]);

function describe(errors: readonly ErrorObject[] | null | undefined): string[] {
  return (errors ?? []).slice(0, PROBLEMS_MAX).map((error) => {
    const where = error.instancePath === "" ? "the value" : error.instancePath;
    return cut(`${where} ${error.message ?? "is wrong"}${detailOf(error)}`);
  });
}

/** Names what the message only hints at. */
function detailOf({ keyword, params }: ErrorObject): string {
  if (keyword === "additionalProperties") return `: ${JSON.stringify(params.additionalProperty)}`;
  if (keyword === "enum") return `: ${JSON.stringify(params.allowedValues)}`;
  if (keyword === "const") return `: ${JSON.stringify(params.allowedValue)}`;
  return "";
}

function cut(text: string): string {
  return text.length > PROBLEM_CHARS_MAX ? `${text.slice(0, PROBLEM_CHARS_MAX)}…` : text;
}
