/** Signing in with an account at another provider. */
import type { Context } from "hono";
import { Fault } from "../../domain/fault.ts";
import type { Auth } from "./auth.ts";
import { OIDC_ID } from "./auth-settings.ts";
import type { SignInOptions } from "./desk.ts";
import { passCookies } from "./people.ts";

export interface Provider {
  readonly id: "github" | "google" | typeof OIDC_ID;
  readonly name: string;
}

/** The providers that this server is configured for. */
export function providersOf(options: SignInOptions): readonly Provider[] {
  return [
    ...(options.github ? [{ id: "github", name: "GitHub" } as const] : []),
    ...(options.google ? [{ id: "google", name: "Google" } as const] : []),
    ...(options.oidc ? [{ id: OIDC_ID, name: options.oidc.name } as const] : []),
  ];
}

export function findProvider(options: SignInOptions, id: string): Provider | undefined {
  return providersOf(options).find((provider) => provider.id === id);
}

/** Where to send the person. Sets a cookie that the way back is checked against. Throws `overloaded`. */
export async function startAtProvider(
  auth: () => Promise<Auth>,
  c: Context,
  { id, name }: Provider,
  returnPath: string,
): Promise<string> {
  const back = { callbackURL: returnPath, errorCallbackURL: "/app/sign-in" };
  const call = { headers: c.req.raw.headers, returnHeaders: true } as const;
  const { api } = await auth();
  try {
    const { headers, response } =
      id === OIDC_ID
        ? await api.signInWithOAuth2({ ...call, body: { providerId: id, ...back } })
        : await api.signInSocial({ ...call, body: { provider: id, ...back } });
    passCookies(c, headers);
    if (response.url) return response.url;
  } catch (cause) {
    throw new Fault(
      "overloaded",
      `${name} cannot be reached just now.`,
      { retryAfterSeconds: 30 },
      { cause },
    );
  }
  throw new Error(`better-auth gave no address for ${id}`);
}
