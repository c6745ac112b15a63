/**
 * `/r/{code}`: somebody was told a member's code. A cookie remembers which and since when, signed so that
 * nobody can make themselves out to have come later than they did; whoever signs in afterwards, and
 * was no member before, has come by that code.
 */
import { createHmac } from "node:crypto";
import { type Context, Hono } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import type { Arrival, Referrals } from "../../core/index.ts";
import type { Clock } from "../../lib/clock.ts";
import { isSameDigest } from "../../lib/digest.ts";
import type { Log } from "../../lib/log.ts";
import type { Desk } from "./desk.ts";
import { canSignUp, SIGN_IN_PATH } from "./enter.ts";
import type { People, Person } from "./people.ts";

export type Visit = Pick<Arrival, "code" | "since">;

export interface Visits {
  /** Remembers the first code that this browser was told. */
  note(c: Context, visit: Visit): void;
  /** What was remembered, and forgets it. */
  take(c: Context): Visit | undefined;
}

const COOKIE = "guildhall-referral";
const VISIT_SECONDS = 30 * 86_400;

export function createVisits(secret: Uint8Array, isSecure: boolean): Visits {
  const digest = (text: string) => createHmac("sha256", secret).update(text).digest();

  function read(c: Context): Visit | undefined {
    const [code = "", sinceMs = "", signature = ""] = (getCookie(c, COOKIE) ?? "").split(".");
    const isOurs = isSameDigest(Buffer.from(signature, "base64url"), digest(`${code}.${sinceMs}`));
    return isOurs ? { code, since: new Date(Number(sinceMs)) } : undefined;
  }

  return {
    note(c, { code, since }) {
      if (read(c)) return;
      const text = `${code}.${since.getTime()}`;
      setCookie(c, COOKIE, `${text}.${digest(text).toString("base64url")}`, {
        ...{ httpOnly: true, sameSite: "Lax", secure: isSecure, path: "/" },
        maxAge: VISIT_SECONDS,
      });
    },
    take(c) {
      if (getCookie(c, COOKIE) === undefined) return undefined;
      const visit = read(c);
      deleteCookie(c, COOKIE, { path: "/", secure: isSecure });
      return visit;
    },
  };
}

export function referralRoutes(desk: Desk, visits: Visits): Hono {
  const routes = new Hono();
  const { core, options } = desk;
  routes.get("/r/:code", async (c) => {
    const code = c.req.param("code");
    if (await core.referrals.isKnown(code)) {
      visits.note(c, { code: code.toUpperCase(), since: options.clock.now() });
    }
    // A code that is nobody's keeps nobody out.
    return c.redirect(canSignUp(desk) ? "/app/sign-up" : SIGN_IN_PATH, 303);
  });
  return routes;
}

/** People as they are, each asked once by which code they came. */
export function withArrivals(
  people: People,
  visits: Visits,
  referrals: Pick<Referrals, "attribute">,
  { log }: { readonly clock: Clock; readonly log: Log },
): People {
  async function arrived<P extends Person | undefined>(c: Context, person: P): Promise<P> {
    const visit = person && visits.take(c);
    if (!person || !visit) return person;
    try {
      await referrals.attribute({ ...visit, came: person.member });
    } catch (error) {
      // Nobody's page fails for it.
      log.warn({ error }, "could not note who came by a code");
    }
    return person;
  }
  return {
    ...people,
    find: async (c) => arrived(c, await people.find(c)),
    require: async (c) => arrived(c, await people.require(c)),
  };
}
