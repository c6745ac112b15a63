/** A house for tests: real threads and models, files from this folder's fixtures or from memory. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import {
  CapabilityError,
  createHouse,
  HOUSE_CAPABILITIES,
  type JsonObject,
} from "../../src/index.ts";

const house = createHouse();
after(() => house.close());

const ajv = new Ajv2020({ strict: true, allErrors: true, formats: { uri: true } });

/** Files by the name under which `fileNamed` refers to them. */
const files = new Map<string, Uint8Array>();

/** A reference to a fixture, or to `bytes` when they are given. */
export function fileNamed(filename: string, bytes?: Uint8Array) {
  const url = `https://files.example/${filename}`;
  if (bytes) files.set(url, bytes);
  return { file_id: "fil_0192f0c1a2b3c4d5e6f70819", url, filename };
}

export async function fixture(name: string): Promise<Buffer> {
  return await readFile(new URL(`../fixtures/${name}`, import.meta.url));
}

/** Runs a capability and checks that its output is what its schema says, also after a trip as JSON. */
export async function run(slug: string, input: unknown, signal?: AbortSignal): Promise<JsonObject> {
  return (await makes(slug, input, () => undefined, signal)).output;
}

/** The same of one that makes files: these are given as well. */
export async function makes(
  slug: string,
  input: unknown,
  onProgress: (share: number) => void = () => undefined,
  signal: AbortSignal = new AbortController().signal,
): Promise<{ readonly output: JsonObject; readonly files: readonly Buffer[] }> {
  const made: Buffer[] = [];
  const output = await house.run(slug, input, {
    requester: "them",
    signal,
    progress: async (share) => onProgress(share),
    upload: async ({ bytes }) => {
      made.push(Buffer.from(bytes));
      return { file_id: "fil_0192f0c1a2b3c4d5e6f7081a" };
    },
    file: async ({ url, filename = "", mime = "" }) => {
      return { bytes: files.get(url) ?? (await fixture(filename)), filename, mime };
    },
  });
  const sent: unknown = JSON.parse(JSON.stringify(output));
  assert.deepEqual(sent, output, "JSON keeps the output as it is");
  const capability = HOUSE_CAPABILITIES.find((each) => each.slug === slug);
  const check = ajv.compile(capability?.outputSchema ?? false);
  assert.ok(check(sent), ajv.errorsText(check.errors));
  return { output, files: made };
}

/** Expects the refusal that a requester would see. */
export async function refuses(
  code: CapabilityError["code"],
  message: RegExp,
  work: Promise<unknown>,
): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof CapabilityError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  });
}
