/** Scenarios of sessions: each through HTTP and a provider's socket, on both hosts. */
import { type TestContext, test } from "node:test";
import { DATABASE_HOSTS, isSkipped } from "../support/database.ts";
import { type Guildhall, startGuildhall } from "../support/guildhall.ts";
import { verified } from "./support.ts";

/** `slug` is a name for what it needs of its own. */
export type Scenario = (t: TestContext, hall: Guildhall, slug: string) => Promise<void>;

/** Plays them one after the other on one server a host; afterwards its books verify. */
export function play(title: string, scenarios: Readonly<Record<string, Scenario>>): void {
  for (const host of DATABASE_HOSTS) {
    test(`${title} (${host})`, async (t) => {
      if (await isSkipped(t, host)) return;
      const hall = await startGuildhall(t, host);
      for (const [name, scenario] of Object.entries(scenarios)) {
        await t.test(name, (inner) => scenario(inner, hall, slugOf(name)));
      }
      await verified(hall);
    });
  }
}

function slugOf(name: string): string {
  return name
    .replaceAll(/[^a-z]+/g, "-")
    .slice(0, 30)
    .replace(/-$/, "");
}
