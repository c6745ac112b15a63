/**
 * What sign-in is told and what it keeps to, without what does it: `auth.ts` and the library behind it
 * are half of all modules of a server, and are loaded when somebody signs in.
 */
import type { Member } from "../../domain/member.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { Random } from "../../lib/random.ts";

/** Where better-auth believes to be mounted. Only the callbacks below it are. */
export const AUTH_PATH = "/app/auth";

/** The id of the provider that is configured by its issuer; it stands in the callback's address. */
export const OIDC_ID = "oidc";

export const PASSWORD_LENGTH_MIN = 10;
/** Hashing takes as long as the text: a bound on what a stranger can ask for. */
export const PASSWORD_LENGTH_MAX = 128;

export interface OAuthClient {
  readonly clientId: string;
  readonly clientSecret: string;
}

export interface AuthOptions {
  readonly mode: "development" | "production";
  readonly publicUrl: string;
  /** A secret of at least 32 bytes, for this alone. */
  readonly secret: string;
  /** node-postgres' pool on our database, whichever host it has. */
  readonly pool: { connect(): Promise<unknown>; end(): Promise<unknown> };
  readonly github?: OAuthClient | undefined;
  readonly google?: OAuthClient | undefined;
  readonly oidc?: (OAuthClient & { readonly issuer: string; readonly name: string }) | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** What sign-in needs of core's members. */
export interface Admission {
  admit(email: string): Promise<Member>;
}
