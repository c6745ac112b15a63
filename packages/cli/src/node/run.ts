/** The life of a node: it runs in the foreground, for a supervisor to keep, and tells what happens. */
import type { Cli } from "../cli.ts";
import { Failure } from "../failure.ts";
import { NodeConnection, type NodeDescription, NodeRejected } from "./connection.ts";
import type { Runner, RunnerChoice } from "./runner.ts";
import { cmdRunner } from "./runner-cmd.ts";
import { upstreamRunner } from "./runner-upstream.ts";

/** Time that running work has to finish. */
const DRAIN_MS = 5_000;

/** Runs until it is stopped. Rejects where the server or the handler makes it pointless to go on. */
export async function runNode(
  cli: Cli,
  options: {
    readonly url: string;
    readonly key: string;
    readonly description: NodeDescription;
    readonly runner: RunnerChoice;
  },
): Promise<void> {
  const { url, key, description } = options;
  const onEvent = (event: string, facts: Readonly<Record<string, unknown>>) =>
    cli.terminal.event(event, facts);
  let hopeless: Failure | undefined;
  let connection: NodeConnection | undefined;
  const runner = openRunner(options.runner, {
    onEvent,
    onHopeless(failure) {
      hopeless = failure;
      void connection?.stop(0);
    },
  });
  connection = new NodeConnection({ url, key, description, runner, onEvent });
  const { provider_id, models, max_concurrency } = description;
  cli.terminal.event("node_running", {
    ...{ provider_id, models, concurrency: max_concurrency, pid: process.pid },
  });
  const stop = (signal: NodeJS.Signals) => {
    cli.terminal.event("stopping", { signal, in_flight: connection.running, drain_ms: DRAIN_MS });
    void connection.stop(DRAIN_MS);
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  try {
    await connection.run();
  } catch (error) {
    if (!(error instanceof NodeRejected)) throw error;
    throw new Failure(WORDS[error.code] ?? error.code, `The server refused: ${error.message}`);
  } finally {
    process.off("SIGTERM", stop);
    process.off("SIGINT", stop);
    await runner.close();
  }
  if (hopeless !== undefined) throw hopeless;
  cli.terminal.event("stopped", { provider_id });
}

/** The server's reasons in the words of our other commands. */
const WORDS: Readonly<Record<string, string>> = {
  unauthenticated: "invalid_api_key",
  forbidden: "not_owner",
};

function openRunner(choice: RunnerChoice, told: Parameters<typeof cmdRunner>[1]): Runner {
  return choice.kind === "cmd" ? cmdRunner(choice.command, told) : upstreamRunner(choice);
}
