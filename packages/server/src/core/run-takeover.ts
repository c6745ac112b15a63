/** Says which process drives a run. The version that this raises fences whoever drove it before. */
import { decideRun, type Run } from "../domain/run.ts";
import type { RunContext } from "./run-context.ts";

/** The run as it is now, or `undefined` when it ended or another process was faster. */
export async function handOver(
  context: RunContext,
  run: Run,
  processId: string,
): Promise<Run | undefined> {
  const { work, steps } = decideRun(run, "adopt", processId);
  const committed = await context.ledger.commit({ keyId: undefined, work, steps });
  if (!committed.ok) return undefined;
  return { ...run, version: committed.version, processId };
}

/** Makes this process the one that drives the run. */
export function takeOver(context: RunContext, run: Run): Promise<Run | undefined> {
  return handOver(context, run, context.processId);
}
