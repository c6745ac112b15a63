/** Coming in: by address alone in development; by password, link and invitation in production. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { createMailer } from "../../src/outbound/mail.ts";
import type { Database } from "../../src/store/database.ts";
import { onEachHost } from "../support/database.ts";
import { type SmtpServer, startSmtpServer } from "../support/smtp-server.ts";
import { memberOf, type SignInServer, startSignIn, unescapeHtml, Visitor } from "./support.ts";

const PASSWORD = "correct horse battery";

async function signInWith(visitor: Visitor, email: string, password: string): Promise<Response> {
  return visitor.submit("/app/sign-in", "/app/sign-in", { email, password });
}

/** The path of the link in a mail or on a page. */
function linkIn(text: string): string {
  const path = /\/app\/link\?token=[A-Za-z0-9_-]+/.exec(text)?.[0];
  assert.ok(path, text);
  return path;
}

async function choose(visitor: Visitor, link: string, password: string): Promise<Response> {
  return visitor.submit(link, link, { password });
}

async function isIn(visitor: Visitor): Promise<boolean> {
  return (await visitor.get("/app")).status === 200;
}

async function startWithMail(
  t: TestContext,
  database: Database,
  policy: "open" | "invite" | "closed",
): Promise<{ server: SignInServer; smtp: SmtpServer }> {
  const smtp = await startSmtpServer(t);
  const mailer = createMailer(smtp.url, "guildhall@example.org");
  t.after(() => mailer.close());
  return { server: await startSignIn(t, database, { mode: "production", policy, mailer }), smtp };
}

onEachHost("in development an address alone signs in, with play money", async (t, database) => {
  const server = await startSignIn(t, database);
  const ada = await new Visitor(server).signIn(" Ada@Example.org ");
  const home = await (await ada.get("/app")).text();
  assert.match(home, /@ada/);
  assert.match(home, /\$100\.00/);
  const again = await new Visitor(server).signIn("ada@example.org");
  assert.match(await (await again.get("/app")).text(), /\$100\.00/, "once");
  const other = await new Visitor(server).signIn("ada@example.com");
  assert.match(await (await other.get("/app")).text(), /@ada-2/);
  const wrong = await new Visitor(server).submit("/app/sign-in", "/app/sign-in", { email: "ada" });
  assert.equal(wrong.status, 422);
});

onEachHost("many who sign in for the first time at once are one member", async (t, database) => {
  const server = await startSignIn(t, database);
  await Promise.all(
    Array.from({ length: 12 }, (_, index) => server.core.members.ensure(`bo${index % 3}@x.org`)),
  );
  const rows = await database.query<{ handle: string; posted_micros: bigint }>(
    "select m.handle, a.posted_micros from members m join accounts a on a.id = m.workspace_id",
  );
  assert.deepEqual(rows.map(({ handle }) => handle).sort(), ["bo0", "bo1", "bo2"]);
  for (const row of rows) assert.equal(row.posted_micros, 100_000_000n);
});

onEachHost(
  "one who signs in for the first time in many windows is in, in all",
  async (t, database) => {
    const server = await startSignIn(t, database);
    const windows = Array.from({ length: 8 }, () => new Visitor(server));
    await Promise.all(windows.map((window) => window.signIn("ada@example.org")));
    for (const window of windows) assert.ok(await isIn(window));
    assert.equal((await database.query("select id from auth_users")).length, 1);
  },
);

onEachHost("signing out ends the session, not only the cookie", async (t, database) => {
  const server = await startSignIn(t, database);
  const ada = await new Visitor(server).signIn("ada@example.org");
  const cookie = ada.cookie("guildhall.session_token");
  assert.equal((await ada.post("/app/sign-out", {})).status, 403, "not without a token");
  assert.equal((await ada.submit("/app", "/app/sign-out", {})).status, 303);
  assert.equal(ada.cookie("guildhall.session_token"), undefined);
  const thief = new Visitor(server, { cookie: `guildhall.session_token=${cookie}` });
  assert.equal((await thief.get("/app")).status, 303);
});

onEachHost("a forged session is nobody's", async (t, database) => {
  const server = await startSignIn(t, database);
  const ada = await new Visitor(server).signIn("ada@example.org");
  const [token = ""] = (ada.cookie("guildhall.session_token") ?? "").split(".");
  for (const value of [token, `${token}.AAAA`, "x", "%00", "."]) {
    const visitor = new Visitor(server, { cookie: `guildhall.session_token=${value}` });
    assert.equal((await visitor.get("/app")).status, 303, value);
  }
});

onEachHost("a suspended member sees why, and can leave", async (t, database) => {
  const server = await startSignIn(t, database);
  const ada = await new Visitor(server).signIn("ada@example.org");
  const page = await (await ada.get("/app")).text();
  await server.core.members.suspend("ada@example.org");
  const refused = await ada.get("/app");
  assert.equal(refused.status, 403);
  assert.match(await refused.text(), /suspended/i);
  const token = /name="csrf_token" value="([^"]+)"/.exec(page)?.[1] ?? "";
  assert.equal((await ada.post("/app/sign-out", { csrf_token: token })).status, 303);
});

onEachHost("after signing in a person goes where they wanted, here", async (t, database) => {
  const server = await startSignIn(t, database);
  const go = async (to: string) => {
    const fields = { email: "ada@example.org", return_to: to };
    const visitor = new Visitor(server);
    return (await visitor.submit("/app/sign-in", "/app/sign-in", fields)).headers.get("location");
  };
  assert.equal(await go("/settings/api-keys"), "/settings/api-keys");
  for (const away of ["https://evil.example", "//evil.example", "/\\evil.example", ""]) {
    assert.equal(await go(away), "/app", away);
  }
  const ada = await new Visitor(server).signIn("ada@example.org");
  const signedIn = await ada.get("/app/sign-in?return_to=//evil.example");
  assert.equal(signedIn.headers.get("location"), "/app");
});

onEachHost("the operator's invitation lets one person in, once", async (t, database) => {
  const server = await startSignIn(t, database, { mode: "production", policy: "invite" });
  const { url, isMailed } = await server.core.links.invite("New@Example.org");
  assert.equal(isMailed, false, "there is no mail server; the operator hands the link out");
  const link = linkIn(url);
  const visitor = new Visitor(server);

  assert.equal((await choose(visitor, link, "short")).status, 422);
  assert.equal((await choose(visitor, link, "x".repeat(129))).status, 422);
  const looked = await (await new Visitor(server).get(link)).text();
  assert.match(looked, /new@example\.org/);
  assert.equal((await choose(visitor, link, PASSWORD)).status, 303, "looking used nothing up");
  assert.ok(await isIn(visitor));
  assert.match(await (await visitor.get("/app")).text(), /\$0\.00/, "no play money in production");
  assert.equal((await new Visitor(server).get(link)).status, 404);

  const later = new Visitor(server);
  assert.equal((await signInWith(later, "new@example.org", "wrong password")).status, 401);
  assert.equal((await signInWith(later, "NEW@example.org", PASSWORD)).status, 303);
  assert.ok(await isIn(later));
});

onEachHost("an invitation is over after seven days, and is not for others", async (t, database) => {
  const server = await startSignIn(t, database, { mode: "production", policy: "invite" });
  const { url } = await server.core.links.invite("new@example.org");
  assert.equal(await server.core.members.wouldAdmit("other@example.org"), false);
  await assert.rejects(server.core.members.admit("other@example.org"), { code: "forbidden" });
  server.clock.advance(7 * 86_400_000);
  assert.equal((await new Visitor(server).get(linkIn(url))).status, 404);
  assert.equal(await server.core.members.wouldAdmit("new@example.org"), false);
  for (const token of ["", "x", "..%2f..%2f", "A".repeat(43)]) {
    assert.equal((await new Visitor(server).get(`/app/link?token=${token}`)).status, 404, token);
  }
});

onEachHost("a closed server takes nobody new, and the operator's members", async (t, database) => {
  const server = await startSignIn(t, database, { mode: "production", policy: "closed" });
  const stranger = linkIn((await server.core.links.invite("new@example.org")).url);
  assert.equal((await choose(new Visitor(server), stranger, PASSWORD)).status, 403);
  await server.core.members.create({ email: "new@example.org", handle: "newcomer" });
  const visitor = new Visitor(server);
  assert.equal((await choose(visitor, stranger, PASSWORD)).status, 303);
  assert.match(await (await visitor.get("/app")).text(), /@newcomer/);
});

onEachHost(
  "an open server mails a link, and only the mail's reader gets in",
  async (t, database) => {
    const { server, smtp } = await startWithMail(t, database, "open");
    const visitor = new Visitor(server);
    const asked = await visitor.submit("/app/sign-up", "/app/sign-up", {
      email: "ada@example.org",
    });
    assert.match(await asked.text(), /Check your mail/);
    const mail = await smtp.next();
    assert.equal(mail.to, "ada@example.org");
    assert.deepEqual(await database.query("select id from members"), [], "asking makes nobody");

    const reader = new Visitor(server);
    assert.equal((await choose(reader, linkIn(mail.text), PASSWORD)).status, 303);
    assert.ok(await isIn(reader));
    assert.ok(!(await isIn(visitor)));
  },
);

onEachHost("a forgotten password is replaced, and every session with it", async (t, database) => {
  const { server, smtp } = await startWithMail(t, database, "invite");
  const thief = new Visitor(server);
  await choose(thief, linkIn((await server.core.links.invite("ada@example.org")).url), PASSWORD);
  await smtp.next();
  assert.ok(await isIn(thief));

  const ada = new Visitor(server);
  await ada.submit("/app/forgot", "/app/forgot", { email: "ada@example.org" });
  const first = linkIn((await smtp.next()).text);
  await ada.submit("/app/forgot", "/app/forgot", { email: "ada@example.org" });
  const second = linkIn((await smtp.next()).text);
  assert.equal((await choose(ada, second, "another password")).status, 303);
  assert.ok(await isIn(ada));
  assert.ok(!(await isIn(thief)), "signed out everywhere");
  assert.equal((await new Visitor(server).get(first)).status, 404, "the other link went with it");
  assert.equal((await signInWith(new Visitor(server), "ada@example.org", PASSWORD)).status, 401);
});

onEachHost("asking for links says nothing of who is a member", async (t, database) => {
  const { server, smtp } = await startWithMail(t, database, "invite");
  await server.core.members.create({ email: "ada@example.org" });
  const ask = async (email: string) => {
    const response = await new Visitor(server).submit("/app/forgot", "/app/forgot", { email });
    return { status: response.status, text: await response.text() };
  };
  assert.deepEqual(await ask("stranger@example.org"), await ask("ada@example.org"));
  assert.equal((await smtp.next()).to, "ada@example.org");
  assert.equal(smtp.waiting, 0, "strangers get no mail");
  for (let count = 0; count < 2; count++) await ask("ada@example.org");
  assert.equal((await ask("ada@example.org")).status, 429, "nor does anybody get many");
  assert.equal((await new Visitor(server).get("/app/sign-up")).status, 404, "by invitation only");
});

onEachHost("guessing passwords is limited by account and by address", async (t, database) => {
  const server = await startSignIn(t, database, {
    mode: "production",
    policy: "invite",
    attemptLimits: {
      "password-by-email": { max: 3, windowSeconds: 900 },
      "password-by-address": { max: 6, windowSeconds: 60 },
    },
  });
  const link = linkIn((await server.core.links.invite("ada@example.org")).url);
  await choose(new Visitor(server), link, PASSWORD);
  const attempt = async (email: string, password: string) =>
    (await signInWith(new Visitor(server), email, password)).status;
  for (let count = 0; count < 5; count++) {
    assert.equal(await attempt("ada@example.org", PASSWORD), 303, "good ones are not counted");
  }
  for (let count = 0; count < 3; count++) assert.equal(await attempt("ada@example.org", "no"), 401);
  assert.equal(await attempt("ADA@example.org", PASSWORD), 429);
  for (const name of ["b", "c"]) assert.equal(await attempt(`${name}@example.org`, "no"), 401);
  assert.equal(await attempt("d@example.org", "no"), 429, "this address has had its six");
  server.clock.advance(60_000);
  assert.equal(await attempt("d@example.org", "no"), 401);
  assert.equal(await attempt("ada@example.org", PASSWORD), 429);
  server.clock.advance(840_000);
  assert.equal(await attempt("ada@example.org", PASSWORD), 303);
});

onEachHost("in production cookies are for HTTPS and this host", async (t, database) => {
  const server = await startSignIn(t, database, { mode: "production", policy: "invite" });
  const link = linkIn((await server.core.links.invite("ada@example.org")).url);
  const visitor = new Visitor(server);
  const page = await visitor.get(link);
  const signedIn = await choose(visitor, link, PASSWORD);
  const cookies = [...page.headers.getSetCookie(), ...signedIn.headers.getSetCookie()];
  const names = cookies.map((cookie) => cookie.split("=")[0]);
  assert.ok(names.includes("__Host-guildhall-form"), names.join());
  assert.ok(names.includes("__Secure-guildhall.session_token"), names.join());
  for (const cookie of cookies) {
    assert.match(cookie, /; HttpOnly/i);
    assert.match(cookie, /; Secure/i);
    assert.match(cookie, /; SameSite=Lax/i);
    assert.doesNotMatch(cookie, /; Domain/i);
  }
});

onEachHost("an operator invites on a page that others do not have", async (t, database) => {
  const server = await startSignIn(t, database, { policy: "invite" });
  await memberOf(server, "ada@example.org");
  await memberOf(server, "bob@example.org");
  await server.core.members.setRole("ada@example.org", "operator");
  const ada = await new Visitor(server).signIn("ada@example.org");
  const bob = await new Visitor(server).signIn("bob@example.org");
  assert.equal((await bob.get("/app/invite")).status, 404);
  assert.equal((await bob.submit("/app", "/app/invite", { email: "x@x.org" })).status, 404);
  const made = await ada.submit("/app/invite", "/app/invite", { email: "new@example.org" });
  const link = linkIn(unescapeHtml(await made.text()));
  const visitor = new Visitor(server);
  assert.equal((await visitor.submit(link, link, {})).status, 303);
  assert.match(await (await visitor.get("/app")).text(), /@new/);
});
