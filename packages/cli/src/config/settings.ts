/**
 * What a command works with: flag, else `LINKEDCLAW_*`, else the file, else a default (LinkedClaw
 * contract §3, R6). The default server is the one that runs on this machine, else the one that our
 * commands were installed from.
 */
import { Failure } from "../failure.ts";
import { ownPackage } from "../own-package.ts";
import { configDirectory } from "./directory.ts";
import { readConfigFile } from "./file.ts";
import { runningServerUrl } from "./running-server.ts";

type Env = Readonly<Record<string, string | undefined>>;
export type Source =
  | "flag"
  | "environment"
  | "file"
  | "running server"
  | "installation"
  | "derived"
  | "default";

export const SERVER_DEFAULT = "http://127.0.0.1:8787";

export interface Settings {
  readonly directory: string;
  readonly configPath: string;
  readonly configExists: boolean;
  readonly apiKey: string | undefined;
  /** Without a slash at its end. */
  readonly cloudUrl: string;
  readonly relayUrl: string;
  /** Where broadcast work is accepted and submitted, in split deployments. */
  readonly serviceUrl: string;
  readonly agentId: string | undefined;
  /** The chain of work that this command belongs to, where it is run by an agent at work. */
  readonly chainId: string | undefined;
  /** Where each of them comes from. */
  readonly sources: Readonly<Record<string, Source>>;
  /** Names in the file that are none of ours. */
  readonly others: Readonly<Record<string, string>>;
}

interface Found {
  readonly value: string | undefined;
  readonly source: Source;
}

/** The names in the file that mean something to us. */
export const OUR_NAMES: ReadonlySet<string> = new Set([
  "apiKey",
  "cloudUrl",
  "relayUrl",
  "serviceUrl",
  "agentId",
]);

/** Reads everything there is. Refuses where the file's permissions are loose. */
export async function readSettings(env: Env, cloudUrlFlag: string | undefined): Promise<Settings> {
  const directory = configDirectory(env);
  const file = await readConfigFile(directory);
  const find = (name: string, variable: string): Found => {
    if (env[variable]) return { value: env[variable], source: "environment" };
    if (file.values[name]) return { value: file.values[name], source: "file" };
    return { value: undefined, source: "default" };
  };
  const apiKey = find("apiKey", "LINKEDCLAW_API_KEY");
  const agentId = find("agentId", "LINKEDCLAW_AGENT_ID");
  const cloudUrl = findCloudUrl(env, cloudUrlFlag, find("cloudUrl", "LINKEDCLAW_CLOUD_URL"));
  // A relay that was stored belongs to the server that was stored with it, not to another one.
  const isOtherServer = cloudUrl.source !== "file" && file.values.cloudUrl !== undefined;
  const besideCloud = (name: string, variable: string, derived: string): Found => {
    const found = find(name, variable);
    if (found.value !== undefined && !(isOtherServer && found.source === "file")) return found;
    return { value: derived, source: "derived" };
  };
  const relayUrl = besideCloud("relayUrl", "LINKEDCLAW_RELAY_URL", relayUrlOf(cloudUrl.value));
  const serviceUrl = besideCloud("serviceUrl", "LINKEDCLAW_SERVICE_URL", cloudUrl.value);
  return {
    directory,
    configPath: file.path,
    configExists: file.exists,
    apiKey: apiKey.value,
    agentId: agentId.value,
    cloudUrl: cloudUrl.value,
    relayUrl: relayUrl.value ?? "",
    serviceUrl: (serviceUrl.value ?? "").replace(/\/+$/, ""),
    chainId: env.LINKEDCLAW_CHAIN_ID || undefined,
    sources: sourcesOf({ apiKey, agentId, cloudUrl, relayUrl, serviceUrl }),
    others: Object.fromEntries(
      Object.entries(file.values).filter(([name]) => !OUR_NAMES.has(name)),
    ),
  };
}

function findCloudUrl(
  env: Env,
  flag: string | undefined,
  stored: Found,
): { value: string; source: Source } {
  if (flag !== undefined) return { value: serverUrl(flag, "--cloud-url"), source: "flag" };
  if (stored.value !== undefined) {
    return { value: serverUrl(stored.value, "cloudUrl"), source: stored.source };
  }
  const running = runningServerUrl(env);
  if (running !== undefined) {
    return { value: serverUrl(running, "server.json"), source: "running server" };
  }
  const { server } = ownPackage();
  if (server !== undefined) {
    return { value: serverUrl(server, "package.json"), source: "installation" };
  }
  return { value: SERVER_DEFAULT, source: "default" };
}

/** A server's address without a slash at its end; refuses what is none. `name` says where it stood. */
export function serverUrl(text: string, name: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isServer =
    url !== undefined &&
    (url.protocol === "http:" || url.protocol === "https:") &&
    url.username === "" &&
    url.search === "" &&
    url.hash === "";
  if (!isServer) {
    throw new Failure("usage_error", `${name} is not the address of a server: ${text}`, {
      exitCode: 2,
      hint: "It looks like https://hall.example.org or http://127.0.0.1:8787.",
    });
  }
  return url.href.replace(/\/+$/, "");
}

/** The relay of a server: the same host by WebSocket, at `/ws`. */
export function relayUrlOf(cloudUrl: string): string {
  return `${cloudUrl.replace(/^http/, "ws")}/ws`;
}

function sourcesOf(found: Readonly<Record<string, Found>>): Record<string, Source> {
  return Object.fromEntries(
    Object.entries(found)
      .filter(([, { value }]) => value !== undefined)
      .map(([name, { source }]) => [name, source]),
  );
}
