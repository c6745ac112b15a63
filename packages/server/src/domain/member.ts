/** Members: the people who sign in. Each starts with a workspace, which owns a wallet and keys. */

export type MemberRole = "member" | "operator";

export interface Member {
  readonly id: string;
  readonly workspaceId: string;
  readonly email: string;
  /** Public and unique; the e-mail address is neither shown nor told. */
  readonly handle: string;
  readonly role: MemberRole;
  readonly createdAt: Date;
  /** Set while the operator keeps the member's workspace from doing anything. */
  readonly suspendedAt: Date | undefined;
}

/** Who may become a member: anybody, who was invited, or nobody but by the operator's own command. */
export type SignupPolicy = "open" | "invite" | "closed";

/** What a development server gives a new member to play with: 100 US dollars. */
export const PLAY_CREDIT_MICROS = 100_000_000n;

const EMAIL_LENGTH_MAX = 254;
const EMAIL = /^[^\s@"(),:;<>[\\\]]{1,64}@[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/;
const HANDLE = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;
const HANDLE_BASE_LENGTH_MAX = 24;
/** Names that would make a member look like the house. */
const RESERVED_HANDLES = ["admin", "guildhall", "house", "operator", "root", "support", "system"];

/**
 * An e-mail address as it is stored and compared, or `undefined` when it is none. Case does not
 * tell people apart; nothing else is guessed about how a mail server reads an address.
 */
export function normaliseEmail(text: string): string | undefined {
  const email = text.trim().toLowerCase();
  const isEmail = email.length <= EMAIL_LENGTH_MAX && EMAIL.test(email) && !email.includes("..");
  return isEmail ? email : undefined;
}

export function isHandle(text: string): boolean {
  return HANDLE.test(text) && !text.includes("--") && !RESERVED_HANDLES.includes(text);
}

/** What a handle is made from where its member named none: the address before `@` and `+`. */
export function handleBaseOf(email: string): string {
  const [local = ""] = email.split(/[@+]/);
  const base = local
    .normalize("NFKD")
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, HANDLE_BASE_LENGTH_MAX)
    .replace(/^-+|-+$/g, "");
  return base || "member";
}

/** The first of `base`, `base-2`, `base-3`, … that is free. */
export function freeHandle(base: string, taken: ReadonlySet<string>): string {
  if (isHandle(base) && !taken.has(base)) return base;
  for (let number = 2; ; number++) {
    const handle = `${base}-${number}`;
    if (!taken.has(handle)) return handle;
  }
}

/** Whether a person who proved an e-mail address may come in. */
export function admits(
  policy: SignupPolicy,
  person: { readonly isMember: boolean; readonly isInvited: boolean },
): boolean {
  if (person.isMember || policy === "open") return true;
  return policy === "invite" && person.isInvited;
}
