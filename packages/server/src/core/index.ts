/** The front door: what surfaces may use of the product, by noun. */
import type { Agents } from "./agent.ts";
import type { Assets } from "./asset.ts";
import type { Attempts } from "./attempt.ts";
import type { Books } from "./books.ts";
import type { Broadcasts } from "./broadcast.ts";
import type { Callers } from "./caller.ts";
import type { Chains } from "./chain.ts";
import type { Discovery } from "./discovery.ts";
import type { Disputes } from "./dispute.ts";
import type { Executions } from "./execution.ts";
import type { Handoffs } from "./handoff.ts";
import type { Keys } from "./key.ts";
import type { Mandates } from "./mandate.ts";
import type { Manifests } from "./manifest.ts";
import type { Members } from "./member.ts";
import type { Models } from "./model-asking.ts";
import type { ModelPrices } from "./model-price.ts";
import type { Nodes } from "./node.ts";
import type { Operator } from "./operator.ts";
import type { Payments } from "./payment.ts";
import type { Payouts } from "./payout.ts";
import type { Profiles } from "./profile.ts";
import type { Receipts } from "./receipt.ts";
import type { Referrals } from "./referral.ts";
import type { Registrations } from "./registration.ts";
import type { Runs } from "./run.ts";
import type { Schemas } from "./schema.ts";
import type { Sessions } from "./session.ts";
import type { SignInLinks } from "./sign-in-link.ts";
import type { Statements } from "./statement.ts";
import type { Tasks } from "./task.ts";
import type { Topups } from "./topup.ts";
import type { Upstreams } from "./upstream.ts";
import type { Vouchers } from "./voucher.ts";
import type { Wallets } from "./wallet.ts";

export interface Core {
  readonly agents: Agents;
  readonly assets: Assets;
  readonly attempts: Attempts;
  readonly books: Books;
  readonly broadcasts: Broadcasts;
  readonly callers: Callers;
  readonly chains: Chains;
  readonly discovery: Discovery;
  readonly disputes: Disputes;
  readonly executions: Executions;
  readonly handoffs: Handoffs;
  readonly keys: Keys;
  readonly mandates: Mandates;
  readonly manifests: Manifests;
  readonly members: Members;
  readonly modelPrices: ModelPrices;
  readonly models: Models;
  readonly nodes: Nodes;
  readonly operator: Operator;
  readonly payments: Payments;
  readonly payouts: Payouts;
  readonly profiles: Profiles;
  readonly receipts: Receipts;
  readonly referrals: Referrals;
  readonly registrations: Registrations;
  readonly runs: Runs;
  readonly schemas: Schemas;
  readonly sessions: Sessions;
  readonly signInLinks: SignInLinks;
  readonly statements: Statements;
  readonly tasks: Tasks;
  readonly topups: Topups;
  readonly upstreams: Upstreams;
  readonly vouchers: Vouchers;
  readonly wallets: Wallets;
}

export type { ModelPrice } from "../store/model-price.ts";
export type { EventPage, LoggedEvent } from "../store/session-log.ts";
export type { SessionInvoice, SessionQuote } from "../store/session-quote.ts";
export type { SessionView } from "../store/session-rows.ts";
export type { Agents, ListedAgent, ListedCapability } from "./agent.ts";
export type { Assets, StoredFile } from "./asset.ts";
export type { AttemptLimits, Attempts } from "./attempt.ts";
export type { Books, Verdict } from "./books.ts";
export type { Broadcasts, BroadcastView, SlotView } from "./broadcast.ts";
export type { CreateBroadcast } from "./broadcast-opening.ts";
export type { Callers } from "./caller.ts";
export type { Chains, ChainTree, ChainView } from "./chain.ts";
export type {
  Execution,
  ExecutionEvent,
  ExecutionInput,
  ExecutionStream,
  Executions,
  ExecutionView,
} from "./execution.ts";
export type { Handoffs, StartedDevice } from "./handoff.ts";
export type { Redemption } from "./handoff-engine.ts";
export type { CreateKey, KeyPatch, Keys, NewKey } from "./key.ts";
export type { CreateMandate, Mandates } from "./mandate.ts";
export type { CreateMember, Members } from "./member.ts";
export type { ModelQuestion, ModelReply, Models, ReplyPiece } from "./model-asking.ts";
export type { OpenCall } from "./model-call.ts";
export type { DirectedNode } from "./model-directory.ts";
export type { ModelPrices } from "./model-price.ts";
export type { NodeDraft, Nodes } from "./node.ts";
export type { Operator, ServerStatus } from "./operator.ts";
export type { Payments } from "./payment.ts";
export type { Payouts } from "./payout.ts";
export type {
  LinkIdentity,
  LinkOpening,
  LinkReceiver,
  ModelRequest,
  ProviderHub,
  ProviderLink,
  ProviderSays,
  RunFailure,
  RunOffer,
  RunRefusal,
  SessionSays,
  SessionTelling,
  SlotSays,
  SlotTelling,
  StandingSession,
  ToldBroadcast,
  ToldSession,
} from "./ports.ts";
export type { Profiles } from "./profile.ts";
export type { Receipts, SignedReceipt } from "./receipt.ts";
export type { Arrival, MyReferrals, Referrals } from "./referral.ts";
export type { Registration, RegistrationProof, Registrations } from "./registration.ts";
export type { Runs, RunView } from "./run.ts";
export type { SentMessage, SessionPage, Sessions } from "./session.ts";
export type { SignInCleaning } from "./sign-in-cleaning.ts";
export type { SignInLinks } from "./sign-in-link.ts";
export type { TakenSlot } from "./slot-telling.ts";
export type { SettledUse, Statements } from "./statement.ts";
export type { SubmitTask, Tasks, TaskView } from "./task.ts";
export type { Topups } from "./topup.ts";
export type { Upstreams, UpstreamView } from "./upstream.ts";
export type { RedeemedVoucher, Vouchers } from "./voucher.ts";
export type { Correction, TransferPage, Wallets, WalletTransfer } from "./wallet.ts";
