import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import type { TestContext } from "node:test";

/** A NATS server of this test's own, so that it can be killed; `undefined` where none is installed. */
export async function startNats(t: TestContext, port: number): Promise<ChildProcess | undefined> {
  const child = spawn("nats-server", ["-a", "127.0.0.1", "-p", String(port)], { stdio: "ignore" });
  const isMissing = await new Promise<boolean>((resolve) => {
    child.once("error", () => resolve(true)).once("spawn", () => resolve(false));
  });
  if (isMissing) {
    assert.notEqual(process.env.REQUIRE_SERVICES, "1", "nats-server is not installed");
    t.skip("nats-server is not installed");
    return undefined;
  }
  t.after(() => child.kill("SIGKILL"));
  return child;
}
