/** What we have -> this wire's words (OpenMarlin contract §4). */
import { prefixed } from "@guildhall/protocol";
import type { Registration } from "../../core/index.ts";
import type { Key } from "../../domain/key.ts";

/** The name of the identity provider on this wire. Here it is the server itself, whatever it asks a person for. */
const PROVIDER = "workos";

const STATES = {
  pending: "pending_external_auth",
  completed: "completed",
  expired: "expired",
} as const satisfies Record<Registration["state"], string>;

export function encodeRegistration(registration: Registration, publicUrl: string): object {
  const { sessionId, state, proof, createdAt, expiresAt } = registration;
  const isDevice = proof.kind === "device-code";
  return {
    registration_session_id: sessionId,
    state: STATES[state],
    auth_flow: isDevice ? "device" : "workos_callback",
    provider: PROVIDER,
    created_at: createdAt.toISOString(),
    expires_at: expiresAt.toISOString(),
    handoff: isDevice
      ? deviceHandoff(proof.value, publicUrl)
      : browserHandoff(proof.value, publicUrl),
    completion: encodeCompletion(registration),
  };
}

function deviceHandoff(code: string, publicUrl: string): object {
  return {
    type: "device",
    device_code: code,
    authorization_url: `${publicUrl}/device?user_code=${encodeURIComponent(code)}`,
  };
}

function browserHandoff(state: string, publicUrl: string): object {
  return {
    type: "browser",
    callback_state: state,
    authorization_url: `${publicUrl}/app/register?state=${encodeURIComponent(state)}`,
    redirect_uri: `${publicUrl}/device/done`,
  };
}

function encodeCompletion({ completion }: Registration): object | null {
  if (!completion) return null;
  const { member, isNewMember, isKeyIssued } = completion;
  return {
    account_id: prefixed("acct", member.id),
    is_new_account: isNewMember,
    workspace: {
      workspace_id: prefixed("ws", member.workspaceId),
      slug: member.handle,
      display_name: member.handle,
    },
    provider_identity: {
      provider: PROVIDER,
      provider_subject: prefixed("user", member.id),
      primary_email: member.email,
    },
    credential_bootstrap: { status: isKeyIssued ? "api_key_issued" : "pending_api_key_issue" },
  };
}

/** A key that was made just now, and its secret, which is told this once. */
export function encodeIssuedKey(key: Key, secret: string): object {
  return {
    api_key: {
      key_id: prefixed("key", key.id),
      workspace_id: prefixed("ws", key.workspaceId),
      status: "active",
      created_at: key.createdAt.toISOString(),
      last_used_at: key.lastUsedAt?.toISOString() ?? null,
      label: key.label,
    },
    secret,
  };
}
