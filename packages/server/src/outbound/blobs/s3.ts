/**
 * Blobs in S3-compatible storage, for servers on more than one machine.
 *
 * An upload arrives on the local disk first, and is sent once it is whole and was found acceptable:
 * so its length and hash are known, one request stores it or does not, the storage checks what it
 * got, and an upload that breaks off leaves nothing there, not even half a multipart upload.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { AwsV4Signer } from "aws4fetch";
import { Agent, type Dispatcher, request } from "undici";
import type { BlobStore, ByteRange, StagedBlob } from "../../core/ports.ts";
import { openStaging, type StagedFile, type StagingTools } from "./staging.ts";

export interface S3Options {
  /** Where the storage is; the bucket is the first part of the path. */
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** The storage said no, or something else than what was asked. */
export class S3Error extends Error {
  override readonly name = "S3Error";
}

const KEY = /^[0-9a-f]{24}$/;
const EMPTY_SHA256 = createHash("sha256").digest("hex");
const ATTEMPTS_MAX = 3;
const RETRY_MS = 200;
const CONNECTIONS_MAX = 32;
/** To the first byte of an answer, and between two pieces of a body. */
const SILENCE_MS_MAX = 30_000;
/** How much of an error's text goes into ours. */
const EXCERPT_CHARS = 300;

export interface S3Blobs extends BlobStore {
  close(): Promise<void>;
}

/**
 * Opens a store in a bucket that exists.
 *
 * @param stagingFolder on this machine, where uploads arrive.
 * @throws {S3Error} where the bucket cannot be used, so that a wrong setting is found at the start.
 */
export async function openS3Blobs(
  options: S3Options,
  stagingFolder: string,
  tools: StagingTools,
): Promise<S3Blobs> {
  const staging = await openStaging(stagingFolder, tools);
  const bucket = createBucket(options);
  await bucket.check();
  return {
    stage: async (source) => toBlob(bucket, await staging.take(source)),
    read: (key, range) => bucket.read(key, range),
    remove: (key) => bucket.remove(key),
    close: () => bucket.close(),
  };
}

function toBlob(bucket: Bucket, staged: StagedFile): StagedBlob {
  return {
    bytes: staged.bytes,
    sha256: staged.sha256,
    readAt: staged.readAt,
    store: (key) => bucket.write(key, staged),
    discard: staged.discard,
  };
}

interface Bucket {
  check(): Promise<void>;
  write(key: string, file: StagedFile): Promise<void>;
  read(key: string, range: ByteRange): Promise<Readable | undefined>;
  remove(key: string): Promise<void>;
  close(): Promise<void>;
}

interface Ask {
  readonly method: "HEAD" | "GET" | "PUT" | "DELETE";
  /** Absent where the bucket itself is asked for. */
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Made anew for each attempt. */
  readonly body?: () => Readable;
  readonly sha256?: string;
}

function createBucket(options: S3Options): Bucket {
  const agent = new Agent({
    connections: CONNECTIONS_MAX,
    headersTimeout: SILENCE_MS_MAX,
    bodyTimeout: SILENCE_MS_MAX,
  });
  const send = (ask: Ask) => sendSigned(options, agent, ask);
  return {
    async check() {
      const answer = await send({ method: "HEAD" });
      await answer.body.dump();
      if (answer.statusCode !== 200) {
        throw new S3Error(
          `The bucket "${options.bucket}" at ${options.endpoint} cannot be used: ${answer.statusCode}.`,
        );
      }
    },
    async write(key, { path, bytes, sha256 }) {
      const headers = {
        "content-length": String(bytes),
        "content-type": "application/octet-stream",
      };
      const body = () => createReadStream(path);
      await expectStatus(
        await send({ method: "PUT", key: keyOf(key), headers, body, sha256 }),
        200,
      );
    },
    async read(key, { start, end }) {
      if (start >= end) return Readable.from([]);
      const headers = { range: `bytes=${start}-${end - 1}` };
      const answer = await send({ method: "GET", key: keyOf(key), headers });
      if (answer.statusCode === 206) return answer.body;
      if (answer.statusCode !== 404) throw await toError(answer);
      await answer.body.dump();
      return undefined;
    },
    async remove(key) {
      await expectStatus(await send({ method: "DELETE", key: keyOf(key) }), 204, 200, 404);
    },
    close: () => agent.close(),
  };
}

function keyOf(key: string): string {
  assert.match(key, KEY);
  return key;
}

/** Sends a request, again where the storage stumbled: each of ours can be repeated without harm. */
async function sendSigned(
  options: S3Options,
  dispatcher: Dispatcher,
  ask: Ask,
): Promise<Dispatcher.ResponseData> {
  for (let attempt = 1; ; attempt++) {
    const isLast = attempt >= ATTEMPTS_MAX;
    try {
      const answer = await sendOnce(options, dispatcher, ask);
      if (isLast || (answer.statusCode < 500 && answer.statusCode !== 429)) return answer;
      await answer.body.dump();
    } catch (error) {
      if (isLast) throw new S3Error("The file storage cannot be reached.", { cause: error });
    }
    await sleep(RETRY_MS * 2 ** attempt);
  }
}

async function sendOnce(
  options: S3Options,
  dispatcher: Dispatcher,
  { method, key, headers, body, sha256 }: Ask,
): Promise<Dispatcher.ResponseData> {
  const bucketUrl = `${options.endpoint.replace(/\/+$/, "")}/${options.bucket}`;
  const signed = await new AwsV4Signer({
    method,
    url: key === undefined ? bucketUrl : `${bucketUrl}/${key}`,
    headers: { ...headers, "x-amz-content-sha256": sha256 ?? EMPTY_SHA256 },
    service: "s3",
    region: options.region,
    accessKeyId: options.accessKeyId,
    secretAccessKey: options.secretAccessKey,
  }).sign();
  const stream = body?.();
  try {
    return await request(signed.url.href, {
      dispatcher,
      method,
      headers: Object.fromEntries(signed.headers),
      body: stream ?? null,
    });
  } finally {
    stream?.destroy();
  }
}

async function expectStatus(
  answer: Dispatcher.ResponseData,
  ...statuses: readonly number[]
): Promise<void> {
  if (!statuses.includes(answer.statusCode)) throw await toError(answer);
  await answer.body.dump();
}

async function toError(answer: Dispatcher.ResponseData): Promise<S3Error> {
  const text = await answer.body.text();
  return new S3Error(
    `The file storage answered ${answer.statusCode}: ${text.slice(0, EXCERPT_CHARS)}`,
  );
}
