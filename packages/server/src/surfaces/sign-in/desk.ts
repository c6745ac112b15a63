import type {
  Attempts,
  Callers,
  Chains,
  Handoffs,
  Keys,
  Members,
  Registrations,
  SignInLinks,
  Topups,
} from "../../core/index.ts";
import type { Caller } from "../../domain/caller.ts";
import type { SignupPolicy } from "../../domain/member.ts";
import type { ClientAddress } from "../shared/client-address.ts";
import type { Auth } from "./auth.ts";
import type { AuthOptions } from "./auth-settings.ts";
import type { Forms } from "./form.ts";
import type { People } from "./people.ts";

/** What the pages use of the product. */
export interface SignInCore {
  readonly callers: Callers;
  readonly chains: Chains;
  readonly members: Members;
  readonly keys: Keys;
  readonly handoffs: Handoffs;
  readonly registrations: Registrations;
  readonly links: SignInLinks;
  readonly attempts: Attempts;
  readonly topups: Pick<Topups, "showUnpaid" | "decideUnpaid">;
  readonly wallets: {
    balance(
      caller: Caller,
    ): Promise<{ readonly heldMicros: bigint; readonly availableMicros: bigint }>;
  };
}

export interface SignInOptions extends Omit<AuthOptions, "secret"> {
  /** The server's secret key: what sign-in needs is derived from it. */
  readonly secretKey: string;
  readonly policy: SignupPolicy;
  readonly addressOf: ClientAddress;
}

/** What every page has at hand. */
export interface Desk {
  readonly core: SignInCore;
  readonly options: SignInOptions;
  readonly auth: () => Promise<Auth>;
  readonly forms: Forms;
  readonly people: People;
}
