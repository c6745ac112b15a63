import type { Redemption } from "../../core/index.ts";
import type { FaultTable } from "../shared/fault-table.ts";

interface Word {
  readonly status: 400 | 401 | 413 | 429 | 500 | 503;
  readonly error: string;
}

/** What a program that polls or redeems is told (RFC 6749 §5.2, RFC 8628 §3.5). Always status 400. */
// biome-ignore format: read as a table
export const REDEMPTION_ERRORS = {
  wait:          { error: "authorization_pending", description: "Nobody has approved the sign-in yet." },
  "slow-down":   { error: "slow_down",             description: "Ask less often: five seconds longer between two times." },
  denied:        { error: "access_denied",         description: "The sign-in was denied." },
  expired:       { error: "expired_token",         description: "The sign-in has expired. Start it again." },
  "wrong-proof": { error: "invalid_grant",         description: "This is not the program that asked, or it asked for another place." },
  replayed:      { error: "invalid_grant",         description: "This code was used already." },
  unknown:       { error: "invalid_grant",         description: "This code was never given out, or is long over." },
} as const satisfies Record<Exclude<Redemption["outcome"], "deliver">, { error: string; description: string }>;

/** Everything else, in the words of RFC 6749 as far as it has any. */
// biome-ignore format: read as a table
export const OAUTH_ERRORS: FaultTable<Word> = {
  unauthenticated:                { status: 401, error: "invalid_client" },
  suspended:                      { status: 400, error: "access_denied" },
  rate_limited:                   { status: 429, error: "temporarily_unavailable" },
  payload_too_large:              { status: 413, error: "invalid_request" },
  storage_limit_reached:          { status: 400, error: "invalid_request" },
  unsupported_media_type:         { status: 400, error: "invalid_request" },
  upload_too_slow:                { status: 400, error: "invalid_request" },
  invalid_request:                { status: 400, error: "invalid_request" },
  not_found:                      { status: 400, error: "invalid_grant" },
  forbidden:                      { status: 400, error: "access_denied" },
  chain_not_authorised:           { status: 400, error: "access_denied" },
  capability_not_found:           { status: 400, error: "invalid_request" },
  capability_not_supported:       { status: 400, error: "invalid_request" },
  provider_not_found:             { status: 400, error: "invalid_request" },
  provider_ambiguous:             { status: 400, error: "invalid_request" },
  provider_label_mismatch:        { status: 400, error: "invalid_request" },
  interaction_mode_not_supported: { status: 400, error: "invalid_request" },
  input_schema_mismatch:          { status: 400, error: "invalid_request" },
  schema_unavailable:             { status: 400, error: "invalid_request" },
  invalid_file:                   { status: 400, error: "invalid_request" },
  slug_taken:                     { status: 400, error: "invalid_request" },
  idempotency_conflict:           { status: 400, error: "invalid_request" },
  conflict:                       { status: 400, error: "access_denied" },
  mandate_invalid:                { status: 400, error: "access_denied" },
  broadcast_closed:               { status: 400, error: "access_denied" },
  broadcast_full:                 { status: 400, error: "access_denied" },
  insufficient_stake:             { status: 400, error: "access_denied" },
  result_schema_mismatch:         { status: 400, error: "access_denied" },
  sequence_conflict:              { status: 400, error: "access_denied" },
  not_active:                     { status: 400, error: "access_denied" },
  not_pending:                    { status: 400, error: "access_denied" },
  message_cap_reached:            { status: 400, error: "access_denied" },
  quote_not_accepted:             { status: 400, error: "access_denied" },
  quote_mismatch:                 { status: 400, error: "access_denied" },
  invoice_exceeds_ceiling:        { status: 400, error: "access_denied" },
  consent_ceiling_exceeded:       { status: 400, error: "access_denied" },
  abandoned_not_resumable:        { status: 400, error: "access_denied" },
  not_resumable:                  { status: 400, error: "access_denied" },
  resume_window_exceeded:         { status: 400, error: "access_denied" },
  budget_exceeded:                { status: 400, error: "access_denied" },
  ceiling_exceeded:               { status: 400, error: "access_denied" },
  spend_limit_reached:            { status: 400, error: "access_denied" },
  insufficient_funds:             { status: 400, error: "access_denied" },
  provider_offline:               { status: 503, error: "temporarily_unavailable" },
  provider_busy:                  { status: 503, error: "temporarily_unavailable" },
  requester_limit:                { status: 503, error: "temporarily_unavailable" },
  provider_unconfigured:          { status: 503, error: "temporarily_unavailable" },
  provider_manual:                { status: 503, error: "temporarily_unavailable" },
  work_declined:                  { status: 400, error: "access_denied" },
  acceptance_timeout:             { status: 400, error: "access_denied" },
  deadline_exceeded:              { status: 503, error: "temporarily_unavailable" },
  provider_timeout:               { status: 503, error: "temporarily_unavailable" },
  provider_failed:                { status: 503, error: "temporarily_unavailable" },
  provider_bad_output:            { status: 503, error: "temporarily_unavailable" },
  cancelled:                      { status: 400, error: "access_denied" },
  overloaded:                     { status: 503, error: "temporarily_unavailable" },
  internal:                       { status: 500, error: "server_error" },
};
