/**
 * Which session of ours a host's conversation is, `acp-sessions/<acp_session_id>.json` (LinkedClaw
 * contract §3.1): so that a host that was closed can go on with it.
 */
import { join } from "node:path";
import type { Cli } from "../../cli.ts";
import { configDirectory, FILE_MODE, makeDirectory } from "../../config/directory.ts";
import { readIfThere, writeWhole } from "../../files.ts";
import { fieldsOf } from "../../server.ts";

export interface KeptConversation {
  readonly sessionId: string;
  readonly agentId: string;
  readonly capability: string;
}

/** Ids of ours; a host says them back, and they name files. */
const ACP_SESSION_ID = /^acp_[0-9a-f]{32}$/;

export async function keepConversation(
  cli: Cli,
  id: string,
  { sessionId, agentId, capability }: KeptConversation,
): Promise<void> {
  const directory = directoryOf(cli);
  await makeDirectory(directory);
  const kept = { acp_session_id: id, lc_session_id: sessionId, agent_id: agentId, capability };
  await writeWhole(join(directory, `${id}.json`), `${JSON.stringify(kept)}\n`, FILE_MODE);
}

/** What is kept of a conversation; `undefined` where there is none of that id. */
export async function findConversation(
  cli: Cli,
  id: string,
): Promise<KeptConversation | undefined> {
  if (!ACP_SESSION_ID.test(id)) return undefined;
  const text = await readIfThere(join(directoryOf(cli), `${id}.json`));
  if (text === undefined) return undefined;
  const { lc_session_id, agent_id, capability } = fieldsOf(JSON.parse(text));
  return {
    sessionId: String(lc_session_id),
    agentId: String(agent_id),
    capability: String(capability),
  };
}

function directoryOf(cli: Cli): string {
  return join(configDirectory(cli.env), "acp-sessions");
}
