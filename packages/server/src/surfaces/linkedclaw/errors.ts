import type { FaultTable } from "../shared/fault-table.ts";

export interface LinkedclawWord {
  readonly status: number;
  readonly code: string;
}

/** How this wire words each refusal (LinkedClaw contract §15). */
// biome-ignore format: read as a table
export const LINKEDCLAW_ERRORS = {
  unauthenticated:                { status: 401, code: "invalid_api_key" },
  suspended:                      { status: 403, code: "suspended" },
  rate_limited:                   { status: 429, code: "rate_limited" },
  payload_too_large:              { status: 413, code: "payload_too_large" },
  storage_limit_reached:          { status: 413, code: "storage_limit_reached" },
  unsupported_media_type:         { status: 415, code: "unsupported_type" },
  upload_too_slow:                { status: 408, code: "upload_too_slow" },
  invalid_request:                { status: 422, code: "invalid_request" },
  not_found:                      { status: 404, code: "not_found" },
  forbidden:                      { status: 403, code: "forbidden" },
  chain_not_authorised:           { status: 403, code: "chain_not_authorised" },
  capability_not_found:           { status: 404, code: "capability_not_found" },
  capability_not_supported:       { status: 409, code: "capability_not_supported" },
  // Of calls of models, which this wire does not make.
  provider_not_found:             { status: 404, code: "not_found" },
  provider_ambiguous:             { status: 409, code: "conflict" },
  provider_label_mismatch:        { status: 409, code: "conflict" },
  interaction_mode_not_supported: { status: 409, code: "interaction_mode_not_supported" },
  input_schema_mismatch:          { status: 422, code: "input_schema_mismatch" },
  schema_unavailable:             { status: 422, code: "input_schema_mismatch" },
  invalid_file:                   { status: 422, code: "invalid_file_ref" },
  slug_taken:                     { status: 409, code: "slug_taken" },
  idempotency_conflict:           { status: 409, code: "idempotency_conflict" },
  conflict:                       { status: 409, code: "conflict" },
  mandate_invalid:                { status: 403, code: "mandate_invalid" },
  broadcast_closed:               { status: 409, code: "task_closed" },
  broadcast_full:                 { status: 409, code: "task_full" },
  insufficient_stake:             { status: 409, code: "insufficient_stake" },
  result_schema_mismatch:         { status: 422, code: "result_schema_mismatch" },
  sequence_conflict:              { status: 409, code: "seq_conflict" },
  not_active:                     { status: 409, code: "session_not_active" },
  not_pending:                    { status: 409, code: "session_not_pending" },
  message_cap_reached:            { status: 409, code: "message_cap_reached" },
  quote_not_accepted:             { status: 409, code: "quote_not_accepted" },
  quote_mismatch:                 { status: 409, code: "proposal_hash_mismatch" },
  invoice_exceeds_ceiling:        { status: 422, code: "invoice_exceeds_ceiling" },
  consent_ceiling_exceeded:       { status: 409, code: "extend_beyond_ceiling_requires_explicit_quote" },
  abandoned_not_resumable:        { status: 409, code: "session_abandoned_not_resumable" },
  not_resumable:                  { status: 409, code: "session_not_resumable_reason" },
  resume_window_exceeded:         { status: 409, code: "resume_window_exceeded" },
  budget_exceeded:                { status: 402, code: "budget_exceeded" },
  ceiling_exceeded:               { status: 402, code: "ceiling_exceeded" },
  spend_limit_reached:            { status: 402, code: "spend_limit_reached" },
  insufficient_funds:             { status: 402, code: "insufficient_credits" },
  provider_offline:               { status: 503, code: "provider_offline" },
  provider_busy:                  { status: 503, code: "provider_busy" },
  requester_limit:                { status: 429, code: "per_requester_limit" },
  provider_unconfigured:          { status: 503, code: "provider_unconfigured" },
  provider_manual:                { status: 503, code: "provider_manual_mode" },
  work_declined:                  { status: 403, code: "session_rejected" },
  acceptance_timeout:             { status: 408, code: "session_accept_timeout" },
  deadline_exceeded:              { status: 504, code: "invoke_timeout" },
  provider_timeout:               { status: 504, code: "subagent_timeout" },
  provider_failed:                { status: 502, code: "subagent_error" },
  provider_bad_output:            { status: 502, code: "subagent_bad_output" },
  cancelled:                      { status: 409, code: "cancelled" },
  overloaded:                     { status: 503, code: "overloaded" },
  internal:                       { status: 500, code: "internal" },
} as const satisfies FaultTable<LinkedclawWord>;

/** Things whose absence has a word of its own on this wire. */
export const NOT_FOUND_CODES: Readonly<Record<string, string>> = {
  agent: "agent_not_found",
  session: "invalid_session_id",
  quote: "no_quote_proposed",
  invoice: "no_invoice_submitted",
};
