/**
 * What an agent that we spawned may do when it asks (LinkedClaw contract §8). Nobody sits there to be
 * asked, and who wrote the prompt is a stranger: the mode that the provider chose answers.
 */
import type { RequestPermissionRequest, RequestPermissionResponse } from "@agentclientprotocol/sdk";
import { Failure } from "../../failure.ts";
import { fieldsOf } from "../../server.ts";

export const PERMISSION_MODES = ["reject-all", "allow-reads", "allow-all"] as const;
export type PermissionMode = (typeof PERMISSION_MODES)[number];

/** Names under which well-known agents offer tools that only read this machine's files. */
const READING: ReadonlySet<string> = new Set([
  ...["Read", "Glob", "Grep", "LS", "NotebookRead"],
  ...["read_file", "read_many_files", "list_directory", "glob", "search_file_content"],
  ...["read", "grep", "list"],
]);

/** Programs that keep what they start from the rest of the machine. */
const SANDBOX =
  /^\s*(?:srt|bwrap|firejail|nsjail|sandbox-exec|(?:docker|podman|nerdctl)\s+(?:container\s+)?run)(?:\s|$)/;

export function permissionMode(text: string): PermissionMode {
  const mode = PERMISSION_MODES.find((one) => one === text);
  if (mode !== undefined) return mode;
  throw new Failure("config_error", `invalid --acp-permissions: ${text}`, {
    exitCode: 2,
    hint: `It is one of ${PERMISSION_MODES.join(", ")}.`,
  });
}

/** Whether an agent started by `command` could do to this machine whatever it is allowed to. */
export function isUnconfined(mode: PermissionMode, command: string): boolean {
  return mode !== "reject-all" && !SANDBOX.test(command);
}

/** The name of a tool, from what an agent says of a call; never its title or kind. */
export function toolNameOf(call: Readonly<Record<string, unknown>>): string | undefined {
  const name = call.name ?? fieldsOf(fieldsOf(call._meta).claudeCode).toolName;
  return typeof name === "string" ? name : undefined;
}

/** The answer to an agent that asks. `toolName` is what it called the tool when it announced the call. */
export function permissionAnswer(
  mode: PermissionMode,
  { toolCall, options }: RequestPermissionRequest,
  toolName: string | undefined,
): RequestPermissionResponse {
  const name = toolNameOf(toolCall) ?? toolName;
  const isAllowed =
    mode === "allow-all" || (mode === "allow-reads" && name !== undefined && READING.has(name));
  // Once is asked about again; for ever might cover more than what was asked.
  const kinds = isAllowed ? ["allow_once"] : ["reject_once", "reject_always"];
  if (mode === "allow-all") kinds.push("allow_always");
  for (const kind of kinds) {
    const option = options.find((one) => one.kind === kind);
    if (option) return { outcome: { outcome: "selected", optionId: option.optionId } };
  }
  return { outcome: { outcome: "cancelled" } };
}
