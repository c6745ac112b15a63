/**
 * Tasks that were submitted from this machine (contract §3.2, `task-state.json`). A task is written down
 * before it is sent: whoever sends the same again shortly after, because the answer was lost, sends it
 * under the same key, and the server does it once.
 */
import { createHash } from "node:crypto";
import { fieldsOf, type Json, type JsonObject, textOf } from "./json.ts";
import { canonicalJson } from "./json-text.ts";
import { StateFile } from "./state-file.ts";

export interface Request {
  readonly serverUrl: string;
  readonly secret: string;
  /** Normalised, without its idempotency key. */
  readonly body: JsonObject;
}

export class Submissions {
  readonly #file: StateFile;

  constructor(directory: string) {
    this.#file = new StateFile(directory, "task-state.json", "submissions");
  }

  /** The key of the same request, where it was seen less than `windowSeconds` ago. */
  recentKey(request: Request, windowSeconds: number, now: Date): string | undefined {
    const entries = this.#file.entries();
    const name = nameOf(request);
    const found = fieldsOf(Object.hasOwn(entries, name) ? entries[name] : undefined);
    const seenAt = Date.parse(textOf(found.last_seen_at) ?? "");
    const ageSeconds = (now.getTime() - seenAt) / 1000;
    return ageSeconds <= windowSeconds && windowSeconds > 0
      ? textOf(found.idempotency_key)
      : undefined;
  }

  /** Writes down a request that is about to be sent. */
  begin(request: Request, idempotencyKey: string, now: Date): void {
    const { serverUrl, secret, body } = request;
    const at = now.toISOString();
    const submission = {
      server_url: serverUrl,
      api_key_fingerprint: fingerprintOfKey(secret),
      request_fingerprint: fingerprintOf(request),
      idempotency_key: idempotencyKey,
      kind: body.kind,
      status: "submitting",
      prompt: fieldsOf(body.input).prompt,
      recorded_at: at,
      last_seen_at: at,
    };
    this.#file.change((entries) => ({ ...entries, [nameOf(request)]: submission }));
  }

  /** Writes down what became of a request. */
  accepted(request: Request, taskId: string, status: string, now: Date): void {
    this.#file.change((entries) => {
      const name = nameOf(request);
      return { ...entries, [name]: { ...fieldsOf(entries[name]), ...seen(taskId, status, now) } };
    });
  }

  /** Writes down how a task stands, where it was submitted from here. */
  sighted(serverUrl: string, taskId: string, status: string, now: Date): void {
    const isIt = (value: Json | undefined) => {
      const { task_id, server_url } = fieldsOf(value);
      return task_id === taskId && server_url === serverUrl;
    };
    if (!Object.values(this.#file.entries()).some(isIt)) return;
    this.#file.change((entries) =>
      Object.fromEntries(
        Object.entries(entries).map(([name, value]) => [
          name,
          isIt(value) ? { ...fieldsOf(value), ...seen(taskId, status, now) } : value,
        ]),
      ),
    );
  }
}

function seen(taskId: string, status: string, now: Date): JsonObject {
  return { task_id: taskId, status, last_seen_at: now.toISOString() };
}

function nameOf(request: Request): string {
  return [request.serverUrl, fingerprintOfKey(request.secret), fingerprintOf(request)].join("|");
}

export function fingerprintOfKey(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** The same request to the same server by the same key has the same one, in Python as well. */
export function fingerprintOf({ serverUrl, secret, body }: Request): string {
  const said = [serverUrl, fingerprintOfKey(secret), canonicalJson(body)].join("\n");
  return createHash("sha256").update(said).digest("hex");
}
