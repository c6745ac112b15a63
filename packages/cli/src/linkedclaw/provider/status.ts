/**
 * Whether daemons live: what each says of itself beside what the server sees of it. The server may
 * show an agent online for half a minute after its daemon died, and a daemon may live and be cut off.
 */
import { readdir } from "node:fs/promises";
import { basename } from "node:path";
import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { Failure, systemCodeOf } from "../../failure.ts";
import { fieldsOf } from "../../server.ts";
import { type Page, table } from "../../terminal/layout.ts";
import { openApi } from "../api.ts";
import { fetchAgent } from "../commands/show.ts";
import { providersDirectory, readListing } from "./listing-file.ts";
import { type DaemonStatus, readStatus, STATUS_STALE_MS } from "./status-file.ts";

type Daemon = "running" | "silent" | "stopped" | "never started";

export function addStatus(provider: Command, cli: Cli): void {
  provider
    .command("status")
    .description("Show whether your daemons live, and what the server sees of them")
    .argument("[slug]", "one listing; otherwise all in providers/")
    .action(async (slug: string | undefined) => {
      const slugs = slug === undefined ? await allSlugs(cli) : [slug];
      cli.terminal.answer(await Promise.all(slugs.map((one) => statusOf(cli, one))), drawn);
    });
}

async function allSlugs(cli: Cli): Promise<string[]> {
  try {
    const names = await readdir(providersDirectory(cli));
    return names.filter((name) => name.endsWith(".yaml")).map((name) => basename(name, ".yaml"));
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return [];
    throw error;
  }
}

async function statusOf(cli: Cli, named: string) {
  const { slug, agentId } = await readListing(cli, named);
  const said = await readStatus(providersDirectory(cli), slug);
  return {
    slug,
    agent_id: agentId ?? null,
    daemon: daemonOf(said),
    pid: said?.pid ?? null,
    ws_state: said?.ws_state ?? null,
    active_sessions: said?.active_sessions ?? 0,
    in_flight: said?.in_flight ?? 0,
    started_at: said?.started_at ?? null,
    updated_at: said?.updated_at ?? null,
    last_error: said?.last_error ?? null,
    ...(await seenByServer(cli, agentId)),
  };
}

function daemonOf(said: Partial<DaemonStatus> | undefined): Daemon {
  if (said === undefined) return "never started";
  if (said.ws_state === "stopped") return "stopped";
  const ageMs = Date.now() - Date.parse(said.updated_at ?? "");
  return ageMs <= STATUS_STALE_MS && lives(said.pid) ? "running" : "silent";
}

/** Whether a process with this id is there; signal 0 only asks. */
function lives(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCodeOf(error) === "EPERM";
  }
}

async function seenByServer(cli: Cli, agentId: string | undefined): Promise<object> {
  if (agentId === undefined) return { cloud_status: null, last_heartbeat_at: null };
  try {
    const card = fieldsOf(await fetchAgent(await openApi(cli), agentId));
    return { cloud_status: card.status, last_heartbeat_at: card.last_heartbeat_at ?? null };
  } catch (error) {
    // What the daemons say of themselves is worth knowing even where no server answers.
    if (!(error instanceof Failure)) throw error;
    const { code, message } = error;
    return { cloud_status: null, last_heartbeat_at: null, cloud_error: { code, message } };
  }
}

function drawn(statuses: readonly Awaited<ReturnType<typeof statusOf>>[], page: Page): string {
  if (statuses.length === 0) return "There are no listings in providers/ yet.";
  return table(
    page,
    [
      { title: "slug", style: page.paint.bold },
      { title: "agent", style: page.paint.accent },
      { title: "daemon" },
      { title: "connection" },
      { title: "server sees" },
      { title: "working on", align: "right" },
      { title: "last error", isFlexible: true, style: page.paint.bad },
    ],
    statuses.map((one) => [
      one.slug,
      one.agent_id ?? "not registered",
      one.daemon,
      one.ws_state ?? "",
      String(fieldsOf(one).cloud_status ?? "?"),
      String(one.in_flight),
      one.last_error ?? "",
    ]),
  );
}
