/** Signing in with GitHub and with Google: a whole server, and their protocols on this machine. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DATABASE_HOSTS, isSkipped } from "../support/database.ts";
import { startGuildhall } from "../support/guildhall.ts";
import { isOpensslMissing, startVendors, type Vendors } from "../support/vendors.ts";
import { Visitor } from "./support.ts";

// biome-ignore format: read as a table
const VENDORS = [
  // id      name      where people are sent                             what is asked of it
  [ "github", "GitHub", "https://github.com/login/oauth/authorize",       ["POST github.com/login/oauth/access_token", "GET api.github.com/user", "GET api.github.com/user/emails"] ],
  [ "google", "Google", "https://accounts.google.com/o/oauth2/v2/auth",  ["POST oauth2.googleapis.com/token"] ],
] as const;

for (const host of DATABASE_HOSTS) {
  test(`people sign in with GitHub and with Google (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    if (isOpensslMissing(t)) return;
    const vendors = await startVendors(t);
    const { url, admin } = await startGuildhall(t, host, vendors.environment);
    for (const [id, name, there, asked] of VENDORS) {
      await t.test(name, async () => {
        const email = `${id}@example.org`;
        vendors.account = { id: 7, email, isVerified: true };
        vendors.asked.length = 0;
        const page = await (await new Visitor({ url }).get("/app/sign-in")).text();
        assert.match(page, new RegExp(`Continue with ${name}`));
        const ada = new Visitor({ url });
        const end = await signInThere(ada, id, there);
        assert.equal(end.headers.get("location"), "/settings/api-keys");
        assert.deepEqual(vendors.asked, asked);
        assert.match(await (await ada.get("/app")).text(), new RegExp(`@${id}`));
        await signInThere(new Visitor({ url }), id, there);
        // One member, who can be given a key by that address.
        await admin("POST", "/keys", { email, kind: "lc", label: "hers" });
        await refusesStrangers(vendors, url, id, there);
      });
    }
  });
}

/** Goes there, comes back with a code, as their page would send it; resolves to where that ends. */
async function signInThere(visitor: Visitor, id: string, there: string, code = "a-code") {
  const started = await visitor.get(`/app/sign-in/with/${id}?return_to=/settings/api-keys`);
  const sent = new URL(started.headers.get("location") ?? "");
  assert.equal(sent.origin + sent.pathname, there);
  assert.equal(sent.searchParams.get("client_id"), "our-id");
  const back = new URL(sent.searchParams.get("redirect_uri") ?? "");
  assert.equal(back.pathname, `/app/auth/callback/${id}`);
  back.searchParams.set("code", code);
  back.searchParams.set("state", sent.searchParams.get("state") ?? "");
  return visitor.get(back.pathname + back.search);
}

async function refusesStrangers(vendors: Vendors, url: string, id: string, there: string) {
  const eve = new Visitor({ url });
  const wrong = await signInThere(eve, id, there, "guessed");
  assert.match(wrong.headers.get("location") ?? "", /\/app\/sign-in\?error=/);
  // Somebody else's address, which she wrote into her account there and did not prove.
  vendors.account = { id: 8, email: "eve@example.org", isVerified: false };
  const unproven = await signInThere(eve, id, there);
  assert.match(
    unproven.headers.get("location") ?? "",
    /error=(email_not_verified|account_not_linked)/,
  );
  assert.equal((await eve.get("/app")).status, 303, "nobody is signed in");
}
