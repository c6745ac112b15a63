/**
 * Every code a caller can be refused with, in order of precedence: where two apply, the earlier is
 * said. Codes are inner words; each wire says in its own `errors.ts` how it words them.
 */
export const FAULT_CODES = [
  /** Who is asking could not be established: no key, a wrong one, or a revoked one. */
  "unauthenticated",
  /** The workspace or agent is suspended by the operator. */
  "suspended",
  /** More requests than the limit allows. Retry after the time given. */
  "rate_limited",
  /** The body, a part of it, or a file is larger than its limit. */
  "payload_too_large",
  /** The body or file is of a kind that is not accepted here. */
  "unsupported_media_type",
  /** A file arrives too slowly, or not any more: nobody waits for the rest. */
  "upload_too_slow",
  /** The request cannot be understood: bad JSON, a wrong type, a value out of bounds. */
  "invalid_request",
  /** What was named does not exist, or the caller may not see it. */
  "not_found",
  /** The caller may see it, but may not do this to it. */
  "forbidden",
  /** The caller names a chain of work that it is not part of. */
  "chain_not_authorised",
  /** No agent offers this capability. */
  "capability_not_found",
  /** This agent does not offer this capability. */
  "capability_not_supported",
  /** Nobody who is connected does what is asked for under the conditions given. */
  "provider_not_found",
  /** Several could do it, and this server chooses none: name one. */
  "provider_ambiguous",
  /** The provider that was named is not one of the kind that was asked for. */
  "provider_label_mismatch",
  /** The capability is offered, but not in this shape of work. */
  "interaction_mode_not_supported",
  /** The input does not fit the schema that the capability declares. */
  "input_schema_mismatch",
  /** A declared schema could not be fetched, or its digest is wrong. */
  "schema_unavailable",
  /** A file reference has both a URL and an id, or neither, or names no file of the caller's. */
  "invalid_file",
  /** The name is taken. */
  "slug_taken",
  /** What is to be spent is not covered by the mandate: revoked, expired, too small, or not the caller's. */
  "mandate_invalid",
  /** The same idempotency key came with another body. */
  "idempotency_conflict",
  /** The thing is not in a state in which this can be done. */
  "conflict",
  /** The broadcast takes nobody any more: it is over, or its requester's money is not to be had. */
  "broadcast_closed",
  /** Every slot of the broadcast is taken; one may become free again. */
  "broadcast_full",
  /** The wallet does not have the stake that taking part asks for. */
  "insufficient_stake",
  /** The result does not fit the schema that the broadcast asks for. */
  "result_schema_mismatch",
  /** A session's message has a number that another message has. */
  "sequence_conflict",
  /** The session is not one in which this can be said or done. */
  "not_active",
  /** The session was activated, or is over. */
  "not_pending",
  /** All messages that a session was opened for were sent. */
  "message_cap_reached",
  /** The price that a provider proposed has to be accepted first. */
  "quote_not_accepted",
  /** What is accepted is not what was proposed last. */
  "quote_mismatch",
  /** A bill is above what was agreed on. */
  "invoice_exceeds_ceiling",
  /** A later leg costs more than is spent without asking; name its price to agree to it. */
  "consent_ceiling_exceeded",
  /** The session was given up, and cannot be gone on from. */
  "abandoned_not_resumable",
  /** The session ended in a way that cannot be gone on from. */
  "not_resumable",
  /** The session ended too long ago to be gone on from. */
  "resume_window_exceeded",
  /** The price is above what the caller allowed for this one piece of work. */
  "budget_exceeded",
  /** The chain of work has reached its ceiling; its owner has to raise it. */
  "ceiling_exceeded",
  /** A key's or a workspace's daily, monthly or prepaid limit has no room. */
  "spend_limit_reached",
  /** The workspace has no room for more: files, or schemas that the server hosts for it. */
  "storage_limit_reached",
  /** The wallet does not have what this costs. */
  "insufficient_funds",
  /** The provider is not connected, or went away. */
  "provider_offline",
  /** The provider is at its own limit of concurrent work. */
  "provider_busy",
  /** The provider is at its own limit for this requester. */
  "requester_limit",
  /** The provider is not set up to take this work. */
  "provider_unconfigured",
  /** The provider takes work by hand only. */
  "provider_manual",
  /** The provider declined the session. */
  "work_declined",
  /** The provider did not say in time whether it takes the session. */
  "acceptance_timeout",
  /** The work's deadline passed. */
  "deadline_exceeded",
  /** The provider's own time limit passed. */
  "provider_timeout",
  /** The provider tried and failed. */
  "provider_failed",
  /** The provider answered with something that is not what it promised. */
  "provider_bad_output",
  /** The work was cancelled. */
  "cancelled",
  /** The server has more to do than it can hold. Retry after the time given. */
  "overloaded",
  /** A bug of ours. The request id finds it in the log. */
  "internal",
] as const;

export type FaultCode = (typeof FAULT_CODES)[number];

/** Whether the same request may succeed later without anything else having changed. */
// biome-ignore format: read as a table
export const IS_TRANSIENT: Readonly<Record<FaultCode, boolean>> = {
  unauthenticated: false,        suspended: false,              rate_limited: true,
  payload_too_large: false,      unsupported_media_type: false, invalid_request: false,
  upload_too_slow: true,
  not_found: false,              forbidden: false, chain_not_authorised: false,              capability_not_found: false,
  provider_not_found: false,     provider_ambiguous: false,     provider_label_mismatch: false,
  capability_not_supported: false, interaction_mode_not_supported: false, input_schema_mismatch: false,
  schema_unavailable: false,     invalid_file: false,           slug_taken: false,
  mandate_invalid: false,        broadcast_closed: false,       broadcast_full: false,
  insufficient_stake: false,     result_schema_mismatch: false,
  idempotency_conflict: false,   conflict: false,               budget_exceeded: false,
  sequence_conflict: false,      not_active: false,             not_pending: false,
  message_cap_reached: false,    quote_not_accepted: false,     quote_mismatch: false,
  invoice_exceeds_ceiling: false, consent_ceiling_exceeded: false, abandoned_not_resumable: false,
  not_resumable: false,          resume_window_exceeded: false, work_declined: false,
  acceptance_timeout: true,
  ceiling_exceeded: false,       spend_limit_reached: false,    storage_limit_reached: false,
  insufficient_funds: false,
  provider_offline: true,        provider_busy: true,           requester_limit: true,
  provider_unconfigured: false,  provider_manual: false,        deadline_exceeded: true,
  provider_timeout: true,        provider_failed: false,        provider_bad_output: false,
  cancelled: false,              overloaded: true,              internal: false,
};
