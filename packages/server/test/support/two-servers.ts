/** Two servers on one PostgreSQL, and what tests of them share. */
import assert from "node:assert/strict";
import { connect as connectTo } from "node:net";
import type { TestContext } from "node:test";
import { isSkipped, testDatabaseUrl, testDataDirectory } from "./database.ts";
import { type Environment, type Guildhall, type Member, startServer } from "./guildhall.ts";

const NATS_URL = process.env.NATS_URL ?? "nats://127.0.0.1:4222";
const SECRET = "a secret that both servers share, for tests";

/** What tells the servers of each other: a bus, or nothing but the database. */
export const BUSES = ["nats", "none"] as const;
export type BusKind = (typeof BUSES)[number];

/**
 * Starts two servers on a database of their own; `undefined` where a service that this needs is missing
 * and the test was skipped. With `REQUIRE_SERVICES=1` that is a failure.
 */
export async function startTwo(
  t: TestContext,
  bus: BusKind,
  environment: Environment = {},
): Promise<[Guildhall, Guildhall] | undefined> {
  if (await isSkipped(t, "postgresql")) return undefined;
  if (bus === "nats" && (await isNatsMissing(t))) return undefined;
  const shared = {
    ...{ DATABASE_URL: await testDatabaseUrl(t), GUILDHALL_SECRET_KEY: SECRET },
    ...(bus === "nats" && { NATS_URL }),
    ...environment,
  };
  const here = await startServer(t, await testDataDirectory(t), shared);
  const there = await startServer(t, await testDataDirectory(t), shared);
  return [here, there];
}

/** The same member, asking another server. */
export function at(server: Guildhall, member: Member): Member {
  return {
    ...member,
    async ask(method, path, body, headers = {}) {
      const response = await fetch(`${server.url}/api/v1${path}`, {
        method,
        headers: {
          authorization: `Bearer ${member.key}`,
          ...(body !== undefined && { "content-type": "application/json" }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      return { status: response.status, body: await response.json(), headers: response.headers };
    },
  };
}

async function isNatsMissing(t: TestContext): Promise<boolean> {
  const { hostname, port } = new URL(NATS_URL);
  const answers = await new Promise<boolean>((resolve) => {
    const socket = connectTo(Number(port || 4222), hostname, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
  if (answers) return false;
  assert.notEqual(process.env.REQUIRE_SERVICES, "1", `no NATS at ${NATS_URL}`);
  t.skip(`no NATS at ${NATS_URL}`);
  return true;
}
