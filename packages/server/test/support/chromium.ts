/** A real browser, where this machine has one. */
import { existsSync } from "node:fs";
import type { TestContext } from "node:test";
import { type BrowserContext, type BrowserContextOptions, chromium } from "playwright-core";

const EXECUTABLES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/**
 * A fresh browser profile that is gone after the test; `undefined`, and the test is reported as
 * skipped, where there is no Chromium. `REQUIRE_SERVICES=1` turns that into a failure.
 */
export async function openChromium(
  t: TestContext,
  options: BrowserContextOptions = {},
): Promise<BrowserContext | undefined> {
  const executablePath = process.env.CHROMIUM_PATH ?? EXECUTABLES.find((path) => existsSync(path));
  if (executablePath === undefined) {
    if (process.env.REQUIRE_SERVICES === "1") throw new Error("there is no Chromium here");
    t.skip("no Chromium (CHROMIUM_PATH)");
    return undefined;
  }
  const browser = await chromium.launch({ executablePath, args: ARGS });
  t.after(() => browser.close());
  return browser.newContext(options);
}
