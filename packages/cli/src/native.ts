/** Guildhall's own API, `/api/guildhall/v1`: a member's wallet, and the operator's commands. */
import { join } from "node:path";
import { type Cli, requireKey } from "./cli.ts";
import { isThereAndPrivate } from "./config/directory.ts";
import { dataDirectory, serverNoteIn } from "./config/running-server.ts";
import { SERVER_DEFAULT, serverUrl } from "./config/settings.ts";
import { Failure } from "./failure.ts";
import { readIfThere } from "./files.ts";
import { openServer } from "./linkedclaw/api.ts";
import { createServer, requestIdOf, type Server, type ServerRequest } from "./server.ts";

const ROOT = "/api/guildhall/v1";

export interface NativeApi {
  /** `path` is below `/api/guildhall/v1`. */
  ask(request: ServerRequest): Promise<unknown>;
}

/** The API as who is logged in. */
export async function openNative(cli: Cli): Promise<NativeApi> {
  const settings = await cli.settings();
  const key = requireKey(settings);
  return below(ROOT, openServer(cli, settings, { authorization: `Bearer ${key}` }));
}

/**
 * The API as the operator: whoever may read `operator.key` in the server's data directory. The key
 * never leaves this machine but by https.
 */
export async function openAdmin(
  cli: Cli,
  dataDirectoryFlag: string | undefined,
): Promise<NativeApi> {
  const directory = dataDirectoryFlag ?? dataDirectory(cli.env);
  if (directory === undefined) {
    throw new Failure("operator_key_missing", "Where the server's data is, is not known.", {
      hint: "Name its directory with --data-dir or GUILDHALL_DATA_DIR.",
    });
  }
  const key = await readOperatorKey(cli, directory);
  const named = cli.options.cloudUrl ?? serverNoteIn(directory)?.localUrl ?? SERVER_DEFAULT;
  const url = serverUrl(named, "The server's address");
  requireSafe(url);
  const { terminal } = cli;
  const server = createServer({
    url,
    headers: { "user-agent": `guildhall-cli/${cli.version}`, authorization: `Bearer ${key}` },
    unreachableHint: `Is the server running? Its data directory is ${directory}.`,
    onAnswer({ method, path }, answer) {
      if (!cli.options.verbose) return;
      const request_id = requestIdOf(answer);
      terminal.event("answered", { method, path, status: answer.status, request_id });
    },
  });
  return below(`${ROOT}/admin`, server);
}

async function readOperatorKey(cli: Cli, directory: string): Promise<string> {
  const path = join(directory, "operator.key");
  const text = (await isThereAndPrivate(path)) ? await readIfThere(path) : undefined;
  const key = text?.trim();
  if (key === undefined || key === "") {
    throw new Failure("operator_key_missing", `There is no operator key at ${path}.`, {
      hint: "The server makes it when it first starts. Run this on the server's own machine, as the server's own user; name another data directory with --data-dir.",
      facts: { path },
    });
  }
  cli.terminal.keepSecret(key);
  return key;
}

function requireSafe(url: string): void {
  const { protocol, hostname } = new URL(url);
  if (protocol === "https:" || /^(?:127(?:\.\d+){3}|\[::1\]|localhost)$/.test(hostname)) return;
  throw new Failure("insecure_address", `The operator key is not sent unencrypted to ${url}.`, {
    hint: "Use https, or run this on the server's own machine.",
  });
}

function below(root: string, server: Server): NativeApi {
  return { ask: (request) => server.ask({ ...request, path: root + request.path }) };
}
