/**
 * What is kept of a session between two commands, `sessions/<session_id>.json` (LinkedClaw contract
 * §9.3): the number of the last message sent, and how many events were read.
 *
 * The file is written whole or not at all, and only under the session's lock. It may be lost or be
 * behind: then the server says which number comes next, and events are read once more.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Cli } from "../../cli.ts";
import { configDirectory, FILE_MODE, makeDirectory } from "../../config/directory.ts";
import { Failure } from "../../failure.ts";
import { readIfThere, writeWhole } from "../../files.ts";
import { fieldsOf } from "../../server.ts";
import { withSessionLock } from "./lock.ts";

export interface SessionState {
  /** The number of the last message that was sent; 0 before the first. `undefined` where nobody knows. */
  readonly seq: number | undefined;
  /** The first event that was not read yet. */
  readonly offset: number;
}

/** A session's state, while nobody else can change it. */
export interface KeptState {
  /** As it is; where nothing is kept, as of somebody who read nothing. */
  readonly current: SessionState;
  save(state: SessionState): Promise<void>;
  /** The session is over. */
  forget(): Promise<void>;
}

const NOTHING_KEPT: SessionState = { seq: undefined, offset: 0 };
/** Ids are opaque, but one that names a file must be one name. */
const SESSION_ID = /^[A-Za-z0-9_-]{1,128}$/;

/** Does `work` with a session's state, one process at a time. */
export async function keepState<T>(
  cli: Cli,
  sessionId: string,
  work: (kept: KeptState) => Promise<T>,
): Promise<T> {
  const directory = join(configDirectory(cli.env), "sessions");
  const path = join(directory, `${requireSessionId(sessionId)}.json`);
  await makeDirectory(directory);
  return withSessionLock(directory, sessionId, async (lock) => {
    let current = await readState(path);
    return work({
      get current() {
        return current;
      },
      async save(state) {
        if (state.seq === current.seq && state.offset === current.offset) return;
        // Another command may have gone on from an older state while this one was stopped.
        if (!(await lock.isHeld())) return;
        const text = JSON.stringify({ session_id: sessionId, ...state });
        await writeWhole(path, `${text}\n`, FILE_MODE);
        current = state;
      },
      async forget() {
        await rm(path, { force: true });
        current = NOTHING_KEPT;
      },
    });
  });
}

/** Refuses what cannot be a session's id before anybody is asked. */
export function requireSessionId(text: string): string {
  if (SESSION_ID.test(text)) return text;
  throw new Failure("invalid_session_id", `"${text}" is no session's id.`, {
    hint: "They look like ses_…; linkedclaw sessions list shows yours.",
  });
}

async function readState(path: string): Promise<SessionState> {
  const { seq, offset } = fieldsOf(parsed(await readIfThere(path)));
  return {
    seq: isCount(seq) ? seq : undefined,
    offset: isCount(offset) ? offset : 0,
  };
}

/** A file that somebody spoilt is as good as none. */
function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "{}");
  } catch {
    return {};
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
