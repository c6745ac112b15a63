/** An address where nothing is: a page for people, JSON for programs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startGuildhall } from "../support/guildhall.ts";

const BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

test("who mistypes an address in a browser is shown a page with a way home", async (t) => {
  const hall = await startGuildhall(t, "embedded");
  for (const path of ["/settings", "/nonsense", "/api/nonsense"]) {
    const page = await fetch(hall.url + path, { headers: { accept: BROWSER } });
    assert.equal(page.status, 404);
    assert.match(page.headers.get("content-type") ?? "", /^text\/html/);
    assert.match(await page.text(), /There is no such page[\s\S]*href="\/app"/);

    for (const accept of ["*/*", "application/json"]) {
      const answer = await fetch(hall.url + path, { headers: { accept } });
      assert.equal(answer.status, 404);
      assert.equal(((await answer.json()) as { code: string }).code, "not_found");
    }
  }
});
