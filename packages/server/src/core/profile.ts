/** Who a caller is, as it may see itself. */
import type { Caller } from "../domain/caller.ts";
import { Fault } from "../domain/fault.ts";
import type { Database } from "../store/database.ts";
import { findMemberOfWorkspace } from "../store/member.ts";

export interface Profile {
  readonly workspaceId: string;
  readonly handle: string;
  readonly email: string;
  readonly createdAt: Date;
}

export interface Profiles {
  /** The member whose workspace the caller acts for. */
  require(caller: Caller): Promise<Profile>;
}

export function createProfiles(database: Database): Profiles {
  return {
    async require(caller) {
      const member = await findMemberOfWorkspace(database, caller.workspaceId);
      if (!member) {
        const facts = { kind: "member", id: caller.workspaceId };
        throw new Fault("not_found", "This workspace has no member.", facts);
      }
      return member;
    },
  };
}
