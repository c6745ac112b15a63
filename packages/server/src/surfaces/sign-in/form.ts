/**
 * Forms, and that it was our page that sent one. Each page's token is an HMAC over a random cookie
 * and the session, so that it is good for this browser and this person, and nothing is kept.
 */
import { createHmac } from "node:crypto";
import type { Context } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import { Fault } from "../../domain/fault.ts";
import { isSameDigest } from "../../lib/digest.ts";
import type { Random } from "../../lib/random.ts";
import { readText } from "../shared/json-body.ts";

/** The field that carries the token. */
export const TOKEN_FIELD = "csrf_token";

/** Our longest form is a few labels and amounts. */
const FORM_BYTES_MAX = 32 * 1024;
const COOKIE_BYTES = 16;
const COOKIE = /^[A-Za-z0-9_-]{22}$/;

export interface Forms {
  /** The token for a page shown to this person, or to nobody in particular. Sets the cookie where there is none. */
  token(c: Context, sessionId: string | undefined): string;
  /**
   * What was filled in.
   *
   * @throws {Fault} `forbidden` where another site's page may have sent it, or the page is old;
   * `unsupported_media_type`, `payload_too_large`
   */
  read(c: Context, sessionId: string | undefined): Promise<URLSearchParams>;
}

/** `secret`: for this alone. `isSecure`: whether the pages are served over HTTPS. */
export function createForms(secret: Uint8Array, random: Random, isSecure: boolean): Forms {
  // A browser takes a __Host- cookie from this very host only, not from a neighbouring subdomain.
  const cookieName = isSecure ? "__Host-guildhall-form" : "guildhall-form";
  const tokenOf = (cookie: string, sessionId: string | undefined) =>
    createHmac("sha256", secret)
      .update(`${cookie}\n${sessionId ?? ""}`)
      .digest();

  function cookieOf(c: Context): string | undefined {
    const cookie = getCookie(c, cookieName);
    return cookie !== undefined && COOKIE.test(cookie) ? cookie : undefined;
  }

  return {
    token(c, sessionId) {
      const known = cookieOf(c);
      const cookie = known ?? random.bytes(COOKIE_BYTES).toString("base64url");
      if (known === undefined) {
        setCookie(c, cookieName, cookie, {
          httpOnly: true,
          sameSite: "Lax",
          secure: isSecure,
          path: "/",
        });
      }
      return tokenOf(cookie, sessionId).toString("base64url");
    },

    async read(c, sessionId) {
      const type = c.req.header("content-type") ?? "";
      if (!/^application\/x-www-form-urlencoded\s*(?:;|$)/i.test(type)) {
        throw new Fault("unsupported_media_type", "This is not a form of ours.");
      }
      const form = new URLSearchParams(await readText(c, FORM_BYTES_MAX));
      const cookie = cookieOf(c);
      const shown = Buffer.from(form.get(TOKEN_FIELD) ?? "", "base64url");
      if (cookie === undefined || !isSameDigest(shown, tokenOf(cookie, sessionId))) {
        const message = "This form has grown old. Go back, reload the page and send it again.";
        throw new Fault("forbidden", message);
      }
      return form;
    },
  };
}
