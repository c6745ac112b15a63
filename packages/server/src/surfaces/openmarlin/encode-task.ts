/** Tasks as this wire tells them (contract §7.3). */
import { prefixed } from "@guildhall/protocol";
import type { TaskView } from "../../core/index.ts";
import { isObject } from "../shared/check.ts";

/** Of a share, so many digits are worth reading. */
const PROGRESS_STEPS = 100;

export function encodeTask(task: TaskView): object {
  const made = madeBy(task);
  return {
    task_id: prefixed("task", task.id),
    status: task.state,
    kind: task.kind,
    workspace_id: prefixed("ws", task.workspaceId),
    provider_id: task.providerSlug,
    created_at: task.createdAt.toISOString(),
    updated_at: task.updatedAt.toISOString(),
    started_at: task.startedAt?.toISOString() ?? null,
    completed_at: task.finishedAt?.toISOString() ?? null,
    error: task.fault ? `${task.fault.code}: ${task.fault.message}` : null,
    output: task.state === "succeeded" ? (made ?? task.output) : null,
    metadata: {
      ...(isObject(task.metadata) && task.metadata),
      ...(task.progress !== undefined && { progress: rounded(task.progress) }),
      ...made,
    },
  };
}

/** What was made, told in both places where clients look (contract §12, decision 17). */
function madeBy({ output, artifact }: TaskView): Readonly<Record<string, unknown>> | undefined {
  if (!isObject(output)) return undefined;
  const { file, ...facts } = output;
  const fileId = isObject(file) ? file.file_id : undefined;
  return {
    ...(artifact && { artifact_url: artifact.url, media_type: artifact.mime }),
    ...(fileId !== undefined && { media_id: fileId }),
    ...facts,
  };
}

function rounded(share: number): number {
  return Math.round(share * PROGRESS_STEPS) / PROGRESS_STEPS;
}
