/**
 * Sign-in links: whoever opens one has the mail, or was given the link by the operator, and may
 * choose a password. One thing serves for joining, for invitations and for forgotten passwords.
 */

export type LinkPurpose =
  /** Somebody asked to become a member. */
  | "join"
  /** The operator asked somebody in. */
  | "invite"
  /** A member forgot a password. */
  | "reset";

export interface SignInLink {
  readonly id: string;
  readonly email: string;
  readonly purpose: LinkPurpose;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly usedAt: Date | undefined;
}

/** Who is asked in may be on holiday; who asks waits for the mail. */
export const LINK_SECONDS: Readonly<Record<LinkPurpose, number>> = {
  join: 3600,
  invite: 7 * 86_400,
  reset: 3600,
};

export function isUsable(link: SignInLink, at: Date): boolean {
  return link.usedAt === undefined && at < link.expiresAt;
}
