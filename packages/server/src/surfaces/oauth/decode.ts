import type { Context } from "hono";
import { Fault } from "../../domain/fault.ts";
import { readText } from "../shared/json-body.ts";

/** A form of RFC 6749 is a handful of short values. */
const FORM_BYTES_MAX = 16 * 1024;

export interface TokenRequest {
  readonly grantType: string;
  readonly clientId: string;
  readonly code: string;
  readonly redirectUri: string;
  readonly codeVerifier: string;
  readonly deviceCode: string;
}

export interface DeviceRequest {
  readonly clientId: string;
  readonly scope: string;
  readonly label: string;
}

/** What is absent is empty here; what needs it refuses it. Throws `invalid_request` and the like. */
export async function decodeToken(c: Context): Promise<TokenRequest> {
  const form = await readForm(c);
  return {
    grantType: form.get("grant_type") ?? "",
    clientId: form.get("client_id") ?? "",
    code: form.get("code") ?? "",
    redirectUri: form.get("redirect_uri") ?? "",
    codeVerifier: form.get("code_verifier") ?? "",
    deviceCode: form.get("device_code") ?? "",
  };
}

export async function decodeDevice(c: Context): Promise<DeviceRequest> {
  const form = await readForm(c);
  return {
    clientId: form.get("client_id") ?? "",
    scope: form.get("scope") ?? "",
    label: form.get("device_label") ?? "",
  };
}

/** Refuses an absent or empty value. Throws `invalid_request`. */
export function required(value: string, field: string): string {
  if (value !== "") return value;
  throw new Fault("invalid_request", `${field} is missing.`, { field });
}

async function readForm(c: Context): Promise<URLSearchParams> {
  const type = c.req.header("content-type") ?? "";
  if (!/^application\/x-www-form-urlencoded\s*(?:;|$)/i.test(type)) {
    const message = "Send the body as application/x-www-form-urlencoded.";
    throw new Fault("unsupported_media_type", message);
  }
  const form = new URLSearchParams(await readText(c, FORM_BYTES_MAX));
  // RFC 6749 §3.2: two readers of a repeated value could each believe another one.
  const names = [...form.keys()];
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated === undefined) return form;
  throw new Fault("invalid_request", "A parameter is repeated.", { field: repeated });
}
