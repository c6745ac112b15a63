/**
 * Programs that may ask a person to sign them in. They are public clients: anybody can claim to be
 * one, so what a program is called decides only what kind of key it gets and where it may be sent.
 */
import { Fault } from "./fault.ts";
import type { KeyKind } from "./key.ts";

export interface ClientProgram {
  readonly id: string;
  readonly name: string;
  readonly keyKind: KeyKind;
}

/** A program that signs a person in by OAuth. */
export interface OAuthProgram extends ClientProgram {
  /** What it may ask for; there is one thing, a key that acts for the member's workspace. */
  readonly scope: string;
  /** The path that a loopback sign-in goes back to. */
  readonly redirectPath: string;
}

/** Starts registrations (OpenMarlin contract §4), which are no OAuth: there is nowhere to redirect to. */
export const REGISTRATION_PROGRAM: ClientProgram = {
  id: "openmarlin",
  name: "OpenMarlin client",
  keyKind: "claw_wsk",
};

const OAUTH_PROGRAMS: readonly OAuthProgram[] = [
  {
    id: "linkedclaw-cli",
    name: "LinkedClaw command line",
    keyKind: "lc",
    scope: "cli",
    redirectPath: "/callback",
  },
];

/** What a loopback sign-in asks for (RFC 6749 §4.1.1, RFC 7636 §4.3), as it came. */
export interface LoopbackRequest {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly responseType: string;
  readonly codeChallenge: string;
  readonly codeChallengeMethod: string;
  readonly state: string;
  readonly scope: string;
  readonly label: string;
}

/** The program of that id, for OAuth. Throws `invalid_request`. */
export function requireOAuthProgram(id: string): OAuthProgram {
  const program = OAUTH_PROGRAMS.find((candidate) => candidate.id === id);
  if (!program) throw refused("client_id", "This server does not know the program that asks.");
  return program;
}

/** The program of that id, whichever way it asks. Throws `invalid_request`. */
export function requireClientProgram(id: string): ClientProgram {
  return id === REGISTRATION_PROGRAM.id ? REGISTRATION_PROGRAM : requireOAuthProgram(id);
}

/**
 * Where an answer may be sent: this machine, by its address (a name could be pointed elsewhere), any
 * port, and exactly the program's path (RFC 8252 §7.3). Throws `invalid_request`.
 */
export function checkRedirect(program: OAuthProgram, redirectUri: string): void {
  const match = /^http:\/\/(?:127\.0\.0\.1|\[::1\]):([1-9]\d{0,4})(\/.*)$/.exec(redirectUri);
  if (!match || Number(match[1]) > 65_535 || match[2] !== program.redirectPath) {
    throw refused(
      "redirect_uri",
      `The program wants to be answered at a place that is not http://127.0.0.1:<port>${program.redirectPath}.`,
    );
  }
}

/**
 * The rest of a loopback sign-in's request, once its program and redirect are known to be good, so
 * that a refusal can be sent there. Throws `invalid_request`.
 */
export function checkLoopbackRequest(program: OAuthProgram, request: LoopbackRequest): void {
  if (request.responseType !== "code") throw refused("response_type", "It has to be `code`.");
  if (request.codeChallengeMethod !== "S256") {
    throw refused("code_challenge_method", "Only S256 is supported.");
  }
  if (!/^[A-Za-z0-9_-]{43}$/.test(request.codeChallenge)) {
    throw refused("code_challenge", "It has to be a SHA-256 in base64url without padding.");
  }
  if (!/^[\x20-\x7e]{1,512}$/.test(request.state)) {
    throw refused("state", "It has to be 1 to 512 printable ASCII characters.");
  }
  checkScope(program, request.scope);
}

/** Nothing asked for means all there is. Throws `invalid_request`. */
export function checkScope(program: OAuthProgram, scope: string): void {
  if (scope !== "" && scope !== program.scope) {
    throw refused("scope", `The only scope is \`${program.scope}\`.`);
  }
}

/** Whether `text` can be a PKCE verifier at all (RFC 7636 §4.1). */
export function isVerifier(text: string): boolean {
  return /^[A-Za-z0-9._~-]{43,128}$/.test(text);
}

function refused(field: string, message: string): Fault<"invalid_request"> {
  return new Fault("invalid_request", message, { field });
}
