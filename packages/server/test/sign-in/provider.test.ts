/** Signing in with an account at another provider, over its real protocol. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { Database } from "../../src/store/database.ts";
import { onEachHost } from "../support/database.ts";
import { type OidcServer, startOidcServer } from "../support/oidc-server.ts";
import { memberOf, type SignInSettings, startSignIn, Visitor } from "./support.ts";

const CLIENT = { clientId: "guildhall", clientSecret: "shared with the provider" };

async function startWithOidc(t: TestContext, database: Database, settings: SignInSettings = {}) {
  const provider = await startOidcServer(t, CLIENT.clientId);
  const oidc = { ...CLIENT, issuer: provider.issuer, name: "Example ID" };
  return { provider, server: await startSignIn(t, database, { oidc, ...settings }) };
}

/** Goes to the provider and comes back; resolves to where that ends. */
async function signInThere(visitor: Visitor, { issuer }: OidcServer): Promise<Response> {
  const started = await visitor.get("/app/sign-in/with/oidc?return_to=/settings/api-keys");
  const there = started.headers.get("location") ?? "";
  assert.ok(there.startsWith(`${issuer}/authorize`), there);
  const back = await fetch(there, { redirect: "manual" });
  return visitor.get(back.headers.get("location") ?? "");
}

onEachHost("an account elsewhere with a verified address signs in", async (t, database) => {
  const { provider, server } = await startWithOidc(t, database);
  const page = await (await new Visitor(server).get("/app/sign-in")).text();
  assert.match(page, /Continue with Example ID/);

  const ada = new Visitor(server);
  const end = await signInThere(ada, provider);
  assert.equal(end.headers.get("location"), "/settings/api-keys");
  assert.match(await (await ada.get("/app")).text(), /@ada/);

  const again = new Visitor(server);
  await signInThere(again, provider);
  assert.equal((await database.query("select id from members")).length, 1);
  const accounts = await database.query<Record<string, unknown>>("select * from auth_accounts");
  assert.equal(accounts.length, 1);
  for (const name of ["access_token", "refresh_token", "id_token"]) {
    assert.equal(accounts[0]?.[name], null, `${name} is not kept`);
  }
});

onEachHost("it is joined to the member with that address", async (t, database) => {
  const { provider, server } = await startWithOidc(t, database);
  const { memberId } = await memberOf(server, "ada@example.org");
  await new Visitor(server).signIn("ada@example.org");
  const ada = new Visitor(server);
  await signInThere(ada, provider);
  assert.equal((await ada.get("/app")).status, 200);
  const users = await database.query<{ id: string }>("select id from auth_users");
  assert.deepEqual(users, [{ id: memberId }]);
});

onEachHost("an address that was not verified there opens nothing here", async (t, database) => {
  const { provider, server } = await startWithOidc(t, database);
  provider.identity = { sub: "2", email: "ada@example.org", email_verified: false, name: "Eve" };
  const eve = new Visitor(server);
  const fresh = await signInThere(eve, provider);
  assert.equal(fresh.headers.get("location"), "/app/sign-in?error=email_not_verified");
  assert.match(await (await eve.get("/app/sign-in?error=email_not_verified")).text(), /verified/);

  await new Visitor(server).signIn("ada@example.org");
  const taken = await signInThere(eve, provider);
  assert.equal(taken.headers.get("location"), "/app/sign-in?error=account_not_linked");
  assert.equal((await eve.get("/app")).status, 303);
});

onEachHost("who may come in is the server's to say", async (t, database) => {
  const settings = { mode: "production", policy: "invite" } as const;
  const { provider, server } = await startWithOidc(t, database, settings);
  const refused = await signInThere(new Visitor(server), provider);
  assert.equal(refused.headers.get("location"), "/app/sign-in?error=not_admitted");
  assert.deepEqual(await database.query("select id from members"), []);
  await server.core.links.invite("ada@example.org");
  const admitted = await signInThere(new Visitor(server), provider);
  assert.equal(admitted.headers.get("location"), "/settings/api-keys");
});

onEachHost("a way back that this browser did not start is refused", async (t, database) => {
  const { server } = await startWithOidc(t, database);
  const attacker = new Visitor(server);
  const started = await attacker.get("/app/sign-in/with/oidc");
  const back = await fetch(started.headers.get("location") ?? "", { redirect: "manual" });
  const victim = new Visitor(server);
  await victim.get(back.headers.get("location") ?? "");
  assert.equal((await victim.get("/app")).status, 303, "nobody is signed in as somebody else");
  const forged = `${server.url}/app/auth/oauth2/callback/oidc?code=x&state=y`;
  const refused = new URL((await victim.get(forged)).headers.get("location") ?? "");
  assert.equal(refused.pathname, "/app/sign-in");
  assert.match(await (await victim.get(refused.pathname + refused.search)).text(), /did not work/);
});

onEachHost("an unknown or unreachable provider is said to be so", async (t, database) => {
  const oidc = { ...CLIENT, issuer: "http://127.0.0.1:1", name: "Nowhere" };
  const server = await startSignIn(t, database, { oidc });
  assert.equal((await new Visitor(server).get("/app/sign-in/with/oidc")).status, 503);
  assert.equal((await new Visitor(server).get("/app/sign-in/with/github")).status, 404);
  assert.equal((await new Visitor(server).get("/app/sign-in/with/__proto__")).status, 404);
});
