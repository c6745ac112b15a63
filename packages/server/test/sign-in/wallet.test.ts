/** The wallet's page: what is there, paying in, codes, and what is refused. */
import assert from "node:assert/strict";
import { onEachHost } from "../support/database.ts";
import { type SignInServer, startSignIn, Visitor } from "./support.ts";

const WALLET = "/settings/wallet";

async function availableMicros(server: SignInServer, email: string): Promise<bigint> {
  const member = await server.core.members.requireByEmail(email);
  const { caller } = await server.core.callers.ofMember(member.id);
  return (await server.core.wallets.balance(caller)).availableMicros;
}

const textOf = async (answer: Promise<Response>) => (await answer).text();

onEachHost("a person tops up, pays on the page and sees it arrive", async (t, database) => {
  const server = await startSignIn(t, database);
  const ada = await new Visitor(server).signIn("ada@example.org");
  const opened = await ada.submit(WALLET, `${WALLET}/topups`, { amount: "$2.50" });
  assert.equal(opened.status, 303);
  const path = opened.headers.get("location") ?? "";
  const html = await textOf(ada.get(path));
  assert.match(html, /Top up by 2\.5 USD/);
  assert.match(html, /waiting to be paid/);
  const link = /href="(http[^"]*\/dev\/topup\/[0-9a-f]{24})"/.exec(html)?.[1] ?? "";
  const { pathname } = new URL(link);
  assert.equal((await ada.submit(pathname, `${pathname}/pay`, {})).status, 200);
  assert.match(await textOf(ada.get(path)), /It is paid, and in your wallet/);
  assert.equal(await availableMicros(server, "ada@example.org"), 102_500_000n);
  const wallet = await textOf(ada.get(WALLET));
  assert.match(wallet, /\$102\.50/);
  assert.match(wallet, /\+2\.5 USD/);
  assert.match(wallet, /\/r\/[A-Z2-9]{8}/);

  const eve = await new Visitor(server).signIn("eve@example.org");
  assert.equal((await eve.get(path)).status, 404, "others' top-ups are nobody's business");
  for (const id of ["%00", "x", "0".repeat(24)]) {
    assert.equal((await eve.get(`${WALLET}/topups/${id}`)).status, 404);
  }
});

onEachHost("amounts that are none are refused, and what was typed stays", async (t, database) => {
  const server = await startSignIn(t, database);
  const ada = await new Visitor(server).signIn("ada@example.org");
  for (const amount of ["", "-5", "0", "ten", "1e3", "0.0000001", "1000001", "NaN", "1,50"]) {
    const refused = await ada.submit(WALLET, `${WALLET}/topups`, { amount });
    assert.equal(refused.status, 200);
    const html = await refused.text();
    assert.match(html, /class="notice bad"/, amount);
    assert.ok(html.includes(`name="amount" value="${amount}"`), amount);
  }
  assert.deepEqual(await database.query("select id from topups"), []);
  assert.equal(await availableMicros(server, "ada@example.org"), 100_000_000n);
});

onEachHost("a voucher's code is redeemed once", async (t, database) => {
  const server = await startSignIn(t, database);
  const { code } = await server.core.vouchers.create({ amountMicros: 5_000_000n });
  const ada = await new Visitor(server).signIn("ada@example.org");
  const good = await ada.submit(WALLET, `${WALLET}/voucher`, { code });
  assert.equal(good.headers.get("location"), `${WALLET}?redeemed=5`);
  assert.match(await textOf(ada.get(`${WALLET}?redeemed=5`)), /brought 5 USD/);
  const bad = await ada.submit(WALLET, `${WALLET}/voucher`, { code: "GUESS<script>" });
  const html = await bad.text();
  assert.match(html, /A code has 6 to 64 letters and digits/);
  assert.doesNotMatch(html, /<script>/);
  const guess = ada.submit(WALLET, `${WALLET}/voucher`, { code: "GUESSED" });
  assert.match(await textOf(guess), /There is no such code/);
  assert.doesNotMatch(await textOf(ada.get(`${WALLET}?redeemed=<b>`)), /<b>/);
  assert.equal(await availableMicros(server, "ada@example.org"), 105_000_000n);
});

onEachHost("a production server without a rail offers no top-up", async (t, database) => {
  const server = await startSignIn(t, database, { mode: "production" });
  assert.equal(server.core.topups.isOffered, false);
});
