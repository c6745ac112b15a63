/** Which server: the only place that keys are ever sent to. */
import { Failure } from "../failure.ts";
import type { Settings } from "./settings.ts";

/** Put in while bundling: the server that gave the skill away. */
declare const INSTALLED_FROM: string | undefined;

/** A server on this machine, as it starts without any settings. */
export const LOCAL_SERVER = "http://127.0.0.1:8787";
/** Where the pages of the product are, and nothing that a program could speak to. */
const WEBSITE = "openmarlin.ai";

export interface Origin {
  /** Without a slash at its end, spelled as it was given: fingerprints are made of it (contract §3.2). */
  readonly url: string;
  readonly source: string;
}

export function originByDefault(): string {
  return typeof INSTALLED_FROM === "string" ? INSTALLED_FROM : LOCAL_SERVER;
}

/** The server to speak to. Refuses an address that is more than an origin (contract R1). */
export function findOrigin(settings: Settings, flag?: string): Origin {
  const { value, source } = settings.find("OPENMARLIN_SERVER_URL", flag) ?? {
    value: originByDefault(),
    source: "built-in-default",
  };
  const url = value.replace(/\/+$/, "");
  const parsed =
    /^https?:\/\/[^/?#@\\\s]+$/i.test(url) && URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed) throw notAnOrigin(value, source);
  if (parsed.host.toLowerCase() === WEBSITE) {
    throw new Failure(
      "website",
      `${WEBSITE} is a website and answers no programs. Set OPENMARLIN_SERVER_URL to the origin of a server, such as ${LOCAL_SERVER}.`,
    );
  }
  return { url, source };
}

function notAnOrigin(value: string, source: string): Failure {
  const looksLikeOne = /^https?:/i.test(value) && URL.canParse(value);
  const expected = looksLikeOne ? new URL(value).origin : LOCAL_SERVER;
  return new Failure(
    "invalid_server_url",
    `The server's address (${source}) has to be a bare origin without a path, query, fragment or user, like ${expected}.`,
  );
}

/** Whether two addresses lead to the same place, however they are spelled. */
export function isSameOrigin(one: string, other: string): boolean {
  return URL.canParse(one) && URL.canParse(other) && new URL(one).origin === new URL(other).origin;
}
