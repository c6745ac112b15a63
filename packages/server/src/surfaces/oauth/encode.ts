import { prefixed } from "@guildhall/protocol";
import type { Redemption, StartedDevice } from "../../core/index.ts";

export const DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";

/** RFC 8414 metadata: where everything is. */
export function encodeMetadata(publicUrl: string) {
  return {
    issuer: publicUrl,
    authorization_endpoint: `${publicUrl}/oauth/authorize`,
    token_endpoint: `${publicUrl}/api/v1/oauth/token`,
    device_authorization_endpoint: `${publicUrl}/api/v1/oauth/device_authorization`,
    response_types_supported: ["code"],
    response_modes_supported: ["query"],
    grant_types_supported: ["authorization_code", DEVICE_GRANT],
    code_challenge_methods_supported: ["S256"],
    token_endpoint_auth_methods_supported: ["none"],
    scopes_supported: ["cli"],
  };
}

/** Keys last until they are revoked: there is no `expires_in`, and nothing to refresh. */
export function encodeToken({ secret, member }: Extract<Redemption, { outcome: "deliver" }>) {
  return {
    access_token: secret,
    token_type: "Bearer",
    user_id: prefixed("usr", member.workspaceId),
    handle: member.handle,
    scope: "cli",
  };
}

export function encodeDevice(device: StartedDevice, publicUrl: string, now: Date) {
  const page = `${publicUrl}/device`;
  return {
    device_code: device.deviceCode,
    user_code: device.userCode,
    verification_uri: page,
    verification_uri_complete: `${page}?user_code=${encodeURIComponent(device.userCode)}`,
    expires_in: Math.round((device.expiresAt.getTime() - now.getTime()) / 1000),
    interval: device.pollSeconds,
  };
}
