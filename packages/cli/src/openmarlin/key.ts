/** The key of the platform: where it is kept, and which one is used. */
import { Failure } from "../failure.ts";
import { fieldsOf, type JsonObject, textOf } from "./json.ts";
import { isSameOrigin, type Origin } from "./origin.ts";
import type { Output } from "./output.ts";
import type { Settings } from "./settings.ts";
import { StateFile, stateDirectory } from "./state-file.ts";

export const PROFILE_BY_DEFAULT = "openmarlin-platform:default";
export const AGENT_BY_DEFAULT = "main";
const PROVIDER = "openmarlin-platform";

export interface Key {
  readonly secret: string;
  readonly source: string;
  /** What was known about it when it was stored; nothing of a key that was given by hand. */
  readonly metadata: JsonObject;
}

export interface KeyPlace {
  readonly agentId: string;
  readonly profileId: string;
}

/** The file that keys are in. */
export function keyFile(settings: Settings, agentId: string): StateFile {
  return new StateFile(stateDirectory(settings, agentId), "auth-profiles.json", "profiles");
}

/** The key to use: given by hand, or else stored. Fails where there is none, or one that is no key. */
export function requireKey(
  settings: Settings,
  { agentId, profileId }: KeyPlace,
  flag?: string,
): Key {
  const given = settings.find("OPENMARLIN_PLATFORM_API_KEY", flag);
  if (given) return { secret: checked(given.value), source: "env-or-flag", metadata: {} };
  const file = keyFile(settings, agentId);
  const profiles = file.entries();
  const profile = fieldsOf(Object.hasOwn(profiles, profileId) ? profiles[profileId] : undefined);
  const secret = profile.type === "api_key" ? textOf(profile.key)?.trim() : undefined;
  if (secret !== undefined) {
    const metadata = fieldsOf(profile.metadata);
    return { secret: checked(secret), source: `auth-profiles:${file.path}`, metadata };
  }
  makeIfMissing(file);
  throw new Failure(
    "missing_api_key",
    `There is no API key: neither OPENMARLIN_PLATFORM_API_KEY nor profile ${profileId} in ${file.path}. Register first: node scripts/registration_session.mjs create`,
  );
}

/** As the published client does. Where it cannot be made there is still no key in it. */
function makeIfMissing(file: StateFile): void {
  try {
    file.prepare();
  } catch {
    // That there is no key is what is said, right after this.
  }
}

/** A key travels in a header: anything that could end one is none. */
function checked(secret: string): string {
  if (/^[\x21-\x7e]+$/.test(secret)) return secret;
  throw new Failure("invalid_api_key", "The API key has characters in it that no key has.");
}

/** Says so where the key was made by another server than the one that is about to see it. */
export function warnOfOtherOrigin(key: Key, origin: Origin, output: Output): void {
  const madeBy = textOf(key.metadata.server_url);
  if (madeBy === undefined || isSameOrigin(madeBy, origin.url)) return;
  output.note(
    `Warning: the stored key was issued by ${madeBy}, and is sent to ${origin.url} (${origin.source}).`,
  );
}

/** Stores a key in place of the one before; other profiles stay. Texts that are empty are left out. */
export function storeKey(
  file: StateFile,
  profileId: string,
  secret: string,
  metadata: JsonObject,
): void {
  const known = Object.entries(metadata).filter(([, value]) => textOf(value) !== undefined);
  const profile = {
    type: "api_key",
    provider: PROVIDER,
    key: secret,
    metadata: Object.fromEntries(known),
  };
  file.change((profiles) => ({ ...profiles, [profileId]: profile }));
}
