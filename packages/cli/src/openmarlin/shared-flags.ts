/** Flags that several commands have (contract §10). */
import type { Flag, FlagTable } from "./flags.ts";
import { AGENT_BY_DEFAULT, PROFILE_BY_DEFAULT } from "./key.ts";

export const SERVER_URL: Flag = { value: "URL", about: "the server, a bare origin" };

/** Of each command of every program. */
export const SPEAKING = {
  json: { about: "print one JSON object" },
  "dry-run": { about: "look whether the server is there, and do nothing else" },
} satisfies FlagTable;

/** Where a key is kept. */
export const KEY_PLACE = {
  "profile-id": {
    value: "ID",
    about: "the auth profile",
    isRequired: false,
    otherwise: PROFILE_BY_DEFAULT,
  },
  "agent-id": { value: "ID", about: "the OpenClaw agent", otherwise: AGENT_BY_DEFAULT },
} satisfies FlagTable;

/** Of each command that shows a key. */
export const WITH_KEY = {
  "server-url": SERVER_URL,
  "api-key": { value: "KEY", about: "instead of the stored key, for debugging" },
  ...KEY_PLACE,
  ...SPEAKING,
} satisfies FlagTable;

/** How often to look, and for how long. */
export function pollFlags(timeoutSeconds: string): FlagTable {
  return {
    "interval-seconds": {
      value: "S",
      about: "between two looks",
      number: { min: 0 },
      otherwise: "2.0",
    },
    "timeout-seconds": {
      value: "S",
      about: "how long to look",
      number: { min: 0 },
      otherwise: timeoutSeconds,
    },
  };
}
