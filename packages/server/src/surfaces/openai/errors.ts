import type { FaultTable } from "../shared/fault-table.ts";

export interface OpenaiWord {
  readonly status: number;
  readonly type: string;
  readonly code: string;
}

const REQUEST = "invalid_request_error";
const MONEY = "insufficient_quota";

/**
 * How this wire words each refusal. Its clients ask again by themselves after 408, 409, 429 and
 * whatever is from 500 on: what will be refused again has none of these.
 */
// biome-ignore format: read as a table
export const OPENAI_ERRORS = {
  unauthenticated:                { status: 401, type: REQUEST,            code: "invalid_api_key" },
  suspended:                      { status: 403, type: "permission_error", code: "account_suspended" },
  rate_limited:                   { status: 429, type: "rate_limit_error", code: "rate_limit_exceeded" },
  payload_too_large:              { status: 413, type: REQUEST,            code: "request_too_large" },
  storage_limit_reached:          { status: 413, type: REQUEST,            code: "storage_limit_reached" },
  unsupported_media_type:         { status: 415, type: REQUEST,            code: "unsupported_media_type" },
  upload_too_slow:                { status: 408, type: REQUEST,            code: "request_timeout" },
  invalid_request:                { status: 400, type: REQUEST,            code: "invalid_request" },
  not_found:                      { status: 404, type: REQUEST,            code: "not_found" },
  forbidden:                      { status: 403, type: "permission_error", code: "forbidden" },
  chain_not_authorised:           { status: 403, type: "permission_error", code: "chain_not_authorised" },
  capability_not_found:           { status: 404, type: REQUEST,            code: "model_not_found" },
  capability_not_supported:       { status: 404, type: REQUEST,            code: "model_not_found" },
  provider_not_found:             { status: 404, type: REQUEST,            code: "model_not_found" },
  provider_ambiguous:             { status: 400, type: REQUEST,            code: "model_ambiguous" },
  provider_label_mismatch:        { status: 404, type: REQUEST,            code: "model_not_found" },
  interaction_mode_not_supported: { status: 400, type: REQUEST,            code: "invalid_request" },
  input_schema_mismatch:          { status: 400, type: REQUEST,            code: "invalid_request" },
  schema_unavailable:             { status: 400, type: REQUEST,            code: "invalid_request" },
  invalid_file:                   { status: 400, type: REQUEST,            code: "invalid_request" },
  slug_taken:                     { status: 400, type: REQUEST,            code: "conflict" },
  mandate_invalid:                { status: 403, type: "permission_error", code: "forbidden" },
  idempotency_conflict:           { status: 400, type: REQUEST,            code: "idempotency_conflict" },
  conflict:                       { status: 400, type: REQUEST,            code: "conflict" },
  broadcast_closed:               { status: 400, type: REQUEST,            code: "conflict" },
  broadcast_full:                 { status: 400, type: REQUEST,            code: "conflict" },
  insufficient_stake:             { status: 402, type: MONEY,              code: "insufficient_funds" },
  result_schema_mismatch:         { status: 400, type: REQUEST,            code: "invalid_request" },
  sequence_conflict:              { status: 400, type: REQUEST,            code: "conflict" },
  not_active:                     { status: 400, type: REQUEST,            code: "conflict" },
  not_pending:                    { status: 400, type: REQUEST,            code: "conflict" },
  message_cap_reached:            { status: 400, type: REQUEST,            code: "conflict" },
  quote_not_accepted:             { status: 400, type: REQUEST,            code: "conflict" },
  quote_mismatch:                 { status: 400, type: REQUEST,            code: "conflict" },
  invoice_exceeds_ceiling:        { status: 400, type: REQUEST,            code: "conflict" },
  consent_ceiling_exceeded:       { status: 400, type: REQUEST,            code: "conflict" },
  abandoned_not_resumable:        { status: 400, type: REQUEST,            code: "conflict" },
  not_resumable:                  { status: 400, type: REQUEST,            code: "conflict" },
  resume_window_exceeded:         { status: 400, type: REQUEST,            code: "conflict" },
  budget_exceeded:                { status: 402, type: MONEY,              code: "budget_exceeded" },
  ceiling_exceeded:               { status: 402, type: MONEY,              code: "ceiling_exceeded" },
  spend_limit_reached:            { status: 402, type: MONEY,              code: "spend_limit_reached" },
  insufficient_funds:             { status: 402, type: MONEY,              code: "insufficient_funds" },
  provider_offline:               { status: 503, type: "server_error",     code: "model_unavailable" },
  provider_busy:                  { status: 503, type: "server_error",     code: "model_overloaded" },
  requester_limit:                { status: 429, type: "rate_limit_error", code: "rate_limit_exceeded" },
  provider_unconfigured:          { status: 503, type: "server_error",     code: "model_unconfigured" },
  provider_manual:                { status: 503, type: "server_error",     code: "model_unavailable" },
  work_declined:                  { status: 502, type: "server_error",     code: "model_failed" },
  acceptance_timeout:             { status: 504, type: "server_error",     code: "model_timeout" },
  deadline_exceeded:              { status: 504, type: "server_error",     code: "model_timeout" },
  provider_timeout:               { status: 504, type: "server_error",     code: "model_timeout" },
  provider_failed:                { status: 502, type: "server_error",     code: "model_failed" },
  provider_bad_output:            { status: 502, type: "server_error",     code: "model_failed" },
  cancelled:                      { status: 499, type: "server_error",     code: "cancelled" },
  overloaded:                     { status: 503, type: "server_error",     code: "overloaded" },
  internal:                       { status: 500, type: "server_error",     code: "internal_error" },
} as const satisfies FaultTable<OpenaiWord>;
