/**
 * People's sign-in, by better-auth: passwords, sessions, cookies, and accounts at other providers.
 *
 * None of its own routes is reachable but the two that providers call back: pages call the rest from
 * this process, behind forms with CSRF tokens and limits on attempts. Its user is our member, under
 * the same id; who may become one is asked of core. It keeps no tokens of other providers: nothing
 * is done there in anybody's name.
 */
import { type BetterAuthOptions, betterAuth } from "better-auth";
import { APIError } from "better-auth/api";
import { type GenericOAuthConfig, genericOAuth } from "better-auth/plugins/generic-oauth";
import { faultCodeOf } from "../../domain/fault.ts";
import { newId } from "../../lib/random.ts";
import {
  type Admission,
  AUTH_PATH,
  type AuthOptions,
  type OAuthClient,
  OIDC_ID,
  PASSWORD_LENGTH_MAX,
  PASSWORD_LENGTH_MIN,
} from "./auth-settings.ts";
import { provenSignIn } from "./proven-sign-in.ts";

const SESSION_SECONDS = 7 * 86_400;
/** A session in use is prolonged about once a day, not with every page. */
const SESSION_UPDATE_SECONDS = 86_400;

export type Auth = ReturnType<typeof createAuth>;

export function createAuth(admission: Admission, options: AuthOptions) {
  const { mode, publicUrl, secret, pool, github, google, clock, random, log } = options;
  return betterAuth({
    appName: "Guildhall",
    baseURL: publicUrl,
    basePath: AUTH_PATH,
    secret,
    database: pool,
    ...TABLES,
    emailAndPassword: {
      enabled: true,
      minPasswordLength: PASSWORD_LENGTH_MIN,
      maxPasswordLength: PASSWORD_LENGTH_MAX,
    },
    socialProviders: { ...(github && { github }), ...(google && { google }) },
    plugins: [provenSignIn(), genericOAuth({ config: options.oidc ? [toOidc(options.oidc)] : [] })],
    databaseHooks: {
      user: { create: { before: async (user) => ({ data: await toMember(admission, user) }) } },
      account: {
        create: { before: async (account) => ({ data: { ...account, ...NO_TOKENS } }) },
        update: { before: async (account) => ({ data: { ...account, ...NO_TOKENS } }) },
      },
    },
    advanced: {
      cookiePrefix: "guildhall",
      useSecureCookies: mode === "production",
      defaultCookieAttributes: { httpOnly: true, sameSite: "lax", path: "/" },
      database: { generateId: () => newId(clock, random) },
      // The address behind a proxy is ours to know; better-auth would believe any header.
      ipAddress: { disableIpTracking: true },
    },
    // Only callbacks come in from outside, and each needs a state of ours that is good once.
    rateLimit: { enabled: false },
    onAPIError: { errorURL: `${publicUrl}/app/sign-in` },
    telemetry: { enabled: false },
    logger: {
      level: "warn",
      log: (level, message) => log[level]({ from: "better-auth" }, message),
    },
  });
}

/** Its tables and columns as our migration names them. */
const TABLES = {
  user: {
    modelName: "auth_users",
    fields: { emailVerified: "email_verified", createdAt: "created_at", updatedAt: "updated_at" },
  },
  session: {
    modelName: "auth_sessions",
    fields: {
      userId: "user_id",
      ipAddress: "ip_address",
      userAgent: "user_agent",
      expiresAt: "expires_at",
      createdAt: "created_at",
      updatedAt: "updated_at",
    },
    expiresIn: SESSION_SECONDS,
    updateAge: SESSION_UPDATE_SECONDS,
  },
  account: {
    modelName: "auth_accounts",
    fields: {
      userId: "user_id",
      providerId: "provider_id",
      accountId: "account_id",
      accessToken: "access_token",
      refreshToken: "refresh_token",
      idToken: "id_token",
      accessTokenExpiresAt: "access_token_expires_at",
      refreshTokenExpiresAt: "refresh_token_expires_at",
      createdAt: "created_at",
      updatedAt: "updated_at",
    },
    // An account elsewhere is joined to ours only where that provider has verified the address.
    accountLinking: { enabled: true, trustedProviders: [] },
    updateAccountOnSignIn: false,
  },
  verification: {
    modelName: "auth_verifications",
    fields: { expiresAt: "expires_at", createdAt: "created_at", updatedAt: "updated_at" },
  },
} satisfies Pick<BetterAuthOptions, "user" | "session" | "account" | "verification">;

const NO_TOKENS = {
  accessToken: null,
  refreshToken: null,
  idToken: null,
  accessTokenExpiresAt: null,
  refreshTokenExpiresAt: null,
};

/** Makes the member that a new user of better-auth is, or says in a word why not. */
async function toMember<User extends { email: string; emailVerified: boolean }>(
  admission: Admission,
  user: User,
): Promise<User & { id: string; name: string }> {
  if (!user.emailVerified) throw refused("email_not_verified");
  try {
    const member = await admission.admit(user.email);
    return { ...user, id: member.id, name: member.handle, email: member.email };
  } catch (error) {
    const code = faultCodeOf(error);
    if (code === "forbidden" || code === "invalid_request") throw refused("not_admitted");
    throw error;
  }
}

function refused(message: "email_not_verified" | "not_admitted"): APIError {
  return new APIError("FORBIDDEN", { message });
}

function toOidc(client: OAuthClient & { readonly issuer: string }): GenericOAuthConfig {
  return {
    providerId: OIDC_ID,
    clientId: client.clientId,
    clientSecret: client.clientSecret,
    discoveryUrl: `${client.issuer.replace(/\/$/, "")}/.well-known/openid-configuration`,
    scopes: ["openid", "email", "profile"],
    pkce: true,
    mapProfileToUser: (profile) => ({
      name: String(profile.name ?? profile.preferred_username ?? profile.email ?? "member"),
    }),
  };
}
