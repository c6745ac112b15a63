/** What a member sees of itself, of its money and of its work. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { ProviderError } from "@guildhall/sdk";
import { DATABASE_HOSTS, isSkipped } from "../../support/database.ts";
import { type Guildhall, type Member, startGuildhall } from "../../support/guildhall.ts";
import { balanceOf, invoke, sell } from "../../support/hire.ts";
import { verifies } from "./requirements.ts";
import { assertRefused, type Reply, send } from "./support.ts";

for (const host of DATABASE_HOSTS) {
  test(`accounts (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const hall = await startGuildhall(t, host, { GUILDHALL_RATE_LIMITS: "search=5" });
    for (const [says, scenario] of Object.entries(SCENARIOS)) {
      await t.test(says, (inner) => scenario(inner, hall));
    }
  });
}

/** `req_` and a UUID of chance (RFC 9562). */
const REQUEST_ID = /^req_[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

type Scenario = (t: TestContext, hall: Guildhall) => Promise<void>;

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  async "a key says whose it is and what it has"(_t, hall) {
    verifies("users-me", "credits", "bearer-key");
    const alice = await hall.member("alice@example.com");
    const me = await alice.ask("GET", "/users/me");
    assert.equal(me.body.user_id, `usr_${alice.workspaceId}`);
    assert.match(me.body.handle, /^@alice/);
    assert.equal(me.body.auto_spend_ceiling_credits, 100_000);
    assert.deepEqual(await balanceOf(alice), {
      balance: 1_000_000,
      escrowed: 0,
      available: 1_000_000,
      currency: "credits",
      usd_per_credit: 0.0001,
    });
  },

  async "a request that its caller named keeps its name"(_t, hall) {
    verifies("request-id");
    const alice = await hall.member("named@example.com");
    const named = await alice.ask("GET", "/credits", undefined, { "x-request-id": "mine-12345" });
    assert.equal(named.headers.get("x-request-id"), "mine-12345");
    for (const bad of ["short", "a".repeat(129), "has space", "<script>alert(1)</script>"]) {
      const { headers } = await alice.ask("GET", "/credits", undefined, { "x-request-id": bad });
      assert.match(headers.get("x-request-id") ?? "", REQUEST_ID);
    }
  },

  async "receipts are listed for one side, each once, page after page"(t, hall) {
    verifies("receipts-role", "receipts-pages", "receipt-parties");
    const seller = await sell(t, hall, { slug: "pages" });
    const alice = await hall.member("pages-alice@example.com");
    const made: string[] = [];
    for (let count = 0; count < 5; count++) {
      made.push((await invoke(alice, seller.agentId)).body.receipt_id);
    }
    const newestFirst = made.toReversed();
    assert.deepEqual(await walk(alice, "role=requester"), newestFirst);
    assert.deepEqual(await walk(seller.member, "role=provider"), newestFirst);
    assert.deepEqual(await walk(seller.member, ""), newestFirst, "a provider's, unless asked");
    assert.deepEqual(await walk(alice, "role=provider"), []);
    const page = await alice.ask("GET", "/receipts?role=requester");
    assert.equal(page.body.total_credits, 5 * 45);
    assert.equal(page.body.next_cursor, null);
    const [receipt] = page.body.receipts;
    assert.deepEqual([receipt.kind, receipt.status], ["invoke", "succeeded"]);
    assert.deepEqual([receipt.credits_charged, receipt.credits_refunded], [45, 0]);
    assert.equal(receipt.agent_id, seller.agentId);
    const stranger = await hall.member("pages-stranger@example.com");
    const unseen = { status: 404, code: "not_found" };
    await assertRefused(stranger, unseen, () => stranger.ask("GET", `/receipts/${made[0]}`));
  },

  async "trust counts what really came of work for others"(t, hall) {
    verifies("trust");
    let isWell = true;
    const handler = () => {
      if (isWell) return { output: 1 };
      throw new ProviderError("provider_failed", "Not today.");
    };
    const seller = await sell(t, hall, { slug: "trusted", handler });
    const alice = await hall.member("trust-alice@example.com");
    const path = `/agents/${seller.agentId}/trust`;
    const before = (await alice.ask("GET", path)).body;
    assert.deepEqual([before.trust_score, before.completed_invokes], [0.5, 0]);
    for (let count = 0; count < 3; count++) await invoke(alice, seller.agentId);
    await invoke(seller.member, seller.agentId);
    isWell = false;
    await invoke(alice, seller.agentId);
    const after = await untilSeen(alice, path, ({ approval_rate }) => approval_rate === 0.75);
    assert.equal(after.completed_invokes, 3, "hiring oneself earns nothing");
    assert.ok(after.trust_score > 0.5 && after.trust_score < 1);
  },

  async "a manifest is kept as it was written, and invoked with by its id"(t, hall) {
    verifies("manifest");
    const seen: unknown[] = [];
    const handler = (_input: unknown, context: { manifest: unknown }) => {
      seen.push(context.manifest);
      return { output: null };
    };
    const seller = await sell(t, hall, { slug: "manifested", handler: handler as never });
    const alice = await hall.member("manifest-alice@example.com");
    const manifest = { intention: "to see", context: { a: [1] }, constraints: {}, more: null };
    const made = await alice.ask("POST", "/manifests", manifest);
    assert.equal(made.status, 201);
    const { manifest_id, created_at, ...kept } = made.body;
    assert.deepEqual(kept, manifest);
    assert.deepEqual((await alice.ask("GET", `/manifests/${manifest_id}`)).body, made.body);
    const by = { manifest: null, manifest_id, timeout_seconds: null, max_credits: null };
    assert.equal((await invoke(alice, seller.agentId, by)).status, 200);
    assert.deepEqual(seen, [manifest]);
  },

  async "a file is for who uploaded it and who works with it"(t, hall) {
    verifies("file-content", "upload-answer", "file-reference");
    const seen: { file: Record<string, unknown> }[] = [];
    const handler = (input: unknown) => {
      seen.push(input as never);
      return { output: null };
    };
    const seller = await sell(t, hall, { slug: "files", handler });
    const alice = await hall.member("files-alice@example.com");
    const form = new FormData();
    form.set("file", new Blob(["hello"]), "letter.txt");
    const { body } = await send(hall, alice, { path: "/files", body: form });
    const content = (member: Member): Promise<Reply> =>
      send(hall, member, { method: "GET", path: `/files/${body.file_id}/content` });
    assert.equal((await content(alice)).body, "hello");
    const unseen = { status: 404, code: "not_found" };
    await assertRefused(seller.member, unseen, () => content(seller.member));
    await invoke(alice, seller.agentId, { input: { file: { file_id: body.file_id } } });
    const file = seen[0]?.file ?? {};
    const { url, ...rest } = file;
    const expected = { file_id: body.file_id, mime: "text/plain", size: 5, filename: "letter.txt" };
    assert.deepEqual(rest, expected);
    assert.equal(await (await fetch(String(url))).text(), "hello", "its link needs no key");
    assert.equal((await content(seller.member)).body, "hello", "it works with it now");
    const stranger = await hall.member("files-stranger@example.com");
    await assertRefused(stranger, unseen, () => content(stranger));
  },

  async "who cannot pay is told before anything else is said of the provider"(t, hall) {
    verifies("invoke-insufficient", "invoke-failure-free");
    const seller = await sell(t, hall, { slug: "dear", priceCredits: 1_000_001 });
    const alice = await hall.member("poor@example.com");
    const email = alice.email;
    await hall.admin("POST", "/members/limits", { email, chain_ceiling_usd: "1000" });
    const poor = { status: 402, code: "insufficient_credits" };
    await assertRefused(alice, poor, () => invoke(alice, seller.agentId));
    await seller.connection.stop({ drainMs: 0 });
    await assertRefused(alice, poor, () => invoke(alice, seller.agentId));
  },

  async "asking again by idempotency key answers, whatever became of the provider"(t, hall) {
    verifies("idempotency-replay");
    const seller = await sell(t, hall, { slug: "again" });
    const alice = await hall.member("asking@example.com");
    const headers = { "idempotency-key": "once-and-for-all" };
    const first = await invoke(alice, seller.agentId, {}, headers);
    await seller.connection.stop({ drainMs: 0 });
    assert.deepEqual((await invoke(alice, seller.agentId, {}, headers)).body, first.body);
    await hall.admin("POST", `/agents/${seller.agentId}/suspend`, {});
    assert.deepEqual((await invoke(alice, seller.agentId, {}, headers)).body, first.body);
    assert.equal((await balanceOf(alice)).available, 999_955);
  },

  async "who asks too often waits, and nobody else does"(_t, hall) {
    verifies("rate-limit");
    const hasty = await hall.member("hasty@example.com");
    const patient = await hall.member("patient@example.com");
    const search = (member: Member) => member.ask("GET", "/agents?capability=none");
    for (let count = 0; count < 5; count++) assert.equal((await search(hasty)).status, 200);
    const limited = { status: 429, code: "rate_limited" };
    const { headers, body } = await assertRefused(hasty, limited, () => search(hasty));
    const seconds = Number(headers.get("retry-after"));
    assert.ok(seconds >= 1 && seconds <= 12, `Retry-After ${seconds}`);
    assert.equal(body.retry_after, seconds);
    // The limit is the account's, whichever of its keys asks.
    const made = await hall.admin("POST", "/keys", { email: hasty.email, kind: "gld" });
    const other = await send(
      hall,
      { ...hasty, key: String(made.key) },
      { method: "GET", path: "/agents?capability=none" },
    );
    assert.equal(other.status, 429);
    assert.equal((await search(patient)).status, 200);
    assert.equal((await hasty.ask("GET", "/users/me")).status, 200, "another group");
  },
};

/** Every receipt's id, in pages of two. */
async function walk(member: Member, query: string): Promise<string[]> {
  const ids: string[] = [];
  let cursor = "";
  do {
    const { status, body } = await member.ask("GET", `/receipts?limit=2&${query}${cursor}`);
    assert.equal(status, 200, JSON.stringify(body));
    ids.push(...body.receipts.map(({ receipt_id }: { receipt_id: string }) => receipt_id));
    cursor = body.next_cursor === null ? "" : `&cursor=${body.next_cursor}`;
  } while (cursor !== "");
  return ids;
}

/** Trust follows outcomes a moment later. */
async function untilSeen(
  member: Member,
  path: string,
  isIt: (body: Reply["body"]) => boolean,
): Promise<Reply["body"]> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const { body } = await member.ask("GET", path);
    if (isIt(body)) return body;
    assert.ok(performance.now() < deadline, JSON.stringify(body));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
