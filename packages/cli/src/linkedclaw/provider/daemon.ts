/**
 * The life of a daemon.
 *
 *   1. Connect, and say so on stderr and in the status file.
 *   2. Hand each piece of work to the handler.
 *   3. On SIGTERM or SIGINT take no more, let what runs finish, say goodbye. A second signal ends
 *      it at once.
 *   4. Where the server will never have us, end with its reason.
 */
import { LINK_CLOSINGS, type LinkClosing } from "@guildhall/protocol";
import {
  connectProvider,
  type ProviderConnection,
  type ProviderOptions,
  type ProviderState,
} from "@guildhall/sdk";
import type { Cli } from "../../cli.ts";
import { Failure } from "../../failure.ts";
import { agentEnvironment } from "./acp-environment.ts";
import { isUnconfined } from "./acp-permission.ts";
import type { Handler, HandlerChoice, HandlerEvents } from "./handler.ts";
import type { Offered } from "./handler-acp.ts";
import { cmdHandler } from "./handler-cmd.ts";
import { httpHandler } from "./handler-http.ts";
import { providersDirectory } from "./listing-file.ts";
import { servingHandlers } from "./serving.ts";
import { STATUS_EVERY_MS, writeStatus } from "./status-file.ts";

export interface DaemonOptions {
  readonly slug: string;
  readonly agentId: string;
  readonly key: string;
  readonly url: string;
  readonly handler: HandlerChoice;
  readonly concurrency: number;
  readonly perRequester: number;
  /** Sessions open at once. */
  readonly sessions: number;
  /** For the answer to one message of a session. */
  readonly turnSeconds: number;
  readonly takesTasks: boolean;
  /** What is left to the owner, and refused here. */
  readonly byHand: NonNullable<ProviderOptions["byHand"]>;
  /** The most of its own money that the agent puts at risk for one task. */
  readonly stakeMicrosMax: bigint;
  readonly capabilities: readonly string[] | undefined;
  readonly offered: (capability: string) => Offered;
}

/** Time that running work has to finish (LinkedClaw contract §7.3). */
const DRAIN_MS = 5_000;

/** A terminal's Ctrl-C may reach us twice: from the terminal, and passed on by who started us. */
const SAME_SIGNAL_MS = 500;

/** Runs until it is stopped. Rejects where the server or the handler makes it pointless to go on. */
export async function startDaemon(cli: Cli, options: DaemonOptions): Promise<void> {
  const { terminal } = cli;
  let hopeless: Failure | undefined;
  let connection: ProviderConnection | undefined;
  const say: HandlerEvents["onEvent"] = (event, facts) => terminal.event(event, facts);
  const handler = await openHandler(cli, options, {
    onEvent: say,
    onHopeless(failure) {
      hopeless = failure;
      void connection?.stop({ drainMs: 0 });
    },
  });
  terminal.event("registered", { slug: options.slug, agent_id: options.agentId });
  const status = createStatus(cli, options, () => connection);
  connection = connectProvider({
    url: options.url,
    key: options.key,
    agentId: options.agentId,
    concurrency: options.concurrency,
    perRequester: options.perRequester,
    sessions: options.sessions,
    turnSeconds: options.turnSeconds,
    byHand: options.byHand,
    stakeMicrosMax: options.stakeMicrosMax,
    ...(options.capabilities ? { capabilities: options.capabilities } : {}),
    client: `linkedclaw-cli/${cli.version}`,
    onState(state) {
      tell(cli, state);
      status.set(state);
    },
    onError: (error, { runId }) => say("work_failed", { id: runId, reason: String(error) }),
    handlers: servingHandlers({ ...options, handler, tell: say }),
  });
  terminal.event("provider_running", {
    slug: options.slug,
    agent_id: options.agentId,
    pid: process.pid,
    concurrency: options.concurrency,
    per_requester: options.perRequester,
    sessions: options.sessions,
    by_hand: options.byHand,
    gig_tasks: options.takesTasks,
  });
  const ignoreSignals = stopOnSignal(cli, connection);
  const { closing, reason } = await connection.stopped;
  ignoreSignals();
  await handler.close();
  await status.close();
  if (hopeless !== undefined) throw hopeless;
  if (closing !== "goodbye") throw rejected(closing, reason);
  terminal.event("stopped", { slug: options.slug });
}

async function openHandler(
  cli: Cli,
  { handler: choice, key, offered }: DaemonOptions,
  told: HandlerEvents,
): Promise<Handler> {
  switch (choice.kind) {
    case "http":
      return httpHandler(choice.url);
    case "cmd":
      return cmdHandler({ command: choice.command, ...told });
    case "acp": {
      if (isUnconfined(choice.permissions, choice.command)) warnOfUnconfined(cli, choice);
      // What it loads is of no use to the others.
      const { acpHandler } = await import("./handler-acp.ts");
      const env = agentEnvironment(cli.env, choice.envNames, key);
      return acpHandler({ ...choice, ...told, env, key, offered, version: cli.version });
    }
  }
}

function warnOfUnconfined(cli: Cli, { permissions }: { readonly permissions: string }): void {
  const message =
    `--acp-permissions ${permissions}: who hires this agent writes what it reads, and it may use ` +
    "this machine as you may. Start it in a sandbox: srt, bwrap, docker run …";
  cli.terminal.event("warning", { code: "acp_unconfined", message });
}

function tell(cli: Cli, state: ProviderState): void {
  if (state.kind === "online") cli.terminal.event("connected", { epoch: state.epoch });
  if (state.kind === "waiting") {
    cli.terminal.event("disconnected", { reason: state.reason, retry_in_ms: state.retryInMs });
  }
}

/** Keeps the status file. Writes follow one another, so that an older one never lands last. */
function createStatus(
  cli: Cli,
  { slug, agentId }: DaemonOptions,
  connected: () => ProviderConnection | undefined,
) {
  const directory = providersDirectory(cli);
  const startedAt = new Date().toISOString();
  let wsState = "connecting";
  let lastError: string | null = null;
  let written = Promise.resolve();
  const write = () => {
    written = written
      .then(() =>
        writeStatus(directory, slug, {
          pid: process.pid,
          agent_id: agentId,
          started_at: startedAt,
          updated_at: new Date().toISOString(),
          ws_state: wsState,
          active_sessions: connected()?.sessions ?? 0,
          in_flight: connected()?.running ?? 0,
          last_error: lastError,
        }),
      )
      // A full disk must not stop the work.
      .catch((error: unknown) => cli.terminal.event("status_unwritten", { reason: String(error) }));
  };
  const timer = setInterval(write, STATUS_EVERY_MS);
  write();
  return {
    set(state: ProviderState) {
      wsState = state.kind;
      if (state.kind === "waiting") lastError = state.reason;
      if (state.kind === "stopped" && state.closing !== "goodbye") lastError = state.reason;
      if (state.kind === "online") lastError = null;
      write();
    },
    async close() {
      clearInterval(timer);
      await written;
    },
  };
}

function stopOnSignal(cli: Cli, connection: ProviderConnection): () => void {
  let stoppingMs: number | undefined;
  const stop = (signal: NodeJS.Signals) => {
    const nowMs = performance.now();
    if (stoppingMs !== undefined) {
      if (nowMs - stoppingMs > SAME_SIGNAL_MS) process.exit(1);
      return;
    }
    stoppingMs = nowMs;
    cli.terminal.event("stopping", { signal, in_flight: connection.running, drain_ms: DRAIN_MS });
    void connection.stop({ drainMs: DRAIN_MS });
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  return () => {
    process.off("SIGTERM", stop);
    process.off("SIGINT", stop);
  };
}

/** The server's reason in this wire's words. */
function rejected(closing: LinkClosing, reason: string): Failure {
  const words: Partial<Record<LinkClosing, string>> = {
    unauthenticated: "invalid_api_key",
    forbidden: "not_owner",
    not_found: "listing_not_found",
  };
  return new Failure(words[closing] ?? closing, `The server ended the connection: ${reason}`, {
    facts: { close_code: LINK_CLOSINGS[closing].code },
  });
}
