/**
 * Schemas: taken from whoever offers a capability, kept, and held against what is sent and returned.
 *
 * A schema that is elsewhere is fetched once, when it is declared, and checked against its digest.
 * From then on the digest alone counts: what its address serves later changes nothing here.
 */
import { createHash } from "node:crypto";
import canonicalize from "canonicalize";
import type { SchemaDraft, SchemaReference } from "../domain/agent.ts";
import { Fault } from "../domain/fault.ts";
import { parseDigest, SCHEMA_LIMITS } from "../domain/schema.ts";
import type { Clock } from "../lib/clock.ts";
import type { GuardedFetch } from "../lib/guarded-fetch.ts";
import { GuardedFetchError } from "../lib/guarded-url.ts";
import {
  createJsonSchemaValidator,
  type JsonSchemaValidator,
  SchemaTrouble,
} from "../lib/json-schema/validator.ts";
import type { Database } from "../store/database.ts";
import { findSchema, insertSchema, lockSchemaAmount } from "../store/schema.ts";

export interface Schemas {
  /**
   * Keeps a schema that was handed in, or fetches one that is elsewhere, and says where it is.
   *
   * @throws {Fault} `schema_unavailable` where it cannot be fetched or has another digest;
   * `invalid_request` where it is no schema that can be used; `payload_too_large`,
   * `storage_limit_reached`.
   */
  keep(workspaceId: string, draft: SchemaDraft): Promise<SchemaReference>;
  /** The bytes of a schema that the server keeps. @throws {Fault} `not_found` */
  require(digest: string): Promise<Buffer>;
  /**
   * What is wrong with a value, in words; nothing when it fits. The workspace is the one that brought
   * the schema in: how long checks take is on its account.
   *
   * @throws {Fault} `schema_unavailable` where the server does not have the schema, or checking
   * against it takes too long; `overloaded`
   */
  problemsOf(
    workspaceId: string,
    schema: SchemaReference,
    value: unknown,
  ): Promise<readonly string[]>;
  /** Ends the thread that checks. */
  close(): Promise<void>;
}

export interface SchemasOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly guardedFetch: GuardedFetch;
  /** Where clients reach this server, without a slash at the end. */
  readonly baseUrl: () => string;
}

export function createSchemas(parts: SchemasOptions): Schemas {
  const { database, baseUrl, clock } = parts;
  const validator = createJsonSchemaValidator({ clock });
  const options = { ...parts, validator };

  async function requireSchema(digest: string): Promise<Buffer> {
    const content = await findSchema(database, digest);
    if (!content) throw new Fault("not_found", "No such schema.", { kind: "schema", id: digest });
    return content;
  }

  return {
    async keep(workspaceId, draft) {
      if ("document" in draft) {
        const content = Buffer.from(canonicalize(draft.document) ?? "");
        const digest = digestOf(content);
        await store(options, { workspaceId, digest, content });
        return { url: hostedUrl(baseUrl(), digest), digest };
      }
      const digest = parseDigest(draft.digest);
      if (digest === undefined) throw notUsable("its digest is not a SHA-256.");
      if (draft.url === hostedUrl(baseUrl(), digest)) {
        // Ours, handed back by whoever handed it in before.
        if (!(await findSchema(database, digest))) throw unavailable(draft.url, "there is none.");
      } else {
        const content = await fetchSchema(options, draft.url, digest);
        await store(options, { workspaceId, digest, content });
      }
      return { url: draft.url, digest };
    },

    require: requireSchema,

    async problemsOf(workspaceId, { digest }, value) {
      const load = async () => (await requireSchema(digest)).toString("utf8");
      try {
        return await validator.problemsOf(workspaceId, digest, load, value);
      } catch (error) {
        throw toFault(error);
      }
    },

    close: () => validator.close(),
  };
}

/** Answered by surfaces/shared/stored-files.ts. */
function hostedUrl(baseUrl: string, digest: string): string {
  return `${baseUrl}/schemas/${digest}.json`;
}

function digestOf(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

async function fetchSchema(
  { guardedFetch }: SchemasOptions,
  url: string,
  digest: string,
): Promise<Buffer> {
  const content = await fetchBytes(guardedFetch, url);
  const actual = digestOf(content);
  if (actual !== digest) {
    throw unavailable(url, `its digest is sha256:${actual}, not sha256:${digest}.`);
  }
  return content;
}

async function fetchBytes(guardedFetch: GuardedFetch, url: string): Promise<Buffer> {
  try {
    const { status, body } = await guardedFetch.fetch({
      url,
      headers: { accept: "application/schema+json, application/json" },
      bytesMax: SCHEMA_LIMITS.bytesMax,
      timeoutMs: SCHEMA_LIMITS.fetchMsMax,
    });
    if (status === 200) return body;
    throw unavailable(url, `its host answers ${status}.`);
  } catch (error) {
    if (error instanceof GuardedFetchError) throw unavailable(url, error.message, error);
    throw error;
  }
}

async function store(
  { database, clock, validator }: SchemasOptions & { readonly validator: JsonSchemaValidator },
  schema: { workspaceId: string; digest: string; content: Buffer },
): Promise<void> {
  const { workspaceId, digest, content } = schema;
  if (content.length > SCHEMA_LIMITS.bytesMax) {
    throw new Fault("payload_too_large", "A schema may have at most 256 KB.", {
      bytesMax: SCHEMA_LIMITS.bytesMax,
    });
  }
  if (await findSchema(database, digest)) return;
  await validator.requireUsable(workspaceId, digest, content.toString("utf8")).catch((error) => {
    throw error instanceof SchemaTrouble && error.reason !== "busy"
      ? notUsable(error.message)
      : toFault(error);
  });
  await database.transaction(async (tx) => {
    const { schemas, bytes } = await lockSchemaAmount(tx, workspaceId);
    const isFull = bytes + content.length > SCHEMA_LIMITS.workspaceBytesMax;
    if (isFull || schemas >= SCHEMA_LIMITS.workspaceSchemasMax) {
      throw new Fault("storage_limit_reached", "The workspace has no room for another schema.", {
        limitBytes: SCHEMA_LIMITS.workspaceBytesMax,
      });
    }
    await insertSchema(tx, { digest, content, workspaceId, createdAt: clock.now() });
  });
}

const URL_SHOWN_MAX = 200;

function unavailable(url: string, why: string, cause?: unknown): Fault {
  const message = `The schema at ${url.slice(0, URL_SHOWN_MAX)} cannot be had: ${why}`;
  return new Fault("schema_unavailable", message, undefined, { cause });
}

function notUsable(why: string): Fault {
  return new Fault("invalid_request", `The schema cannot be used: ${why}`, { field: "schema" });
}

function toFault(error: unknown): unknown {
  if (error instanceof Fault && error.code === "not_found") {
    return new Fault("schema_unavailable", "The server does not have the capability's schema.");
  }
  if (!(error instanceof SchemaTrouble)) return error;
  return error.reason === "busy"
    ? new Fault("overloaded", error.message, { retryAfterSeconds: 1 })
    : new Fault("schema_unavailable", error.message);
}
