/** The two ways in, in a real browser without scripts: what a person sees and presses. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import type { BrowserContext, Page } from "playwright-core";
import { openChromium } from "../support/chromium.ts";
import { openTestDatabase } from "../support/database.ts";
import { CHALLENGE, pollDevice, postForm, startDevice, startSignIn, VERIFIER } from "./support.ts";

/** Pages whose content policy stopped something, or that logged anything else. */
function watchConsole(context: BrowserContext): string[] {
  const complaints: string[] = [];
  context.on("console", (message) => complaints.push(message.text()));
  return complaints;
}

async function signIn(page: Page, email: string): Promise<void> {
  await page.getByLabel("E-mail address").fill(email);
  await page.getByRole("button", { name: "Continue" }).click();
}

/** A program that waits on a loopback port, as the command line does. */
async function waitForCallback(
  t: TestContext,
): Promise<{ redirect: string; called: Promise<URL> }> {
  let resolve: (url: URL) => void;
  const called = new Promise<URL>((settle) => {
    resolve = settle;
  });
  const server = createServer((request, response) => {
    response.end("You may close this page.");
    if (request.url?.startsWith("/callback")) resolve(new URL(request.url, "http://127.0.0.1"));
  });
  await new Promise<void>((settle) => server.listen(0, "127.0.0.1", settle));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    redirect: `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback`,
    called,
  };
}

test("a person signs in, compares the code and approves a device", async (t) => {
  const context = await openChromium(t, { javaScriptEnabled: false });
  if (!context) return;
  const complaints = watchConsole(context);
  const server = await startSignIn(t, await openTestDatabase(t, "any"));
  const device = await startDevice(server);
  const page = await context.newPage();

  await page.goto(`${server.url}/device`);
  await signIn(page, "ada@example.org");
  await page.getByLabel("Code").fill(device.user_code.toLowerCase().replaceAll("-", " "));
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByText(device.user_code, { exact: true }).waitFor();
  await page.getByText("linkedclaw-cli/1.0.0 on linux (host: box)").waitFor();
  await page.getByRole("button", { name: "Approve" }).click();
  await page.getByRole("heading", { name: "Approved" }).waitFor();
  assert.equal((await pollDevice(server, device.device_code)).status, 200);

  const second = await startDevice(server);
  await page.goto(second.verification_uri_complete);
  await page.getByRole("button", { name: "Deny" }).click();
  await page.getByRole("heading", { name: "Denied" }).waitFor();
  assert.equal((await pollDevice(server, second.device_code)).body.error, "access_denied");

  await page.goto(`${server.url}/settings/api-keys`);
  await page.getByRole("link", { name: "linkedclaw-cli/1.0.0 on linux" }).click();
  await page.getByRole("button", { name: "Revoke this key" }).click();
  await page.getByText("revoked").waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in to Guildhall" }).waitFor();
  assert.deepEqual(complaints, []);
});

test("a browser carries the answer to the program that waits on this machine", async (t) => {
  const context = await openChromium(t, { javaScriptEnabled: false });
  if (!context) return;
  const complaints = watchConsole(context);
  const server = await startSignIn(t, await openTestDatabase(t, "any"));
  const page = await context.newPage();

  for (const decision of ["Approve", "Deny"] as const) {
    const { redirect, called } = await waitForCallback(t);
    const query = new URLSearchParams({
      response_type: "code",
      client_id: "linkedclaw-cli",
      redirect_uri: redirect,
      code_challenge: CHALLENGE,
      code_challenge_method: "S256",
      state: "a state of the program's",
      scope: "cli",
      device_label: "linkedclaw-cli/1.0.0",
    });
    await page.goto(`${server.url}/oauth/authorize?${query}`);
    if (decision === "Approve") await signIn(page, "ada@example.org");
    await page.getByRole("button", { name: decision }).click();
    const { searchParams } = await called;
    assert.equal(searchParams.get("state"), "a state of the program's");
    if (decision === "Deny") {
      assert.equal(searchParams.get("error"), "access_denied");
      continue;
    }
    const { status, body } = await postForm(server, "/api/v1/oauth/token", {
      grant_type: "authorization_code",
      client_id: "linkedclaw-cli",
      code: searchParams.get("code") ?? "",
      redirect_uri: redirect,
      code_verifier: VERIFIER,
    });
    assert.equal(status, 200, JSON.stringify(body));
    await server.core.callers.authenticate(String(body.access_token));
  }
  assert.deepEqual(complaints, []);
});
