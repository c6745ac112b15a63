/** Files over a real database, a real folder and real HTTP: what a client of the server meets. */
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { type Assets, createAssets } from "../../src/core/asset.ts";
import { createFileLinks } from "../../src/core/file-link.ts";
import { createInputFiles } from "../../src/core/input-files.ts";
import type { BlobStore } from "../../src/core/ports.ts";
import { createSchemas } from "../../src/core/schema.ts";
import type { UploadPace } from "../../src/domain/asset.ts";
import type { Caller } from "../../src/domain/caller.ts";
import { createGuardedFetch } from "../../src/lib/guarded-fetch.ts";
import type { LookupAddresses } from "../../src/lib/guarded-url.ts";
import { createLog } from "../../src/lib/log.ts";
import { newId, systemRandom } from "../../src/lib/random.ts";
import { deriveSecret } from "../../src/lib/seal.ts";
import { openDirectoryBlobs } from "../../src/outbound/blobs/directory.ts";
import type { Database } from "../../src/store/database.ts";
import { faultOf } from "../../src/surfaces/shared/fault-table.ts";
import { sendFile } from "../../src/surfaces/shared/file-response.ts";
import { readUpload } from "../../src/surfaces/shared/multipart.ts";
import { storedFileRoutes } from "../../src/surfaces/shared/stored-files.ts";
import { HeldClock } from "../support/clock.ts";

const FIXTURES = fileURLToPath(new URL("./fixtures/", import.meta.url));
export const DAY_MS = 86_400_000;

export function fixture(name: string): Promise<Buffer> {
  return readFile(join(FIXTURES, name));
}

export function sha256Of(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export interface HallOptions {
  readonly workspaceBytesMax?: number;
  readonly uploadPace?: UploadPace;
  readonly isLoopbackOpen?: boolean;
  readonly lookup?: LookupAddresses;
  /** Puts something between the use cases and the folder that the blobs are in. */
  readonly wrapBlobs?: (blobs: BlobStore) => BlobStore;
}

export async function openHall(t: TestContext, database: Database, options: HallOptions = {}) {
  const folder = await mkdtemp(join(tmpdir(), "guildhall-assets-"));
  const clock = new HeldClock();
  const random = systemRandom;
  let url = "";
  const baseUrl = () => url;
  const lookup = options.lookup ? { lookup: options.lookup } : {};
  const guardedFetch = createGuardedFetch({
    isLoopbackOpen: options.isLoopbackOpen ?? false,
    userAgent: "guildhall-test",
    ...lookup,
  });
  const links = createFileLinks({ secret: deriveSecret("a secret", "links"), baseUrl, clock });
  const blobs = await openDirectoryBlobs(folder, { clock, random });
  const assets = createAssets({
    ...{ database, clock, random, links, log: createLog("silent") },
    blobs: options.wrapBlobs?.(blobs) ?? blobs,
    workspaceBytesMax: options.workspaceBytesMax ?? 1024 ** 3,
    ...(options.uploadPace ? { uploadPace: options.uploadPace } : {}),
  });
  const schemas = createSchemas({ database, clock, guardedFetch, baseUrl });
  const inputFiles = createInputFiles({ database, clock, guardedFetch, links });
  const core = { assets, schemas };
  url = await serve(t, getRequestListener(routesOver(core).fetch));
  t.after(async () => {
    await schemas.close();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    ...{ url, clock, folder, assets, schemas, inputFiles },
    /** A workspace, and a caller who acts for it. */
    async workspace(name: string): Promise<Caller> {
      const id = newId(clock, random);
      await database.query("insert into workspaces(id, name, created_at) values ($1, $2, $3)", [
        id,
        name,
        clock.now(),
      ]);
      return callerFor(id);
    },
    /** Sends a form with a file, as a client would. */
    upload: (caller: Caller, content: Uint8Array | string, more: FormParts = {}) =>
      fetch(`${url}/upload`, {
        method: "POST",
        headers: { "x-workspace": caller.workspaceId },
        body: formOf(content, more),
      }),
    /** Files on the disk, on their way or stored. */
    async filesOnDisk(): Promise<string[]> {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true });
      return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
    },
    rows: () => database.query<{ id: string; state: string }>("select id, state from assets"),
  };
}
export type Hall = Awaited<ReturnType<typeof openHall>>;

export interface FormParts {
  readonly filename?: string;
  readonly mime?: string;
}

function formOf(content: Uint8Array | string, { filename = "file", mime }: FormParts): FormData {
  const form = new FormData();
  form.set("file", new Blob([content as Uint8Array<ArrayBuffer>]), filename);
  if (mime !== undefined) form.set("mime", mime);
  return form;
}

/** The routes of a wire, as far as files go; refusals say their code. */
function routesOver(core: { assets: Assets; schemas: ReturnType<typeof createSchemas> }): Hono {
  const routes = new Hono();
  routes.onError((error, c) => {
    const { code, message } = faultOf(error);
    return c.json({ code, message }, code === "internal" ? 500 : 400);
  });
  const callerOf = (workspaceId: string | undefined) => callerFor(workspaceId ?? "");
  routes.post("/upload", async (c) => {
    const caller = callerOf(c.req.header("x-workspace"));
    const asset = await readUpload(c, (file) => core.assets.upload(caller, file));
    return c.json({ ...asset }, 201);
  });
  routes.get("/own/:id", async (c) =>
    sendFile(c, await core.assets.open(callerOf(c.req.header("x-workspace")), c.req.param("id"))),
  );
  routes.route("/", storedFileRoutes(core));
  return routes;
}

const NO_LIMITS = { dailyMicros: undefined, monthlyMicros: undefined, prepaidMicros: undefined };

function callerFor(workspaceId: string): Caller {
  return {
    workspaceId,
    keyId: undefined,
    agentId: undefined,
    memberId: undefined,
    isOperator: false,
    keyLimits: NO_LIMITS,
    workspaceLimits: NO_LIMITS,
    chainCeilingMicros: 0n,
  };
}

/** A real HTTP server on loopback that ends with the test. */
export async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Waits until something is so. A test that waits in vain is ended by the runner. */
export async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}
