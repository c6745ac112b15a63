/** Signs in a person who has just proved an e-mail address by other means than a password. */
import type { AuthContext, BetterAuthPlugin, User } from "better-auth";
import { APIError, createAuthEndpoint } from "better-auth/api";
import { setSessionCookie } from "better-auth/cookies";
import { z } from "zod";

const Body = z.object({
  email: z.string(),
  /** The password to sign in with from now on; every session before it ends. */
  password: z.string().optional(),
});

/**
 * Adds `auth.api.signInProven`, callable from this process only. Whether the address was proved (by
 * a link that was mailed there; by nothing at all in development) is the caller's to know.
 */
export function provenSignIn() {
  return {
    id: "guildhall-proven-sign-in",
    endpoints: {
      signInProven: createAuthEndpoint.serverOnly(
        { method: "POST", body: Body, requireHeaders: true },
        async (ctx) => {
          const { email, password } = ctx.body;
          const { internalAdapter, password: passwords } = ctx.context;
          const user = await findOrCreateUser(internalAdapter, email);
          if (password !== undefined) {
            const hash = await passwords.hash(password);
            const accounts = await internalAdapter.findAccounts(user.id);
            if (accounts.some(({ providerId }) => providerId === "credential")) {
              await internalAdapter.updatePassword(user.id, hash);
            } else {
              await internalAdapter.createAccount({
                userId: user.id,
                providerId: "credential",
                accountId: user.id,
                password: hash,
              });
            }
            await internalAdapter.deleteUserSessions(user.id);
          }
          const session = await internalAdapter.createSession(user.id);
          if (!session) throw new APIError("INTERNAL_SERVER_ERROR");
          await setSessionCookie(ctx, { session, user });
          return { memberId: user.id };
        },
      ),
    },
  } satisfies BetterAuthPlugin;
}

async function findOrCreateUser(
  adapter: AuthContext["internalAdapter"],
  email: string,
): Promise<User> {
  const found = await adapter.findUserByEmail(email);
  if (found) return found.user;
  try {
    return await adapter.createUser({ email, name: email, emailVerified: true });
  } catch (error) {
    // Two windows of one person may sign in for the first time at once.
    const made = await adapter.findUserByEmail(email);
    if (!made) throw error;
    return made.user;
  }
}
