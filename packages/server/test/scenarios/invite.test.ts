/** The operator lets somebody in where nobody can sign up. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fetch } from "undici";
import { startGuildhall } from "../support/guildhall.ts";

test("an invitation's link opens on a server that takes new members by invitation only", async (t) => {
  const hall = await startGuildhall(t, "any", { GUILDHALL_SIGNUP: "invite" });
  const invited = await hall.admin("POST", "/members/invite", { email: "new@example.com" });
  assert.equal(invited.is_mailed, false);
  assert.ok(new Date(String(invited.expires_at)) > new Date());
  const page = await fetch(String(invited.url));
  assert.equal(page.status, 200);
  assert.match(await page.text(), /new@example\.com/);
});
