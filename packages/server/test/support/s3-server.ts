/** A real S3-compatible server on loopback, with one empty bucket, gone after the test. */
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { S3Options } from "../../src/outbound/blobs/s3.ts";

/** The package has no types of its own; this is what is used of it. */
interface S3Server {
  run(): Promise<AddressInfo>;
  close(): Promise<void>;
}
type S3ServerClass = new (options: Readonly<Record<string, unknown>>) => S3Server;
const S3rver = createRequire(import.meta.url)("@20minutes/s3rver") as S3ServerClass;

export interface TestBucket {
  readonly options: S3Options;
  /** Where the server keeps what it was given. */
  readonly folder: string;
}

export async function startS3Server(t: TestContext): Promise<TestBucket> {
  const folder = await mkdtemp(join(tmpdir(), "guildhall-s3-"));
  const bucket = "guildhall-test";
  const server = new S3rver({
    address: "127.0.0.1",
    port: 0,
    silent: true,
    directory: folder,
    configureBuckets: [{ name: bucket }],
  });
  const { port } = await server.run();
  t.after(async () => {
    await server.close();
    await rm(folder, { recursive: true, force: true });
  });
  const options = {
    endpoint: `http://127.0.0.1:${port}`,
    bucket,
    region: "us-east-1",
    accessKeyId: "S3RVER",
    secretAccessKey: "S3RVER",
  };
  return { options, folder };
}
