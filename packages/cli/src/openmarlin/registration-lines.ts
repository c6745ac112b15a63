/** A registration and its key, for people (contract §10.1). */
import { fieldsOf, type JsonObject, textOf } from "./json.ts";
import { type Output, wordOf } from "./output.ts";
import { shellWord } from "./own-script.ts";
import type { IssuedKey, Registration } from "./registration.ts";

export interface StoredKey {
  readonly auth_store_path: string;
  readonly profile_id: string;
  readonly agent_id: string;
}

export function printSession(output: Output, { told, state }: Registration): void {
  const { type, device_code, callback_state, authorization_url } = fieldsOf(told.handoff);
  output.field("Session ID", told.registration_session_id);
  output.field("State", told.state);
  output.field("Auth flow", told.auth_flow);
  output.field("Provider", told.provider);
  output.field("Created at", told.created_at);
  output.field("Expires at", told.expires_at);
  output.field("Handoff type", type);
  if (device_code) output.field("Device code", device_code);
  if (callback_state) output.field("Callback state", callback_state);
  const isPending = state === "pending_external_auth";
  if (authorization_url) output.field("Browser URL", authorization_url);
  else if (isPending) output.line("Browser URL: <none given by the server>");
  if (told.completion) printCompletion(output, fieldsOf(told.completion));
  else if (isPending) output.line("Waiting for the approval in the browser.");
}

function printCompletion(output: Output, completion: JsonObject): void {
  const identity = fieldsOf(completion.provider_identity);
  output.line("Completion:");
  output.field("  Account ID", completion.account_id);
  output.field("  New account", completion.is_new_account);
  output.field("  Workspace ID", fieldsOf(completion.workspace).workspace_id);
  output.line(`  Workspace: ${workspaceWords(completion)}`);
  output.field("  Provider", identity.provider);
  output.field("  Provider subject", identity.provider_subject);
  if (identity.primary_email) output.field("  Primary email", identity.primary_email);
  output.field("  Credential bootstrap", fieldsOf(completion.credential_bootstrap).status);
}

function workspaceWords(completion: JsonObject): string {
  const { display_name, slug } = fieldsOf(completion.workspace);
  return `${wordOf(display_name)} (${wordOf(slug)})`;
}

/** A key. Its secret is whole only where it was not stored: then this is the one copy of it. */
export function printIssued(
  output: Output,
  registration: Registration,
  { told, secret }: IssuedKey,
  stored?: StoredKey,
): void {
  const completion = fieldsOf(registration.told.completion);
  const key = fieldsOf(told.api_key);
  output.line(`Session ID: ${registration.id}`);
  output.field("Account ID", completion.account_id);
  output.line(`Workspace: ${workspaceWords(completion)}`);
  output.field("Key ID", key.key_id);
  output.field("Workspace ID", key.workspace_id);
  output.field("Status", key.status);
  output.field("Label", key.label);
  output.field("Created at", key.created_at);
  output.field("Last used at", key.last_used_at);
  output.field("Secret", secret);
  if (stored) {
    output.line("Stored:");
    output.line(`  Auth store: ${stored.auth_store_path}`);
    output.line(`  Profile ID: ${stored.profile_id}`);
    output.line(`  Agent ID: ${stored.agent_id}`);
  } else if (textOf(secret) !== undefined) {
    output.line("Export:");
    output.line(`  export OPENMARLIN_PLATFORM_API_KEY=${shellWord(secret ?? "")}`);
  }
}
