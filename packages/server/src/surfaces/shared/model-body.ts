/** The body of a request to a model: JSON that is passed on as it came, and looked into by hand. */
import { createHash } from "node:crypto";
import { microsOfUsd, parseJson, unprefixed } from "@guildhall/protocol";
import type { HttpBindings } from "@hono/node-server";
import type { Context } from "hono";
import { Fault } from "../../domain/fault.ts";
import { jsonMembers } from "../../lib/json-members.ts";
import { isObject } from "./check.ts";

export type Fields = Readonly<Record<string, unknown>>;

/** A body with several pictures in base64; what each interface takes is about as much. */
export const MODEL_BODY_BYTES_MAX = 20 * 1024 * 1024;
/** A body that arrives for longer than this is not worth waiting for. */
const MODEL_BODY_MS_MAX = 60_000;

export interface ModelBody {
  readonly bytes: Buffer;
  readonly fields: Fields;
  /** SHA-256, in hex. */
  readonly digest: string;
}

/**
 * Reads the body as it arrives: it is one JSON object, in UTF-8, whose members are each there once.
 *
 * @throws {Fault} `payload_too_large`, `upload_too_slow`, `invalid_request`
 */
export async function readModelBody(c: Context): Promise<ModelBody> {
  const bytes = await readBytes(c);
  const parsed = parseJson(textOf(bytes));
  if (!parsed.ok) throw invalid("body", `The body ${parsed.problem}.`);
  if (!isObject(parsed.value)) throw invalid("body", "The body has to be a JSON object.");
  const { twice } = jsonMembers(bytes);
  if (twice !== undefined) throw invalid(twice, `"${twice}" stands in the body twice.`);
  return {
    bytes,
    fields: parsed.value,
    digest: createHash("sha256").update(bytes).digest("hex"),
  };
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function textOf(bytes: Buffer): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    throw invalid("body", "The body is not UTF-8.");
  }
}

/** From the socket itself: what the web's streams add to it costs as much as all the rest. */
function readBytes(c: Context): Promise<Buffer> {
  const { incoming } = c.env as HttpBindings;
  const declared = Number(incoming.headers["content-length"] ?? 0);
  if (declared > MODEL_BODY_BYTES_MAX) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let bytes = 0;
    const timer = setTimeout(() => {
      fail(new Fault("upload_too_slow", "The body takes too long to arrive."));
    }, MODEL_BODY_MS_MAX);
    const fail = (fault: Fault): void => {
      clearTimeout(timer);
      incoming.removeAllListeners("data");
      // The rest is read and forgotten, so that the answer reaches who is still sending.
      incoming.resume();
      reject(fault);
    };
    incoming.on("data", (part: Buffer) => {
      bytes += part.length;
      if (bytes > MODEL_BODY_BYTES_MAX) fail(tooLarge());
      else parts.push(part);
    });
    incoming.on("end", () => {
      clearTimeout(timer);
      resolve(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts));
    });
    incoming.on("error", () => fail(invalid("body", "The body broke off.")));
  });
}

function tooLarge(): Fault {
  const bytesMax = MODEL_BODY_BYTES_MAX;
  return new Fault("payload_too_large", `The body is larger than ${bytesMax} bytes.`, { bytesMax });
}

/**
 * What of a request's headers concerns money: a limit of its own, the chain that it belongs to, and the
 * key by which asking for it again is known to be that.
 */
export function callHeaders(c: Context): {
  maxMicros: bigint | undefined;
  chainId: string | undefined;
  idempotencyKey: string | undefined;
} {
  const text = c.req.header("x-guildhall-max-usd");
  const maxMicros = text === undefined ? undefined : microsOfUsd(text);
  if (text !== undefined && maxMicros === undefined) {
    throw invalid("x-guildhall-max-usd", 'Give an amount in US dollars, like "0.05".');
  }
  const chain = c.req.header("x-linkedclaw-chain-id");
  const chainId = chain === undefined ? undefined : unprefixed("chn", chain);
  if (chain !== undefined && chainId === undefined) {
    throw new Fault("chain_not_authorised", "You are not doing any work of this chain.");
  }
  const idempotencyKey = c.req.header("idempotency-key");
  if (idempotencyKey !== undefined && !/^[\x21-\x7e]{1,255}$/.test(idempotencyKey)) {
    throw invalid("idempotency-key", "An idempotency key has 1 to 255 visible characters.");
  }
  return { maxMicros, chainId, idempotencyKey };
}

export function invalid(field: string, message: string): Fault {
  return new Fault("invalid_request", message, { field });
}

/** A whole number in a range; nothing where the member is not there. */
export function wholeNumber(
  fields: Fields,
  name: string,
  min: number,
  max: number,
): number | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) {
    return value as number;
  }
  throw invalid(name, `"${name}" has to be a whole number from ${min} to ${max}.`);
}

/** A number in a range; nothing where the member is not there. */
export function numberOf(
  fields: Fields,
  name: string,
  min: number,
  max: number,
): number | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && value >= min && value <= max) return value;
  throw invalid(name, `"${name}" has to be a number from ${min} to ${max}.`);
}

export function flagOf(fields: Fields, name: string): boolean | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "boolean") return value;
  throw invalid(name, `"${name}" has to be true or false.`);
}

/** A model's name, which every request has. */
export function modelOf(fields: Fields): string {
  const { model } = fields;
  if (typeof model === "string" && model !== "") return model;
  throw invalid("model", 'Name a model as "vendor/model".');
}

/** A text with something in it. */
export function textIn(fields: Fields, name: string, where: string): string {
  const value = fields[name];
  if (typeof value === "string") return value;
  throw invalid(where, `"${name}" has to be a text.`);
}

/** A list of objects; none where the member is not there. */
export function objectsIn(fields: Fields, name: string): readonly Fields[] {
  const value = fields[name];
  if (value === undefined || value === null) return [];
  if (Array.isArray(value) && value.every(isObject)) return value as readonly Fields[];
  throw invalid(name, `"${name}" has to be a list of objects.`);
}
