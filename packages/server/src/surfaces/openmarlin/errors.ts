import type { Redemption } from "../../core/index.ts";
import type { KeyProblem } from "../../domain/fault.ts";
import type { FaultTable } from "../shared/fault-table.ts";

export interface OpenmarlinWord {
  readonly status: number;
  readonly error: string;
}

/** How this wire words each refusal (OpenMarlin contract §2.1). */
// biome-ignore format: read as a table
export const OPENMARLIN_ERRORS = {
  unauthenticated:                { status: 401, error: "invalid_api_key" },
  suspended:                      { status: 403, error: "api_key_inactive" },
  rate_limited:                   { status: 429, error: "rate_limited" },
  payload_too_large:              { status: 413, error: "payload_too_large" },
  storage_limit_reached:          { status: 413, error: "storage_limit_reached" },
  unsupported_media_type:         { status: 400, error: "invalid_request" },
  upload_too_slow:                { status: 408, error: "invalid_request" },
  invalid_request:                { status: 400, error: "invalid_request" },
  not_found:                      { status: 404, error: "not_found" },
  forbidden:                      { status: 403, error: "forbidden" },
  chain_not_authorised:           { status: 403, error: "forbidden" },
  capability_not_found:           { status: 404, error: "execution_provider_not_found" },
  capability_not_supported:       { status: 409, error: "execution_kind_not_available" },
  provider_not_found:             { status: 404, error: "execution_provider_not_found" },
  provider_ambiguous:             { status: 409, error: "execution_provider_ambiguous" },
  provider_label_mismatch:        { status: 409, error: "provider_label_mismatch" },
  interaction_mode_not_supported: { status: 409, error: "execution_kind_not_available" },
  input_schema_mismatch:          { status: 400, error: "invalid_request" },
  schema_unavailable:             { status: 400, error: "invalid_request" },
  invalid_file:                   { status: 400, error: "invalid_request" },
  slug_taken:                     { status: 409, error: "conflict" },
  idempotency_conflict:           { status: 409, error: "idempotency_conflict" },
  conflict:                       { status: 409, error: "conflict" },
  mandate_invalid:                { status: 403, error: "forbidden" },
  broadcast_closed:               { status: 409, error: "conflict" },
  broadcast_full:                 { status: 409, error: "conflict" },
  insufficient_stake:             { status: 409, error: "conflict" },
  result_schema_mismatch:         { status: 400, error: "invalid_request" },
  sequence_conflict:              { status: 409, error: "conflict" },
  not_active:                     { status: 409, error: "conflict" },
  not_pending:                    { status: 409, error: "conflict" },
  message_cap_reached:            { status: 409, error: "conflict" },
  quote_not_accepted:             { status: 409, error: "conflict" },
  quote_mismatch:                 { status: 409, error: "conflict" },
  invoice_exceeds_ceiling:        { status: 409, error: "conflict" },
  consent_ceiling_exceeded:       { status: 409, error: "conflict" },
  abandoned_not_resumable:        { status: 409, error: "conflict" },
  not_resumable:                  { status: 409, error: "conflict" },
  resume_window_exceeded:         { status: 409, error: "conflict" },
  // Not 402: a client takes that for a balance that a top-up mends.
  budget_exceeded:                { status: 403, error: "budget_exceeded" },
  ceiling_exceeded:               { status: 403, error: "ceiling_exceeded" },
  spend_limit_reached:            { status: 403, error: "spend_limit_reached" },
  insufficient_funds:             { status: 402, error: "insufficient_balance" },
  provider_offline:               { status: 503, error: "provider_unavailable" },
  provider_busy:                  { status: 503, error: "provider_unavailable" },
  requester_limit:                { status: 429, error: "rate_limited" },
  provider_unconfigured:          { status: 503, error: "provider_unavailable" },
  provider_manual:                { status: 503, error: "provider_unavailable" },
  work_declined:                  { status: 502, error: "execution_failed" },
  acceptance_timeout:             { status: 504, error: "execution_timeout" },
  deadline_exceeded:              { status: 504, error: "execution_timeout" },
  provider_timeout:               { status: 504, error: "execution_timeout" },
  provider_failed:                { status: 502, error: "execution_failed" },
  provider_bad_output:            { status: 502, error: "execution_failed" },
  cancelled:                      { status: 502, error: "execution_failed" },
  overloaded:                     { status: 503, error: "overloaded" },
  internal:                       { status: 500, error: "internal_error" },
} as const satisfies FaultTable<OpenmarlinWord>;

/** Things whose absence has a word of its own on this wire. */
export const NOT_FOUND_ERRORS: Readonly<Record<string, OpenmarlinWord>> = {
  registration: { status: 404, error: "registration_session_not_found" },
  task: { status: 404, error: "task_not_found" },
  "task-executor": { status: 503, error: "task_executor_not_found" },
  topup: { status: 404, error: "topup_session_not_found" },
  account: { status: 403, error: "account_missing" },
};

/**
 * What is wrong with a key (contract §2.1). The database keeps a key's workspace as long as the key, so
 * `workspace_missing` is never said.
 */
// biome-ignore format: read as a table
export const KEY_ERRORS = {
  missing:  { status: 401, error: "missing_api_key" },
  inactive: { status: 403, error: "api_key_inactive" },
} as const satisfies Record<KeyProblem, OpenmarlinWord>;

/** What a program that wants its key is told (contract §4.3). */
// biome-ignore format: read as a table
export const REDEMPTION_ERRORS = {
  wait:          { status: 409, error: "registration_not_completed",     message: "Nobody has approved this registration yet." },
  "slow-down":   { status: 409, error: "registration_not_completed",     message: "Nobody has approved this registration yet." },
  denied:        { status: 410, error: "registration_session_expired",   message: "This registration was denied. Start another." },
  expired:       { status: 410, error: "registration_session_expired",   message: "This registration has expired. Start another." },
  "wrong-proof": { status: 403, error: "invalid_handoff_proof",          message: "This is not what the registration was started with." },
  replayed:      { status: 409, error: "api_key_already_issued",         message: "The key of this registration was handed over already." },
  unknown:       { status: 404, error: "registration_session_not_found", message: "There is no such registration session." },
} as const satisfies Record<Exclude<Redemption["outcome"], "deliver">, OpenmarlinWord & { message: string }>;
