/** Rows 14, 24 and 25: providers that decline, fall silent, come back, and leave. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SessionDeclined } from "@guildhall/sdk";
import { WebSocket } from "ws";
import { errorOf, type Running, until } from "../support.ts";
import { CHAT, registerTalker, startTalker } from "../talker.ts";
import { shows } from "./checklist.ts";
import { ECHO, FUNDS, type Offered, type Person, price, type Stage, scenarios } from "./stage.ts";

const turn = ECHO.session?.turn ?? (() => "");

/** A provider that speaks LinkedClaw's frames itself. */
async function relayed(stage: Stage, agentId: string, key: string) {
  const socket = new WebSocket(`${stage.hall.server.url.replace(/^http/, "ws")}/ws`);
  // biome-ignore lint/suspicious/noExplicitAny: a frame is whatever JSON the test looks into.
  const frames: any[] = [];
  let closed: number | undefined;
  socket.on("message", (data) => frames.push(JSON.parse(String(data))));
  socket.on("close", (code) => (closed = code));
  await once(socket, "open");
  const send = (frame: object) => socket.send(JSON.stringify(frame));
  send({ type: "IDENTIFY", id: "frm_1", api_key: key, agent_id: agentId });
  return {
    send,
    closedWith: async () => {
      await until(() => closed !== undefined, "the connection was closed");
      return closed;
    },
    async next(type: string) {
      await until(() => frames.some((frame) => frame.type === type), type);
      return frames.find((frame) => frame.type === type);
    },
  };
}

function hire({ agentId, capability }: Pick<Offered, "agentId" | "capability">) {
  return ["hire", agentId, "--capability", capability];
}

async function statusOf(ann: Person, id: string) {
  return (await ann.member.ask("GET", `/sessions/${id}`)).body;
}

/** 403, 409 and 503 at once, and 408 when half a minute has passed. */
async function declines(stage: Stage) {
  const meta = price("per_message", 5);
  const [never, no, away, ann] = await Promise.all([
    stage.offer({
      meta,
      handlers: { session: { turn, accept: () => new Promise(() => undefined) } },
    }),
    stage.offer({
      meta,
      handlers: {
        session: {
          turn,
          accept() {
            throw new SessionDeclined("provider_busy", "full");
          },
        },
      },
    }),
    stage.offer({ meta }),
    stage.person(),
  ]);
  const slow = ann.run(hire(never));
  const busy = await ann.refused(hire(no));
  assert.equal(busy.http_status, 403);
  assert.match(busy.message, /session_rejected: provider_busy/);
  assert.equal((await statusOf(ann, String(busy.session_id))).status, "cancelled");
  const dead = await ann.refused(["activate", String(busy.session_id)]);
  assert.equal(dead.http_status, 409);
  assert.match(dead.message, /Session is not pending \(status='cancelled'\)/);

  const offline = await ann.refused(hire(away));
  assert.equal(offline.http_status, 503);
  assert.match(offline.message, /provider not reachable/);
  assert.equal((await statusOf(ann, String(offline.session_id))).status, "pending");
  await ann.told("cancel", String(offline.session_id));

  const late = errorOf(await slow);
  assert.deepEqual([late.http_status, late.code], [408, "session_accept_timeout"]);
  assert.match(late.message, /provider did not respond to SESSION_CREATE within timeout/);
  assert.equal((await statusOf(ann, String(late.session_id))).status, "pending");
  await ann.told("cancel", String(late.session_id));
  assert.deepEqual(await ann.credits(), [FUNDS, 0]);
}

/** A daemon that is frozen, as by a machine that sleeps, and thawed. */
async function fallsSilent(stage: Stage) {
  const provider = await stage.person();
  const { agentId, program } = await registerTalker(provider);
  let daemon: Running = await startTalker(provider, ["--handler-cmd", program]);
  const ann = await stage.person();
  const { session_id: id } = await ann.told(
    ...hire({ agentId, capability: CHAT }),
    "--max-messages",
    "3",
  );
  daemon.child.kill("SIGSTOP");
  await untilStatus(ann, id, "interrupted");
  assert.deepEqual(await ann.credits(), [FUNDS - 15, 15], "it is held");
  assert.deepEqual(await ann.told("search", CHAT), [], "nobody finds it");
  const dead = await ann.refused(["activate", id]);
  assert.equal(dead.http_status, 409);
  daemon.child.kill("SIGCONT");
  await untilStatus(ann, id, "active");
  const { events } = await ann.told("recv", id, "--since", "0");
  const types = events.map(({ type }: { type: string }) => type);
  assert.deepEqual(types, ["session.activated", "session.disconnected", "session.reconnected"]);

  // Killed with a message in hand, and back before half a minute is over.
  daemon.child.kill("SIGSTOP");
  await ann.told("send", id, "hello");
  daemon.child.kill("SIGKILL");
  await daemon.finished;
  daemon = await startTalker(provider, ["--handler-cmd", program]);
  const { reply } = await ann.told("recv", id, "--wait", "30");
  assert.equal(reply.length, 1, "it was told again, and answered once");
  assert.equal(reply[0].payload.text, "HELLO");
  assert.equal((await statusOf(ann, id)).status, "active");
  await ann.told("end", id);
  assert.deepEqual(await ann.credits(), [FUNDS - 5, 0]);
  daemon.child.kill("SIGTERM");
  await daemon.finished;
}

async function untilStatus(ann: Person, id: string, status: string): Promise<void> {
  const givesUpAt = performance.now() + 60_000;
  while ((await statusOf(ann, id)).status !== status) {
    assert.ok(performance.now() < givesUpAt, `it never was ${status}`);
    await sleep(100);
  }
}

scenarios("lines", {
  async "14 and 24: whoever does not answer, falls silent and comes back"(stage) {
    shows(14, 24);
    // Each takes half a minute of waiting.
    await Promise.all([declines(stage), fallsSilent(stage)]);
  },

  async "24: a wrong key is refused for good"(stage) {
    shows(24);
    const { agentId } = await stage.offer({});
    const key = "lc_aVeryLongKeyThatNobodyMaySee0123456789";
    const wrong = await relayed(stage, agentId, key);
    assert.equal((await wrong.next("IDENTIFY_REJECTED")).code, "invalid_api_key");
    assert.equal(await wrong.closedWith(), 4001);
    const provider = await stage.person();
    const listing = join(provider.home, "listing.yaml");
    writeFileSync(listing, `slug: somebody\nagentId: ${agentId}\n`);
    const args = ["provider", "run", listing, "--handler-cmd", "cat"];
    const refused = await provider.run(args, { env: { LINKEDCLAW_API_KEY: key } });
    assert.equal(errorOf(refused).code, "invalid_api_key");
    assert.doesNotMatch(refused.stderr, /"event":"disconnected"/, "it does not come back");
  },

  async "24 and 25: the newer connection serves, and its shutdown refunds at once"(stage) {
    shows(24, 25);
    const { agentId, capability, member } = await stage.offer({ meta: price("per_message", 5) });
    const older = await relayed(stage, agentId, member.key);
    await older.next("IDENTIFIED");
    const newer = await relayed(stage, agentId, member.key);
    await newer.next("IDENTIFIED");
    assert.equal(await older.closedWith(), 4009);

    const ann = await stage.person();
    const hiring = ann.told(...hire({ agentId, capability }));
    const asked = await newer.next("SESSION_CREATE");
    newer.send({ type: "SESSION_ACCEPT", reply_to: asked.id, session_id: asked.session_id });
    const { session_id: id } = await hiring;
    assert.equal(asked.session_id, id);
    await ann.told("send", id, "hello");
    await newer.next("SESSION_MESSAGE");
    newer.send({ type: "transport_shutdown", reason: "going home" });
    await untilStatus(ann, id, "cancelled");
    assert.equal((await statusOf(ann, id)).termination_reason, "provider_offline");
    assert.deepEqual(await ann.credits(), [FUNDS, 0]);
    const told = await ann.told("recv", id, "--wait", "30");
    assert.deepEqual([told.reply, told.session_status], [[], "cancelled"], "nobody waits in vain");
  },
});
