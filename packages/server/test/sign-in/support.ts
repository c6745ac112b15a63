/** A server of pages and OAuth over one database, and visitors with a cookie jar. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { createAttempts } from "../../src/core/attempt.ts";
import { createCallers } from "../../src/core/caller.ts";
import { createChains } from "../../src/core/chain.ts";
import { createHandoffs } from "../../src/core/handoff.ts";
import type { AttemptLimits } from "../../src/core/index.ts";
import { createKeys } from "../../src/core/key.ts";
import { createLedger } from "../../src/core/ledger.ts";
import { createMembers } from "../../src/core/member.ts";
import { createOrigins } from "../../src/core/origin.ts";
import { createPayouts } from "../../src/core/payout.ts";
import type { Mailer } from "../../src/core/ports.ts";
import { createReferrals } from "../../src/core/referral.ts";
import { createRegistrations } from "../../src/core/registration.ts";
import { createSignInLinks } from "../../src/core/sign-in-link.ts";
import { createStatements } from "../../src/core/statement.ts";
import { createTopups } from "../../src/core/topup.ts";
import { createVouchers } from "../../src/core/voucher.ts";
import { createWallets } from "../../src/core/wallet.ts";
import type { Caller } from "../../src/domain/caller.ts";
import type { SignupPolicy } from "../../src/domain/member.ts";
import { createLog } from "../../src/lib/log.ts";
import { systemRandom } from "../../src/lib/random.ts";
import type { Database } from "../../src/store/database.ts";
import { oauthRoutes } from "../../src/surfaces/oauth/routes.ts";
import { openmarlinRoutes } from "../../src/surfaces/openmarlin/routes.ts";
import { clientAddress } from "../../src/surfaces/shared/client-address.ts";
import { createRateLimiter } from "../../src/surfaces/shared/rate-limit.ts";
import { signInRoutes } from "../../src/surfaces/sign-in/routes.ts";
import { HeldClock } from "../support/clock.ts";

export interface SignInSettings {
  readonly mode?: "development" | "production";
  readonly policy?: SignupPolicy;
  readonly mailer?: Mailer;
  readonly attemptLimits?: Partial<AttemptLimits>;
  readonly trustedProxies?: number;
  readonly oidc?: { issuer: string; name: string; clientId: string; clientSecret: string };
}

/** There are people here and no work. */
const notJoined = () => Promise.reject(new Error("nothing is executed in these tests"));
const NOT_JOINED = { nodes: notJoined, execute: notJoined, stream: notJoined };
const NO_TASKS = { submit: notJoined, require: notJoined };

export type SignInServer = Awaited<ReturnType<typeof startSignIn>>;

export async function startSignIn(
  t: TestContext,
  database: Database,
  settings: SignInSettings = {},
) {
  const { mode = "development" } = settings;
  const clock = new HeldClock();
  const { listener, url } = await listen(t);
  const core = joinPeople(t, database, clock, settings, url);
  const log = createLog("silent");
  const addressOf = clientAddress(settings.trustedProxies ?? 0);
  const app = new Hono()
    .route("/", oauthRoutes(core, { publicUrl: url, addressOf, clock, log }))
    .route(
      "/",
      signInRoutes(core, {
        ...{ mode, publicUrl: url, addressOf, clock, log },
        random: systemRandom,
        secretKey: "a secret key for tests, and for tests alone",
        pool: database.pool(),
        policy: settings.policy ?? "open",
        oidc: settings.oidc,
      }),
    )
    .route(
      "/",
      openmarlinRoutes(
        { ...core, executions: NOT_JOINED, tasks: NO_TASKS },
        {
          ...{ publicUrl: url, addressOf, clock, version: "1" },
          microsPerCredit: 10_000n,
          limited: createRateLimiter({}, () => 0),
        },
      ),
    );
  listener.handle = getRequestListener(app.fetch);
  return { url, clock, core, database };
}

function joinPeople(
  t: TestContext,
  database: Database,
  clock: HeldClock,
  settings: SignInSettings,
  url: string,
) {
  const log = createLog("silent");
  const random = systemRandom;
  const ledger = createLedger({ database, clock, random, log });
  const callers = createCallers({ database, clock, log });
  const attempts = createAttempts({ database, clock, limits: settings.attemptLimits ?? {} });
  const members = createMembers({
    ...{ database, clock, random, ledger, callers },
    policy: settings.policy ?? "open",
    givesPlayCredit: settings.mode !== "production",
  });
  const origins = createOrigins({ database, clock });
  const payouts = createPayouts({ database, clock, random, log, ledger, origins });
  t.after(async () => {
    await callers.close();
    await ledger.close();
  });
  const handoffTools = {
    ...{ database, clock, random, callers, members, attempts },
    referralRewardMicros: 1_000_000n,
  };
  return {
    callers,
    attempts,
    statements: createStatements({ database }),
    referrals: createReferrals({ database, clock, random, ledger, rewardMicros: 1_000_000n }),
    vouchers: createVouchers({ database, clock, random, ledger, attempts }),
    topups: createTopups({
      ...{ database, clock, random, log, ledger, cards: undefined, baseUrl: () => url },
      hasDevRail: settings.mode !== "production",
    }),
    chains: createChains({ database, ledger, clock, log }),
    members,
    keys: createKeys({
      ...{ database, clock, random, callers, ledger },
      requireOwnedAgent: () => Promise.reject(new Error("no agents here")),
    }),
    handoffs: createHandoffs(handoffTools),
    registrations: createRegistrations({
      ...handoffTools,
      mayTrust: settings.mode !== "production",
    }),
    links: createSignInLinks({
      ...{ database, clock, random, log, members, attempts, mailer: settings.mailer },
      urlOf: (token) => `${url}/app/link?token=${token}`,
    }),
    wallets: createWallets({ database, clock, random, ledger, members, payouts }),
  };
}

/** A port to know the address by, before there is anything to serve on it. */
async function listen(t: TestContext) {
  const listener: { handle: ReturnType<typeof getRequestListener> | undefined } = {
    handle: undefined,
  };
  const server = createServer((request, response) => void listener.handle?.(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { listener, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** A member, made by hand, and its caller. */
export async function memberOf(
  { core }: SignInServer,
  email = "ada@example.org",
): Promise<{ caller: Caller; memberId: string; handle: string }> {
  const member = await core.members.ensure(email);
  const { caller } = await core.callers.ofMember(member.id);
  return { caller, memberId: member.id, handle: member.handle };
}

/** A browser without scripts: it keeps cookies, follows nothing and fills in forms. */
export class Visitor {
  readonly #url: string;
  readonly #cookies = new Map<string, string>();
  readonly #headers: Record<string, string>;

  constructor({ url }: { readonly url: string }, headers: Record<string, string> = {}) {
    this.#url = url;
    this.#headers = headers;
  }

  async get(path: string): Promise<Response> {
    return this.#fetch(path, {});
  }

  /** Sends a form as it is given. */
  async post(path: string, fields: Record<string, string>): Promise<Response> {
    return this.#fetch(path, { method: "POST", body: new URLSearchParams(fields) });
  }

  /** Opens a page, fills its form in and sends it: its hidden fields go along. */
  async submit(page: string, path: string, fields: Record<string, string>): Promise<Response> {
    const html = await (await this.get(page)).text();
    return this.post(path, { ...hiddenFields(html), ...fields });
  }

  /** Signs in to a development server. */
  async signIn(email: string): Promise<this> {
    const response = await this.submit("/app/sign-in", "/app/sign-in", { email });
    assert.equal(response.status, 303, await response.text());
    return this;
  }

  cookie(name: string): string | undefined {
    return this.#cookies.get(name);
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(new URL(path, this.#url), {
      ...init,
      redirect: "manual",
      headers: { ...this.#headers, ...(cookie && { cookie }) },
    });
    for (const line of response.headers.getSetCookie()) {
      const [pair = "", ...attributes] = line.split("; ");
      const [name = "", value = ""] = pair.split(/=(.*)/s);
      const isGone = attributes.some((attribute) => attribute.toLowerCase() === "max-age=0");
      if (isGone) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return response;
  }
}

/** The hidden fields of a page's forms, as the browser reads them. */
export function hiddenFields(html: string): Record<string, string> {
  const fields = html.matchAll(/<input type="hidden" name="([^"]+)"[^>]*? value="([^"]*)">/g);
  return Object.fromEntries(
    [...fields].map(([, name, value]) => [name, unescapeHtml(value ?? "")]),
  );
}

export function unescapeHtml(text: string): string {
  const named: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"' };
  return text.replace(/&(?:#(\d+)|(\w+));/g, (whole, code, name) =>
    code ? String.fromCodePoint(Number(code)) : (named[name] ?? whole),
  );
}

/** A program's side of OAuth. */
export const DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";

export async function postForm(
  { url }: { readonly url: string },
  path: string,
  fields: Record<string, string>,
): Promise<{ status: number; body: Record<string, unknown>; headers: Headers }> {
  const response = await fetch(url + path, { method: "POST", body: new URLSearchParams(fields) });
  const body = (await response.json()) as Record<string, unknown>;
  return { status: response.status, body, headers: response.headers };
}

export interface StartedDevice {
  readonly device_code: string;
  readonly user_code: string;
  readonly verification_uri_complete: string;
}

export async function startDevice(server: SignInServer): Promise<StartedDevice> {
  const { status, body } = await postForm(server, "/api/v1/oauth/device_authorization", {
    client_id: "linkedclaw-cli",
    scope: "cli",
    device_label: "linkedclaw-cli/1.0.0 on linux (host: box)",
  });
  assert.equal(status, 200, JSON.stringify(body));
  return body as unknown as StartedDevice;
}

export function pollDevice(server: SignInServer, deviceCode: string) {
  return postForm(server, "/api/v1/oauth/token", {
    grant_type: DEVICE_GRANT,
    device_code: deviceCode,
    client_id: "linkedclaw-cli",
  });
}

export const VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
export const CHALLENGE = createHash("sha256").update(VERIFIER).digest("base64url");
