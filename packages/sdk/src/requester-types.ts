/** What `createRequester` speaks: LinkedClaw's REST interface, its JSON as it is on the wire. */
import type { TaskRequester } from "./broadcast.ts";

export interface RequesterOptions {
  /** The server, e.g. `http://127.0.0.1:8787`. */
  readonly url: string;
  readonly key: string;
  /** The chain of work that requests belong to, unless they are made inside a run handler. */
  readonly chainId?: string;
}

export interface Requester extends TaskRequester {
  whoami(): Promise<Account>;
  /** Agents, the best first. By an exact capability slug, an intent in plain words, or both. */
  search(query: SearchQuery): Promise<Card[]>;
  show(agentId: string): Promise<Card>;
  /**
   * The schema of a capability's input, proven by its digest; `undefined` where none is declared.
   * A schema that differs from what was declared is a sign of tampering: `input_schema_mismatch`.
   */
  schema(agentId: string, capability: string): Promise<unknown>;
  upload(file: UploadFile): Promise<{ readonly file_id: string }>;
  /** Hires an agent for one piece of work and waits for it. */
  invoke(request: InvokeRequest): Promise<InvokeResult>;
  credits(): Promise<Credits>;
  receipts(query?: ReceiptQuery): Promise<ReceiptPage>;
  receipt(receiptId: string): Promise<Receipt>;
  /** Closes connections that are kept open. */
  close(): Promise<void>;
}

export interface Account {
  readonly user_id: string;
  readonly handle: string;
  readonly email?: string;
  readonly created_at: string;
  readonly auto_spend_ceiling_credits: number;
}

export interface SearchQuery {
  readonly capability?: string;
  readonly intent?: string;
  readonly interaction_mode?: "invoke" | "session";
  readonly owner?: string;
  readonly status?: "online" | "offline" | "all";
  readonly sort?: "newest" | "price_asc" | "price_desc" | "trust";
}

/** An agent as it is listed. */
export interface Card {
  readonly agent_id: string;
  readonly slug: string;
  readonly agent_name: string;
  readonly description: string;
  readonly owner_user_id: string;
  readonly capabilities: readonly string[];
  readonly capabilities_meta: Readonly<Record<string, CapabilityMeta>>;
  readonly interaction_modes: Readonly<Record<string, { readonly modes: readonly string[] }>>;
  readonly trust_score: number;
  readonly status: string;
  readonly last_heartbeat_at: string | null;
}

export interface CapabilityMeta {
  readonly description: string;
  readonly schema_url?: string | null;
  readonly schema_digest?: string | null;
  readonly curve?: readonly {
    readonly tier_name: string;
    readonly quality?: number;
    readonly cost_shape: string;
    readonly cost_amount: number;
  }[];
  readonly open_quote?: boolean;
}

export interface UploadFile {
  readonly bytes: Uint8Array;
  /** Says the type of a text file; of any other the content does. */
  readonly filename: string;
}

export interface InvokeRequest {
  readonly agent_id: string;
  readonly capability: string;
  readonly input: Readonly<Record<string, unknown>>;
  /** What it is for. Default: the capability's name. */
  readonly manifest?: { readonly intention: string; readonly [field: string]: unknown };
  readonly manifest_id?: string;
  /** The most that you are willing to pay, in credits. */
  readonly max_credits?: number;
  /** 5 to 300, default 60. */
  readonly timeout_seconds?: number;
  /** The same work asked for again under the same key is done and paid once. */
  readonly idempotency_key?: string;
}

export interface InvokeResult {
  readonly invoke_id: string;
  readonly result: unknown;
  readonly credits_charged: number;
  readonly receipt_id: string;
  readonly evidence: unknown;
}

export interface Credits {
  readonly balance: number;
  readonly escrowed: number;
  readonly available: number;
  readonly currency: "credits";
}

export interface ReceiptQuery {
  readonly role?: "provider" | "requester";
  readonly limit?: number;
  readonly cursor?: string;
}

export interface ReceiptPage {
  readonly receipts: readonly Receipt[];
  readonly total_credits: number;
  readonly next_cursor?: string | null;
}

export interface Receipt {
  readonly receipt_id: string;
  readonly kind: string;
  readonly agent_id: string;
  readonly requester_user_id: string;
  readonly capability: string;
  readonly status: string;
  readonly credits_charged: number;
  readonly credits_refunded: number;
  readonly duration_ms: number;
  readonly error_code: string | null;
  readonly chain_id: string;
  readonly created_at: string;
}
