/** What a command needs to ask a server: settings, the server, and the key if there is one. */
import { messageOf } from "../failure.ts";
import type { JsonObject } from "./json.ts";
import { type Key, type KeyPlace, requireKey, warnOfOtherOrigin } from "./key.ts";
import { findOrigin, type Origin } from "./origin.ts";
import type { Output } from "./output.ts";
import type { Surroundings } from "./program.ts";
import { Settings } from "./settings.ts";
import { stateDirectory } from "./state-file.ts";
import { type Call, type Reply, Wire } from "./wire.ts";

export class Client {
  readonly settings: Settings;
  readonly origin: Origin;
  readonly wire: Wire;
  readonly output: Output;
  readonly #place: KeyPlace;
  readonly #flag: string | undefined;
  #key: Key | undefined;

  constructor({ flags, env, output }: Surroundings) {
    this.settings = new Settings(env);
    this.origin = findOrigin(this.settings, flags.text("server-url"));
    this.wire = new Wire(this.origin, this.settings);
    this.output = output;
    this.#flag = flags.text("api-key");
    this.#place = { agentId: flags.required("agent-id"), profileId: flags.required("profile-id") };
  }

  /** Where this agent's files are. */
  get directory(): string {
    return stateDirectory(this.settings, this.#place.agentId);
  }

  /** The key. Fails where there is none. */
  get key(): Key {
    if (this.#key) return this.#key;
    const key = requireKey(this.settings, this.#place, this.#flag);
    this.output.keepSecret(key.secret);
    warnOfOtherOrigin(key, this.origin, this.output);
    this.#key = key;
    return key;
  }

  /** Sends a request with the key. Any answer that comes is given. */
  call(call: Omit<Call, "secret">): Promise<Reply> {
    return this.wire.call({ ...call, secret: this.key.secret });
  }

  /** What a dry run tells of the key. */
  aboutKey(): { readonly api_key_source: string | null; readonly api_key_error: string | null } {
    try {
      return { api_key_source: this.key.source, api_key_error: null };
    } catch (error) {
      return { api_key_source: null, api_key_error: messageOf(error) };
    }
  }
}

/** The beginning of what a failed request is told as with `--json`. */
export function refused(reply: Reply, key: Key): JsonObject {
  return {
    ok: false,
    status: reply.status,
    api_key_source: key.source,
    response: reply.json ?? reply.text,
  };
}
