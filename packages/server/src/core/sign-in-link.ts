/**
 * Sign-in links: how a person without a password, or who forgot it, proves an e-mail address.
 *
 *   1. A link is made: for whoever asks (it is mailed) or by the operator (it is also returned).
 *   2. Opening it shows a page and changes nothing: mail programs open links to look at them.
 *   3. Using it admits the person and uses up every other link to the same address.
 */
import { Fault } from "../domain/fault.ts";
import type { Member } from "../domain/member.ts";
import {
  isUsable,
  LINK_SECONDS,
  type LinkPurpose,
  type SignInLink,
} from "../domain/sign-in-link.ts";
import type { Clock } from "../lib/clock.ts";
import { sha256 } from "../lib/digest.ts";
import type { Log } from "../lib/log.ts";
import { newId, type Random } from "../lib/random.ts";
import type { Database } from "../store/database.ts";
import {
  findSignInLink,
  insertSignInLink,
  lockSignInLink,
  useSignInLinks,
} from "../store/sign-in-link.ts";
import type { Attempts } from "./attempt.ts";
import { type Members, requireEmail } from "./member.ts";
import type { Mailer } from "./ports.ts";

export interface SignInLinks {
  /** Whether links can be mailed: whether a person can ask for one. */
  readonly canMail: boolean;
  /**
   * Mails a link to whoever may come in by it. Says nothing of whether it did, so that nobody learns
   * who is a member; the mail itself goes out after this has returned.
   *
   * @throws {Fault} `invalid_request`, `rate_limited`
   */
  request(email: string, purpose: "join" | "reset", network: string): Promise<void>;
  /** For the operator: a link that lets this person in, mailed too where that is possible. */
  invite(email: string): Promise<{ url: string; expiresAt: Date; isMailed: boolean }>;
  /** The link of a token, while it can be used. */
  find(token: string): Promise<SignInLink | undefined>;
  /** Lets the person in. Throws `not_found` where the link was used or has expired, `forbidden`. */
  use(token: string): Promise<Member>;
}

interface Dependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly members: Members;
  readonly attempts: Attempts;
  /** `undefined` where no mail server is configured: then only the operator hands links out. */
  readonly mailer: Mailer | undefined;
  /** Where the pages show a link. */
  readonly urlOf: (token: string) => string;
}

const TOKEN_BYTES = 32;

export function createSignInLinks(deps: Dependencies): SignInLinks {
  const { database, clock, members, attempts, mailer } = deps;

  async function findUsable(token: string): Promise<SignInLink | undefined> {
    const link = await findSignInLink(database, sha256(token));
    return link && isUsable(link, clock.now()) ? link : undefined;
  }

  return {
    canMail: mailer !== undefined,

    async request(text, purpose, network) {
      if (!mailer) throw new Fault("forbidden", "This server cannot send mail.");
      const email = requireEmail(text);
      await attempts.take("link-by-address", network);
      await attempts.take("link-by-email", email);
      // Not waited for: how long it takes would tell who is a member.
      mailLink(deps, mailer, email, purpose).catch((error: unknown) => {
        deps.log.error({ error, purpose }, "could not send a sign-in link");
      });
    },

    async invite(text) {
      const email = requireEmail(text);
      const { url, link } = await makeLink(deps, email, "invite");
      return { url, expiresAt: link.expiresAt, isMailed: await tryToMail(deps, email, url) };
    },

    find: findUsable,

    async use(token) {
      const link = await findUsable(token);
      if (!link) throw linkIsOver();
      // Before the link is used up: an invitation is what admits a person who is invited.
      const member = await members.admit(link.email);
      await database.transaction(async (tx) => {
        const locked = await lockSignInLink(tx, sha256(token));
        const at = clock.now();
        if (!locked || !isUsable(locked, at)) throw linkIsOver();
        await useSignInLinks(tx, locked.email, at);
      });
      return member;
    },
  };
}

async function makeLink(
  { database, clock, random, urlOf }: Dependencies,
  email: string,
  purpose: LinkPurpose,
): Promise<{ url: string; link: SignInLink }> {
  const token = random.bytes(TOKEN_BYTES).toString("base64url");
  const createdAt = clock.now();
  const link: SignInLink = {
    id: newId(clock, random),
    email,
    purpose,
    createdAt,
    expiresAt: new Date(createdAt.getTime() + LINK_SECONDS[purpose] * 1000),
    usedAt: undefined,
  };
  await insertSignInLink(database, link, sha256(token));
  return { url: urlOf(token), link };
}

async function mailLink(
  deps: Dependencies,
  mailer: Mailer,
  email: string,
  purpose: LinkPurpose,
): Promise<void> {
  if (!(await deps.members.wouldAdmit(email))) return;
  const { url } = await makeLink(deps, email, purpose);
  await mailer.send({ to: email, ...wordsOf(purpose, url) });
}

/** Whether an invitation was mailed. Where it was not, the operator still has the link. */
async function tryToMail({ mailer, log }: Dependencies, email: string, url: string) {
  if (!mailer) return false;
  try {
    await mailer.send({ to: email, ...wordsOf("invite", url) });
    return true;
  } catch (error) {
    log.error({ error }, "could not mail an invitation");
    return false;
  }
}

function wordsOf(purpose: LinkPurpose, url: string): { subject: string; text: string } {
  const { subject, lead } = WORDS[purpose];
  const text = [
    lead,
    "",
    url,
    "",
    `The link works once, and for ${LINK_SECONDS[purpose] >= 86_400 ? "seven days" : "an hour"}.`,
    "If you did not expect this mail, you can ignore it: nothing happens.",
    "",
  ].join("\n");
  return { subject, text };
}

const WORDS: Readonly<Record<LinkPurpose, { subject: string; lead: string }>> = {
  join: {
    subject: "Finish signing up to Guildhall",
    lead: "Open this link to choose a password and finish signing up:",
  },
  invite: {
    subject: "You are invited to Guildhall",
    lead: "You have been invited. Open this link to choose a password and sign in:",
  },
  reset: {
    subject: "Choose a new password for Guildhall",
    lead: "Open this link to choose a new password:",
  },
};

function linkIsOver(): Fault<"not_found"> {
  return new Fault("not_found", "This link was used already, or has expired. Ask for a new one.", {
    kind: "sign-in link",
    id: "",
  });
}
