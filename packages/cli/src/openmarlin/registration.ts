/** A registration (contract §4): started here, approved by a person in a browser, fetched as a key. */
import { Failure } from "../failure.ts";
import { fieldsOf, isObject, type JsonObject, textOf } from "./json.ts";
import { segment, type Wire } from "./wire.ts";

export type AuthFlow = "device" | "workos_callback";

export interface Registration {
  readonly id: string;
  readonly state: string;
  /** As the server told it. */
  readonly told: JsonObject;
}

/** A key, as the server told it, and its secret if it told one. */
export interface IssuedKey {
  readonly told: JsonObject;
  readonly secret: string | undefined;
}

const SESSIONS = "/v1/registration/sessions";
/** The only identity provider that the wire knows. */
const PROVIDER = "workos";

export async function startRegistration(wire: Wire, flow: string): Promise<Registration> {
  const body = { provider: PROVIDER, auth_flow: flow };
  return registrationOf(await wire.ask({ method: "POST", path: SESSIONS, body }));
}

export async function findRegistration(wire: Wire, id: string): Promise<Registration> {
  return registrationOf(await wire.ask({ method: "GET", path: `${SESSIONS}/${segment(id)}` }));
}

function registrationOf(told: JsonObject): Registration {
  const { registration_session_id: id, state } = told;
  if (textOf(id) !== undefined && textOf(state) !== undefined) {
    return { id: String(id), state: String(state), told };
  }
  throw new Failure(
    "bad_response",
    "The answer is no registration session: it has no registration_session_id and state.",
  );
}

/** Nothing more happens to it. */
export function isOver({ state }: Registration): boolean {
  return state === "completed" || state === "expired";
}

/** Fetches the key of a registration that is completed, with the proof that the session tells. */
export async function issueKey(
  wire: Wire,
  registration: Registration,
  label: string,
): Promise<IssuedKey> {
  if (registration.state !== "completed") {
    throw new Failure(
      "registration_not_completed",
      `The registration is ${registration.state}; a key is issued once it is completed.`,
    );
  }
  const told = await wire.ask({
    method: "POST",
    path: `${SESSIONS}/${segment(registration.id)}/api-keys`,
    body: { ...proofOf(registration), ...(label.trim() !== "" && { label: label.trim() }) },
  });
  if (!isObject(told.api_key)) {
    throw new Failure("bad_response", "The answer has no api_key: no key can be told from it.");
  }
  return { told, secret: textOf(told.secret)?.trim() };
}

function proofOf({ told }: Registration): JsonObject {
  const { type, device_code: code, callback_state: state } = fieldsOf(told.handoff);
  if (type !== "browser" && textOf(code) !== undefined) return { device_code: code };
  if (textOf(state) !== undefined) return { callback_state: state };
  throw new Failure(
    "bad_response",
    "The registration session tells no proof to fetch the key with.",
  );
}

/** What is kept beside a stored key. */
export function metadataOf(
  { told }: Registration,
  issued: IssuedKey,
  serverUrl: string,
): JsonObject {
  const completion = fieldsOf(told.completion);
  const workspace = fieldsOf(completion.workspace);
  const { key_id, workspace_id, created_at, label, status } = fieldsOf(issued.told.api_key);
  return {
    server_url: serverUrl,
    ...{ key_id, workspace_id, created_at, label, status },
    account_id: completion.account_id,
    workspace_slug: workspace.slug,
    workspace_display_name: workspace.display_name,
  };
}
