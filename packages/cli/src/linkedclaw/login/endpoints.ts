/** Where a server lets people log in: its RFC 8414 metadata, else the usual places. */
import { Failure } from "../../failure.ts";
import { fieldsOf, jsonOf, type Server } from "../../server.ts";

export const CLIENT_ID = "linkedclaw-cli";
export const SCOPE = "cli";

export interface LoginEndpoints {
  readonly authorizationUrl: string;
  /** Paths on the server. */
  readonly tokenPath: string;
  readonly deviceAuthorizationPath: string;
}

/** Reads the server's metadata. A token is only ever fetched from the server itself. */
export async function findEndpoints(server: Server): Promise<LoginEndpoints> {
  const answer = await server.exchange({
    method: "GET",
    path: "/.well-known/oauth-authorization-server",
  });
  const said = answer.status === 200 ? fieldsOf(jsonOf(answer)) : {};
  const authorizationUrl = said.authorization_endpoint ?? `${server.url}/oauth/authorize`;
  return {
    authorizationUrl: webAddress(authorizationUrl),
    tokenPath: pathOn(server, said.token_endpoint, "/api/v1/oauth/token"),
    deviceAuthorizationPath: pathOn(
      server,
      said.device_authorization_endpoint,
      "/api/v1/oauth/device_authorization",
    ),
  };
}

/** An address to open in a browser. Anything but a web page could start a program. */
export function webAddress(address: unknown): string {
  const url = typeof address === "string" && URL.canParse(address) ? new URL(address) : undefined;
  if (url && (url.protocol === "https:" || url.protocol === "http:")) return url.href;
  throw new Failure(
    "bad_response",
    `The server names no web page to log in at: ${String(address)}`,
  );
}

function pathOn(server: Server, endpoint: unknown, usual: string): string {
  if (typeof endpoint !== "string" || !URL.canParse(endpoint)) return usual;
  const base = new URL(`${server.url}/`);
  const url = new URL(endpoint);
  if (url.host !== base.host) {
    throw new Failure("bad_response", `${server.url} sends logins to another host: ${url.host}`, {
      hint: "Use that address as --cloud-url, if it is the one that you trust.",
    });
  }
  const prefix = base.pathname.replace(/\/$/, "");
  const path = url.pathname.startsWith(prefix) ? url.pathname.slice(prefix.length) : url.pathname;
  return path + url.search;
}
