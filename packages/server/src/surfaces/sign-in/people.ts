/** Who is signed in, by the session cookie. */
import type { Context } from "hono";
import type { Callers } from "../../core/index.ts";
import type { Caller } from "../../domain/caller.ts";
import type { Member } from "../../domain/member.ts";
import type { Auth } from "./auth.ts";

export interface Person {
  readonly member: Member;
  readonly caller: Caller;
  readonly sessionId: string;
}

/** Nobody is signed in where somebody has to be: leads to the sign-in page and back. */
export class SignInNeeded extends Error {
  override readonly name = "SignInNeeded";
}

export interface People {
  /** Throws `suspended`. */
  find(c: Context): Promise<Person | undefined>;
  /** Throws `SignInNeeded`, `suspended`. */
  require(c: Context): Promise<Person>;
  /** The session, whoever's it is: one who is suspended may still sign out. */
  sessionId(c: Context): Promise<string | undefined>;
}

export function createPeople(auth: () => Promise<Auth>, callers: Callers): People {
  async function findSession(c: Context) {
    // Most visitors without a cookie are programs and strangers; they cost no query.
    if (!c.req.header("cookie")?.includes("guildhall.session_token")) return undefined;
    const { headers, response } = await (await auth()).api.getSession({
      headers: c.req.raw.headers,
      returnHeaders: true,
    });
    // A session in use is prolonged, with a new cookie.
    passCookies(c, headers);
    return response?.session;
  }

  async function find(c: Context): Promise<Person | undefined> {
    const session = await findSession(c);
    if (!session) return undefined;
    const { member, caller } = await callers.ofMember(session.userId);
    return { member, caller, sessionId: session.id };
  }

  return {
    find,
    async require(c) {
      const person = await find(c);
      if (!person) throw new SignInNeeded();
      return person;
    },
    async sessionId(c) {
      return (await findSession(c))?.id;
    },
  };
}

/** Hands on the cookies that better-auth sets. */
export function passCookies(c: Context, headers: Headers): void {
  for (const cookie of headers.getSetCookie()) c.header("set-cookie", cookie, { append: true });
}
