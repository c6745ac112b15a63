/**
 * The environment -> one frozen configuration. The only reader of `process.env`, once, at the start:
 * everything else is handed what it needs. `docs/configuration.md` lists the same settings.
 */
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { microsOfUsd } from "@guildhall/protocol";
import { readMoney, type StripeConfig } from "./config-money.ts";
import { readRateLimits } from "./config-rates.ts";
import {
  ConfigError,
  isLoopback,
  isOn,
  list,
  oneOf,
  readPublicUrl,
  wholeNumber,
} from "./config-values.ts";
import type { TaskExecutor } from "./domain/task.ts";
import type { LogLevel } from "./lib/log.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** A setting as it is documented: what it is called, what it is without being set, what it does. */
export interface Setting {
  readonly name: string;
  readonly fallback: string;
  readonly meaning: string;
}

// biome-ignore format: read as a table
export const SETTINGS = [
  { name: "GUILDHALL_DATA_DIR",          fallback: ".data",            meaning: "Where everything is kept: database, files, keys of the operator" },
  { name: "HOST",                        fallback: "127.0.0.1",        meaning: "The address to listen on" },
  { name: "PORT",                        fallback: "8787",             meaning: "The port to listen on; 0 takes a free one" },
  { name: "PUBLIC_URL",                  fallback: "http://HOST:PORT", meaning: "Where clients reach the server; https in production" },
  { name: "GUILDHALL_MODE",              fallback: "development on loopback, else production", meaning: "`development` signs in by e-mail address alone and pays with play money; `production` has neither" },
  { name: "GUILDHALL_SECRET_KEY",        fallback: "made in development, kept in the data directory", meaning: "The secret from which all others derive; at least 32 characters; required in production" },
  { name: "GUILDHALL_SECRET_KEYS_OLD",   fallback: "",                 meaning: "Earlier secret keys, comma-separated: what they sealed still opens" },
  { name: "GUILDHALL_SIGNUP",            fallback: "open in development, else invite", meaning: "Who may become a member: `open`, `invite`, `closed`" },
  { name: "GUILDHALL_ALLOWED_HOSTS",     fallback: "",                 meaning: "Further host names that a development server answers to, comma-separated" },
  { name: "GUILDHALL_TRUSTED_PROXIES",   fallback: "0",                meaning: "How many proxies of yours stand before the server, each adding to X-Forwarded-For" },
  { name: "DATABASE_URL",                fallback: "the embedded database", meaning: "PostgreSQL 15 or later, shared by all processes" },
  { name: "DATABASE_CONNECTIONS",        fallback: "10",               meaning: "Connections of one process to PostgreSQL" },
  { name: "NATS_URL",                    fallback: "none",             meaning: "NATS, which carries hints between processes" },
  { name: "S3_ENDPOINT",                 fallback: "files in the data directory", meaning: "S3-compatible storage for files, with S3_BUCKET, S3_REGION, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY" },
  { name: "S3_BUCKET",                   fallback: "guildhall",        meaning: "See S3_ENDPOINT" },
  { name: "S3_REGION",                   fallback: "us-east-1",        meaning: "See S3_ENDPOINT" },
  { name: "S3_ACCESS_KEY_ID",            fallback: "",                 meaning: "See S3_ENDPOINT" },
  { name: "S3_SECRET_ACCESS_KEY",        fallback: "",                 meaning: "See S3_ENDPOINT" },
  { name: "GUILDHALL_FILES_BYTES_MAX",   fallback: "5368709120",       meaning: "Bytes of files that one workspace may keep" },
  { name: "GUILDHALL_FEE_BASIS_POINTS",  fallback: "0",                meaning: "The house's share of each payment, in hundredths of a percent" },
  { name: "GUILDHALL_REFERRAL_REWARD_USD", fallback: "1; 0 in production where anybody may sign up", meaning: "What somebody is given for bringing a member whose work was paid for, in US dollars; 0 is nothing" },
  { name: "STRIPE_SECRET_KEY",           fallback: "",                 meaning: "Top-ups by card, with STRIPE_WEBHOOK_SECRET; a development server takes Stripe's test keys only" },
  { name: "STRIPE_WEBHOOK_SECRET",       fallback: "",                 meaning: "What Stripe signs its reports to /api/guildhall/v1/webhooks/stripe with" },
  { name: "STRIPE_API_URL",              fallback: "https://api.stripe.com", meaning: "Where Stripe's API is; another one for tests" },
  { name: "OPENMARLIN_CREDIT_MICROS",    fallback: "10000",            meaning: "What a credit of OpenMarlin's wire is worth, in millionths of a US dollar: a multiple of 100 that divides 1000000" },
  { name: "GUILDHALL_BROADCAST_WORK_SECONDS", fallback: "300",         meaning: "How long an agent that accepted a broadcast has for its work" },
  { name: "GUILDHALL_BROADCAST_REVIEW_SECONDS", fallback: "259200",    meaning: "After how long a result of a broadcast is approved that nobody judged" },
  { name: "GUILDHALL_SESSION_IDLE_TTL_SECONDS", fallback: "86400",     meaning: "How long nobody may touch a session before it is settled, after a warning at half of it; 0 is for ever" },
  { name: "GUILDHALL_OPEN_SESSIONS_MAX", fallback: "5000",             meaning: "Sessions that one workspace may have open" },
  { name: "GUILDHALL_OPEN_BROADCASTS_MAX", fallback: "1000",           meaning: "Broadcasts that one workspace may have open" },
  { name: "GUILDHALL_ROUTING",           fallback: "least-loaded",     meaning: "Where several providers could do a call: `least-loaded` takes the least busy, `reject` has the caller name one" },
  { name: "GUILDHALL_MODEL_OUTPUT_TOKENS", fallback: "4096",           meaning: "Tokens of output that money is held for where a call does not say how many it wants at most" },
  { name: "GUILDHALL_UNPRICED_CALL_USD", fallback: "0.01",             meaning: "What a call of a model costs that has no price" },
  { name: "GUILDHALL_TASK_EXECUTOR",     fallback: "house/video",      meaning: "Who does OpenMarlin's tasks: an agent's slug, a slash, and its capability, or of an upstream its model; `none` takes no tasks" },
  { name: "GUILDHALL_HOUSE",             fallback: "on",               meaning: "`off` does not start the provider that comes along" },
  { name: "GUILDHALL_LOG_LEVEL",         fallback: "info",             meaning: "`trace` `debug` `info` `warn` `error` `fatal` `silent`" },
  { name: "GUILDHALL_RATE_LIMITS",       fallback: "see below",        meaning: "Requests a minute by group, e.g. `invoke=600,search=0`; 0 is no limit" },
  { name: "GUILDHALL_FETCH_LOOPBACK",    fallback: "off",              meaning: "`on` lets addresses that users give point at this machine; for tests" },
  { name: "GUILDHALL_METRICS_TOKEN",     fallback: "loopback only",    meaning: "A bearer token with which /metrics can be read from elsewhere" },
  { name: "SMTP_URL",                    fallback: "none: links are shown to the operator", meaning: "Where mail is handed in, e.g. smtps://user:password@mail.example.org" },
  { name: "SMTP_FROM",                   fallback: "guildhall@<public host>", meaning: "The sender of mail" },
  { name: "GITHUB_CLIENT_ID",            fallback: "",                 meaning: "Sign-in with GitHub, with GITHUB_CLIENT_SECRET" },
  { name: "GITHUB_CLIENT_SECRET",        fallback: "",                 meaning: "See GITHUB_CLIENT_ID" },
  { name: "GOOGLE_CLIENT_ID",            fallback: "",                 meaning: "Sign-in with Google, with GOOGLE_CLIENT_SECRET" },
  { name: "GOOGLE_CLIENT_SECRET",        fallback: "",                 meaning: "See GOOGLE_CLIENT_ID" },
  { name: "OIDC_ISSUER",                 fallback: "",                 meaning: "Sign-in with an OpenID Connect provider, with OIDC_CLIENT_ID, OIDC_CLIENT_SECRET, OIDC_NAME" },
  { name: "OIDC_CLIENT_ID",              fallback: "",                 meaning: "See OIDC_ISSUER" },
  { name: "OIDC_CLIENT_SECRET",          fallback: "",                 meaning: "See OIDC_ISSUER" },
  { name: "OIDC_NAME",                   fallback: "OpenID Connect",   meaning: "See OIDC_ISSUER" },
  { name: "LINKEDCLAW_RANKER",           fallback: "ai_native",        meaning: "`legacy` ignores what is to be done (`intent`) in a search: a capability's slug is matched, and nothing else" },
  { name: "EMBEDDINGS_URL",              fallback: "a model that comes along", meaning: "An OpenAI-compatible embeddings endpoint for search, with EMBEDDINGS_KEY, EMBEDDINGS_MODEL" },
  { name: "EMBEDDINGS_KEY",              fallback: "",                 meaning: "See EMBEDDINGS_URL" },
  { name: "EMBEDDINGS_MODEL",            fallback: "",                 meaning: "See EMBEDDINGS_URL" },
  { name: "RERANKER_URL",                fallback: "none",             meaning: "An OpenAI-compatible chat endpoint that reorders the top of a search, with RERANKER_KEY, RERANKER_MODEL" },
  { name: "RERANKER_KEY",                fallback: "",                 meaning: "See RERANKER_URL" },
  { name: "RERANKER_MODEL",              fallback: "",                 meaning: "See RERANKER_URL" },
] as const satisfies readonly Setting[];
type Name = (typeof SETTINGS)[number]["name"];

export type Mode = "development" | "production";

export interface Config {
  readonly dataDirectory: string;
  readonly host: string;
  readonly port: number;
  /** Without a slash at its end; `undefined` until the port is known. */
  readonly publicUrl: string | undefined;
  readonly mode: Mode;
  readonly secretKey: string | undefined;
  readonly earlierSecretKeys: readonly string[];
  readonly signup: "open" | "invite" | "closed";
  readonly allowedHosts: readonly string[];
  readonly trustedProxies: number;
  readonly databaseUrl: string | undefined;
  readonly databaseConnections: number;
  readonly natsUrl: string | undefined;
  readonly s3: S3Config | undefined;
  readonly filesBytesMax: number;
  readonly feeBasisPoints: number;
  readonly referralRewardMicros: bigint;
  readonly stripe: StripeConfig | undefined;
  readonly openmarlinCreditMicros: bigint;
  readonly broadcastWorkSeconds: number;
  readonly broadcastReviewSeconds: number;
  /** How long nobody may touch a session before it is settled; 0 is for ever. */
  readonly sessionIdleSeconds: number;
  readonly openSessionsMax: number;
  readonly openBroadcastsMax: number;
  /** Which of several providers that could do a call does it. */
  readonly routing: "least-loaded" | "reject";
  readonly modelOutputTokens: number;
  readonly unpricedCallMicros: bigint;
  /** `undefined` where nobody does tasks. */
  readonly taskExecutor: TaskExecutor | undefined;
  readonly isHouseOn: boolean;
  readonly logLevel: LogLevel;
  readonly rateLimits: Readonly<Record<string, number>>;
  readonly mayFetchLoopback: boolean;
  readonly metricsToken: string | undefined;
  readonly smtp: { readonly url: string; readonly from: string | undefined } | undefined;
  readonly github: OAuthClient | undefined;
  readonly google: OAuthClient | undefined;
  readonly oidc: (OAuthClient & { readonly issuer: string; readonly name: string }) | undefined;
  readonly embeddings: EndpointConfig | undefined;
  readonly reranker: EndpointConfig | undefined;
  /** Whether searches understand intents. */
  readonly isRanked: boolean;
}

export interface S3Config {
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}
export interface OAuthClient {
  readonly clientId: string;
  readonly clientSecret: string;
}
export interface EndpointConfig {
  readonly url: string;
  readonly key: string | undefined;
  readonly model: string;
}

/** Reads the process's environment; `environment` stands in for it in tests. */
export function readConfig(environment: Environment = process.env): Config {
  const get = (name: Name): string | undefined => environment[name]?.trim() || undefined;
  const host = get("HOST") ?? "127.0.0.1";
  const publicUrl = readPublicUrl(get("PUBLIC_URL"));
  const isLocal = isLoopback(host) && (!publicUrl || isLoopback(new URL(publicUrl).hostname));
  const mode = oneOf(
    get("GUILDHALL_MODE") ?? (isLocal ? "development" : "production"),
    "GUILDHALL_MODE",
    ["development", "production"],
  );
  const secretKey = get("GUILDHALL_SECRET_KEY");
  requireSafety(mode, { host, publicUrl, secretKey });
  return Object.freeze({
    ...readStorage(get),
    ...readPeople(get, mode),
    ...readSessions(get),
    dataDirectory: resolve(get("GUILDHALL_DATA_DIR") ?? defaultDataDirectory()),
    host,
    port: wholeNumber(get("PORT") ?? "8787", "PORT", 0, 65_535),
    publicUrl,
    mode,
    secretKey,
    earlierSecretKeys: list(get("GUILDHALL_SECRET_KEYS_OLD")),
    allowedHosts: list(get("GUILDHALL_ALLOWED_HOSTS")),
    trustedProxies: wholeNumber(
      get("GUILDHALL_TRUSTED_PROXIES") ?? "0",
      "GUILDHALL_TRUSTED_PROXIES",
      0,
      10,
    ),
    feeBasisPoints: wholeNumber(
      get("GUILDHALL_FEE_BASIS_POINTS") ?? "0",
      "GUILDHALL_FEE_BASIS_POINTS",
      0,
      9_999,
    ),
    ...readMoney(get, mode === "development", get("GUILDHALL_SIGNUP") === "open"),
    ...readBroadcasts(get),
    ...readModels(get),
    taskExecutor: readTaskExecutor(get("GUILDHALL_TASK_EXECUTOR") ?? "house/video"),
    isHouseOn: isOn(get("GUILDHALL_HOUSE") ?? "on", "GUILDHALL_HOUSE"),
    logLevel: oneOf<LogLevel>(get("GUILDHALL_LOG_LEVEL") ?? "info", "GUILDHALL_LOG_LEVEL", [
      "trace",
      "debug",
      "info",
      "warn",
      "error",
      "fatal",
      "silent",
    ]),
    rateLimits: readRateLimits(get("GUILDHALL_RATE_LIMITS")),
    mayFetchLoopback: isOn(get("GUILDHALL_FETCH_LOOPBACK") ?? "off", "GUILDHALL_FETCH_LOOPBACK"),
    metricsToken: get("GUILDHALL_METRICS_TOKEN"),
    embeddings: readEndpoint(get, "EMBEDDINGS"),
    reranker: readEndpoint(get, "RERANKER"),
    isRanked:
      oneOf(get("LINKEDCLAW_RANKER") ?? "ai_native", "LINKEDCLAW_RANKER", [
        "ai_native",
        "legacy",
      ]) === "ai_native",
  });
}

/** What a program that we start may see of our environment: nothing of it is a secret. */
export function childEnvironment(environment: Environment = process.env): Environment {
  const { PATH, HOME, TMPDIR, LANG } = environment;
  return { PATH, HOME, TMPDIR, LANG };
}

type Get = (name: Name) => string | undefined;

function readModels(
  get: Get,
): Pick<Config, "routing" | "modelOutputTokens" | "unpricedCallMicros"> {
  const tokens = "GUILDHALL_MODEL_OUTPUT_TOKENS";
  const price = "GUILDHALL_UNPRICED_CALL_USD";
  const unpricedCallMicros = microsOfUsd(get(price) ?? "0.01");
  if (unpricedCallMicros === undefined || unpricedCallMicros < 0n) {
    throw new ConfigError(`${price} must be an amount in US dollars, such as 0.01.`);
  }
  return {
    routing: oneOf(get("GUILDHALL_ROUTING") ?? "least-loaded", "GUILDHALL_ROUTING", [
      "least-loaded",
      "reject",
    ]),
    modelOutputTokens: wholeNumber(get(tokens) ?? "4096", tokens, 1, 1_000_000),
    unpricedCallMicros,
  };
}

/** The slug ends at the first slash; what follows is the capability's, whatever it has in it. */
function readTaskExecutor(text: string): TaskExecutor | undefined {
  if (text === "none") return undefined;
  const [, slug, capability] = /^([^/\s]+)\/(\S+)$/.exec(text) ?? [];
  if (slug && capability) return { slug, capability };
  throw new ConfigError("GUILDHALL_TASK_EXECUTOR must be agent/capability, or none.");
}

function readBroadcasts(get: Get) {
  const seconds = (name: Name, fallback: string, max: number): number =>
    wholeNumber(get(name) ?? fallback, name, 1, max);
  return {
    broadcastWorkSeconds: seconds("GUILDHALL_BROADCAST_WORK_SECONDS", "300", 86_400),
    broadcastReviewSeconds: seconds("GUILDHALL_BROADCAST_REVIEW_SECONDS", "259200", 2_592_000),
  };
}

function readStorage(get: Get) {
  const endpoint = get("S3_ENDPOINT");
  return {
    databaseUrl: get("DATABASE_URL"),
    databaseConnections: wholeNumber(
      get("DATABASE_CONNECTIONS") ?? "10",
      "DATABASE_CONNECTIONS",
      2,
      1_000,
    ),
    natsUrl: get("NATS_URL"),
    s3: endpoint
      ? {
          endpoint,
          bucket: get("S3_BUCKET") ?? "guildhall",
          region: get("S3_REGION") ?? "us-east-1",
          accessKeyId: get("S3_ACCESS_KEY_ID") ?? "",
          secretAccessKey: get("S3_SECRET_ACCESS_KEY") ?? "",
        }
      : undefined,
    filesBytesMax: wholeNumber(
      get("GUILDHALL_FILES_BYTES_MAX") ?? String(5 * 1024 ** 3),
      "GUILDHALL_FILES_BYTES_MAX",
      0,
      Number.MAX_SAFE_INTEGER,
    ),
  };
}

function readSessions(get: Get) {
  const atMost = (name: Name, fallback: string) =>
    wholeNumber(get(name) ?? fallback, name, 1, 1_000_000);
  return {
    sessionIdleSeconds: wholeNumber(
      get("GUILDHALL_SESSION_IDLE_TTL_SECONDS") ?? "86400",
      "GUILDHALL_SESSION_IDLE_TTL_SECONDS",
      0,
      31_536_000,
    ),
    openSessionsMax: atMost("GUILDHALL_OPEN_SESSIONS_MAX", "5000"),
    openBroadcastsMax: atMost("GUILDHALL_OPEN_BROADCASTS_MAX", "1000"),
  };
}

function readPeople(get: Get, mode: Mode) {
  const smtpUrl = get("SMTP_URL");
  const issuer = get("OIDC_ISSUER");
  const oidc = readClient(get, "OIDC");
  if ((oidc === undefined) !== (issuer === undefined)) {
    throw new ConfigError("OIDC_ISSUER goes with OIDC_CLIENT_ID and OIDC_CLIENT_SECRET.");
  }
  return {
    signup: oneOf(
      get("GUILDHALL_SIGNUP") ?? (mode === "development" ? "open" : "invite"),
      "GUILDHALL_SIGNUP",
      ["open", "invite", "closed"],
    ),
    smtp: smtpUrl ? { url: smtpUrl, from: get("SMTP_FROM") } : undefined,
    github: readClient(get, "GITHUB"),
    google: readClient(get, "GOOGLE"),
    oidc:
      oidc && issuer ? { ...oidc, issuer, name: get("OIDC_NAME") ?? "OpenID Connect" } : undefined,
  };
}

function readClient(get: Get, vendor: "GITHUB" | "GOOGLE" | "OIDC"): OAuthClient | undefined {
  const clientId = get(`${vendor}_CLIENT_ID`);
  const clientSecret = get(`${vendor}_CLIENT_SECRET`);
  if (!clientId && !clientSecret) return undefined;
  if (clientId && clientSecret) return { clientId, clientSecret };
  throw new ConfigError(`${vendor}_CLIENT_ID and ${vendor}_CLIENT_SECRET go together.`);
}

function readEndpoint(get: Get, what: "EMBEDDINGS" | "RERANKER"): EndpointConfig | undefined {
  const url = get(`${what}_URL`);
  const model = get(`${what}_MODEL`);
  if (!url) return undefined;
  if (!model) throw new ConfigError(`${what}_URL needs ${what}_MODEL beside it.`);
  return { url, model, key: get(`${what}_KEY`) };
}

/** Play money is not money: what a development server allows may never be reached from outside. */
function requireSafety(
  mode: Mode,
  {
    host,
    publicUrl,
    secretKey,
  }: { host: string; publicUrl: string | undefined; secretKey: string | undefined },
): void {
  if (mode === "development") {
    if (!isLoopback(host)) {
      throw new ConfigError("GUILDHALL_MODE=development listens on loopback only; HOST is not.");
    }
    if (publicUrl && !isLoopback(new URL(publicUrl).hostname)) {
      throw new ConfigError("GUILDHALL_MODE=development takes a loopback PUBLIC_URL only.");
    }
    return;
  }
  if (!publicUrl) throw new ConfigError("GUILDHALL_MODE=production needs PUBLIC_URL.");
  if (!secretKey) throw new ConfigError("GUILDHALL_MODE=production needs GUILDHALL_SECRET_KEY.");
  if (secretKey.length < 32) {
    throw new ConfigError("GUILDHALL_SECRET_KEY must have at least 32 characters.");
  }
}

/** Beside the sources, so that commands run from a checkout find the server that was started there. */
function defaultDataDirectory(): string {
  return join(fileURLToPath(new URL("../../../", import.meta.url)), ".data");
}
