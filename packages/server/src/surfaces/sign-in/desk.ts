import type {
  Attempts,
  Callers,
  Chains,
  Handoffs,
  Keys,
  Members,
  Referrals,
  Registrations,
  SignInLinks,
  Topups,
  Vouchers,
  Wallets,
} from "../../core/index.ts";
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
  readonly referrals: Pick<Referrals, "isKnown" | "attribute" | "mine">;
  readonly topups: Omit<Topups, "pay">;
  readonly vouchers: Pick<Vouchers, "redeem">;
  readonly wallets: Pick<Wallets, "balance" | "listTransfers">;
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
