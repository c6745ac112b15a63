import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { BusMessage } from "../../src/core/ports.ts";
import { type CountingBus, LocalBus } from "../../src/outbound/bus/local.ts";
import { NatsBus } from "../../src/outbound/bus/nats.ts";
import { freePort } from "../support/free-port.ts";
import { startNats } from "../support/nats.ts";
import { silentLog, until } from "./support.ts";

const NATS_URL = process.env.NATS_URL ?? "nats://127.0.0.1:4222";

/** True, and reported as skipped, where there is no NATS; a failure where services are required. */
async function isWithoutNats(t: TestContext): Promise<boolean> {
  const { hostname, port } = new URL(NATS_URL);
  const socket = connect(Number(port || 4222), hostname);
  const answers = await new Promise<boolean>((resolve) => {
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
  });
  socket.destroy();
  if (answers) return false;
  assert.notEqual(process.env.REQUIRE_SERVICES, "1", `no NATS at ${NATS_URL}`);
  t.skip(`no NATS at ${NATS_URL}`);
  return true;
}

async function openNats(t: TestContext, url: string, namespace: string): Promise<NatsBus> {
  const bus = new NatsBus({ url, namespace, log: silentLog });
  t.after(() => bus.close());
  await until(() => bus.reachesOthers);
  return bus;
}

async function keepsTheContract(bus: CountingBus): Promise<void> {
  const heard: BusMessage[] = [];
  const stop = bus.subscribe("runs.ended", (message) => heard.push(message));
  bus.subscribe("runs.ended", () => {
    throw new Error("a listener of bad quality");
  });
  bus.subscribe("runs", () => assert.fail("a subject is no prefix"));
  bus.publish("runs.ended", { id: "a", ok: true, n: 1, none: null });
  assert.equal(heard.length, 0, "nothing is heard before publish returns");
  await until(() => heard.length === 1);
  assert.deepEqual(heard, [{ id: "a", ok: true, n: 1, none: null }]);

  const { dropped } = bus.counts;
  bus.publish("runs.ended", { id: "x".repeat(64 * 1024) });
  assert.ok(bus.counts.dropped > dropped, "what is too large is dropped and counted");

  stop();
  bus.publish("runs.ended", { id: "b" });
  await sleep(20);
  assert.equal(heard.length, 1, "who stopped listening hears nothing more");
  await bus.close();
  bus.publish("runs.ended", { id: "c" });
}

test("a bus inside one process keeps the contract", () =>
  keepsTheContract(new LocalBus(silentLog)));

test("a bus over NATS keeps the contract", async (t) => {
  if (await isWithoutNats(t)) return;
  await keepsTheContract(await openNats(t, NATS_URL, randomUUID()));
});

test("over NATS each process hears the others once, and not its neighbours' installation", async (t) => {
  if (await isWithoutNats(t)) return;
  const namespace = randomUUID();
  const [a, b, stranger] = await Promise.all([
    openNats(t, NATS_URL, namespace),
    openNats(t, NATS_URL, namespace),
    openNats(t, NATS_URL, randomUUID()),
  ]);
  const heard: string[] = [];
  for (const [name, bus] of [
    ["a", a],
    ["b", b],
    ["stranger", stranger],
  ] as const) {
    bus.subscribe("s", ({ id }) => heard.push(`${name}:${id}`));
  }
  a.publish("s", { id: 1 });
  b.publish("s", { id: 2 });
  await until(() => heard.length >= 4);
  await sleep(50);
  assert.deepEqual(heard.sort(), ["a:1", "a:2", "b:1", "b:2"]);
});

test("a process without its NATS works alone, loses hints to others, and hears them again after", async (t) => {
  const port = await freePort();
  const url = `nats://127.0.0.1:${port}`;
  const first = await startNats(t, port);
  if (!first) return;
  const [a, b] = await Promise.all([openNats(t, url, "x"), openNats(t, url, "x")]);
  const heard: string[] = [];
  a.subscribe("s", ({ id }) => heard.push(`a:${id}`));
  b.subscribe("s", ({ id }) => heard.push(`b:${id}`));

  first.kill("SIGKILL");
  await until(() => !a.reachesOthers && !b.reachesOthers);
  const { dropped } = a.counts;
  a.publish("s", { id: "lost" });
  await until(() => heard.includes("a:lost"));
  assert.equal(a.counts.dropped, dropped + 1);

  await startNats(t, port);
  await until(() => a.reachesOthers && b.reachesOthers, 20_000);
  await until(() => {
    a.publish("s", { id: "found" });
    return heard.includes("b:found");
  });
  assert.ok(!heard.includes("b:lost"));
});

test("a process whose NATS was never there starts, and stops, without it", async () => {
  const url = `nats://127.0.0.1:${await freePort()}`;
  const bus = new NatsBus({ url, namespace: "x", log: silentLog });
  const heard: BusMessage[] = [];
  bus.subscribe("s", (message) => heard.push(message));
  bus.publish("s", { id: 1 });
  await until(() => heard.length === 1);
  assert.equal(bus.reachesOthers, false);
  await bus.close();
});
