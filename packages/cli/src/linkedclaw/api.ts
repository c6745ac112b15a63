/** The LinkedClaw wire as its requesters and providers see it: `/api/v1` with a key. */
import type { Cli } from "../cli.ts";
import { requireKey } from "../cli.ts";
import { runningServerUrl } from "../config/running-server.ts";
import type { Settings } from "../config/settings.ts";
import { createServer, fieldsOf, requestIdOf, type Server, type ServerRequest } from "../server.ts";

export const CHAIN_HEADER = "x-linkedclaw-chain-id";
const ROOT = "/api/v1";

export interface Api {
  readonly settings: Settings;
  /** `path` is below `/api/v1`. */
  ask(request: ServerRequest): Promise<unknown>;
  /** The same at the services host, which is another one in split deployments (LinkedClaw contract §1). */
  askService(request: ServerRequest): Promise<unknown>;
}

/** The server as who is logged in. Refuses with `invalid_api_key` where nobody is. */
export async function openApi(cli: Cli): Promise<Api> {
  const settings = await cli.settings();
  return apiWithKey(cli, settings, requireKey(settings));
}

/** The server as the owner of `key`, which need not be stored yet. */
export function apiWithKey(cli: Cli, settings: Settings, key: string): Api {
  cli.terminal.keepSecret(key);
  const headers = { authorization: `Bearer ${key}`, [CHAIN_HEADER]: settings.chainId };
  const below = (server: Server) => (request: ServerRequest) =>
    server.ask({ ...request, path: ROOT + request.path });
  return {
    settings,
    ask: below(openServer(cli, settings, headers)),
    askService: below(openServer(cli, settings, headers, settings.serviceUrl)),
  };
}

/** The server without a key, as somebody who is about to log in. */
export function openServer(
  cli: Cli,
  settings: Settings,
  headers: Readonly<Record<string, string | undefined>> = {},
  url = settings.cloudUrl,
): Server {
  const { terminal } = cli;
  return createServer({
    url,
    headers: { "user-agent": `linkedclaw-cli/${cli.version}`, ...headers },
    unreachableHint: unreachableHint(cli, settings),
    hints: hintsFor(settings, headers.authorization),
    onAnswer(request, answer) {
      if (!cli.options.verbose) return;
      const { method, path } = request;
      terminal.event("answered", {
        method,
        path,
        status: answer.status,
        request_id: requestIdOf(answer),
      });
    },
  });
}

/** Logging in stores a key in the file, and one in the environment would still win over it. */
function hintsFor(settings: Settings, authorization: string | undefined): Record<string, string> {
  const isFromEnvironment =
    settings.sources.apiKey === "environment" && authorization === `Bearer ${settings.apiKey}`;
  if (!isFromEnvironment) return {};
  return {
    invalid_api_key:
      "This key is from LINKEDCLAW_API_KEY, which wins over the one that login stores: unset it, or set another.",
  };
}

function unreachableHint(cli: Cli, settings: Settings): string {
  const source = settings.sources.cloudUrl ?? "default";
  const running = runningServerUrl(cli.env)?.replace(/\/+$/, "");
  if (running !== undefined && running !== settings.cloudUrl) {
    return `That address is from: ${source}. A server on this machine says that it is at ${running}: linkedclaw login --cloud-url ${running}`;
  }
  return `That address is from: ${source}. Start a server with npm start, or name another one with --cloud-url.`;
}

/** An id as part of a path: whatever it holds, it stays one part. */
export function pathPart(id: string): string {
  return encodeURIComponent(id);
}

/** One listing, as far as our commands read it. The server may say more. */
export interface Card {
  readonly agent_id: string;
  readonly agent_name: string;
  readonly slug: string;
  readonly description: string;
  readonly status: string;
  readonly trust_score: number | undefined;
  readonly capabilities: readonly string[];
  readonly capabilities_meta: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** Reads a listing from an answer; what is missing is empty. */
export function cardOf(value: unknown): Card {
  const fields = fieldsOf(value);
  const text = (name: string) => (typeof fields[name] === "string" ? fields[name] : "");
  const meta = Object.entries(fieldsOf(fields.capabilities_meta));
  return {
    agent_id: text("agent_id"),
    agent_name: text("agent_name"),
    slug: text("slug"),
    description: text("description"),
    status: text("status"),
    trust_score: typeof fields.trust_score === "number" ? fields.trust_score : undefined,
    capabilities: Array.isArray(fields.capabilities) ? fields.capabilities.map(String) : [],
    capabilities_meta: Object.fromEntries(meta.map(([name, entry]) => [name, fieldsOf(entry)])),
  };
}
