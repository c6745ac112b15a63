/**
 * The command line as a package that npm installs from here: made when somebody first asks for it, by
 * a program of the command line's own; nothing else in the server knows of it. The same sources give
 * the same bytes, so it does not matter which process answers.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Log } from "./lib/log.ts";

export interface CliPackage {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** SHA-256, in hex. */
  readonly digest: string;
}

const PROGRAM = fileURLToPath(new URL("../../cli/src/distribution/main.ts", import.meta.url));
/** It takes a second or two; on a machine that is busy, some more. */
const MAKE_MS_MAX = 120_000;
const BYTES_MAX = 64 * 1024 * 1024;
/** After a failure the next one who asks does not make it worse. */
const RETRY_MS_MIN = 10_000;

/** Gives the package; `undefined` where it cannot be made, which the log explains. */
export function createCliPackage(deps: {
  /** Where clients reach the server: those that it installs speak to it. */
  readonly url: string;
  readonly log: Log;
  readonly nowMs: () => number;
  readonly environment: Readonly<Record<string, string | undefined>>;
}): () => Promise<CliPackage | undefined> {
  const { url, log, nowMs, environment } = deps;
  let made: Promise<CliPackage | undefined> | undefined;
  let failedAtMs = Number.NEGATIVE_INFINITY;

  const make = async (): Promise<CliPackage | undefined> => {
    try {
      const bytes = await outputOf([PROGRAM, url], environment);
      return { bytes, digest: createHash("sha256").update(bytes).digest("hex") };
    } catch (error) {
      log.error({ error }, "the command line could not be packed");
      failedAtMs = nowMs();
      made = undefined;
      return undefined;
    }
  };

  return async () => {
    if (!existsSync(PROGRAM) || nowMs() - failedAtMs < RETRY_MS_MIN) return undefined;
    made ??= make();
    return made;
  };
}

function outputOf(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<Uint8Array<ArrayBuffer>> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
    const parts: Buffer[] = [];
    let bytes = 0;
    const timer = setTimeout(() => child.kill("SIGKILL"), MAKE_MS_MAX);
    child.stdout.on("data", (part: Buffer) => {
      parts.push(part);
      bytes += part.length;
      if (bytes > BYTES_MAX) child.kill("SIGKILL");
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve(new Uint8Array(Buffer.concat(parts)));
      else reject(new Error(`it ended with ${code ?? signal}`));
    });
  });
}
