import type { FaultTable } from "../shared/fault-table.ts";

export interface AnthropicWord {
  readonly status: number;
  readonly type: string;
}

const REQUEST = "invalid_request_error";
const FAILED = { status: 502, type: "api_error" } as const;
const TIMEOUT = { status: 504, type: "timeout_error" } as const;
const CONFLICT = { status: 400, type: REQUEST } as const;
const MONEY = { status: 402, type: "billing_error" } as const;
const MISSING = { status: 404, type: "not_found_error" } as const;
const BUSY = { status: 529, type: "overloaded_error" } as const;

/** How this wire words each refusal: by these types its clients tell them apart. */
// biome-ignore format: read as a table
export const ANTHROPIC_ERRORS = {
  unauthenticated:                { status: 401, type: "authentication_error" },
  suspended:                      { status: 403, type: "permission_error" },
  rate_limited:                   { status: 429, type: "rate_limit_error" },
  payload_too_large:              { status: 413, type: "request_too_large" },
  storage_limit_reached:          { status: 413, type: "request_too_large" },
  unsupported_media_type:         { status: 400, type: REQUEST },
  upload_too_slow:                { status: 408, type: REQUEST },
  invalid_request:                { status: 400, type: REQUEST },
  not_found:                      MISSING,
  forbidden:                      { status: 403, type: "permission_error" },
  chain_not_authorised:           { status: 403, type: "permission_error" },
  capability_not_found:           MISSING,
  capability_not_supported:       MISSING,
  provider_not_found:             MISSING,
  provider_ambiguous:             { status: 400, type: REQUEST },
  provider_label_mismatch:        MISSING,
  interaction_mode_not_supported: { status: 400, type: REQUEST },
  input_schema_mismatch:          { status: 400, type: REQUEST },
  schema_unavailable:             { status: 400, type: REQUEST },
  invalid_file:                   { status: 400, type: REQUEST },
  slug_taken:                     CONFLICT,
  mandate_invalid:                { status: 403, type: "permission_error" },
  idempotency_conflict:           CONFLICT,
  conflict:                       CONFLICT,
  broadcast_closed:               CONFLICT,
  broadcast_full:                 CONFLICT,
  insufficient_stake:             MONEY,
  result_schema_mismatch:         { status: 400, type: REQUEST },
  sequence_conflict:              CONFLICT,
  not_active:                     CONFLICT,
  not_pending:                    CONFLICT,
  message_cap_reached:            CONFLICT,
  quote_not_accepted:             CONFLICT,
  quote_mismatch:                 CONFLICT,
  invoice_exceeds_ceiling:        CONFLICT,
  consent_ceiling_exceeded:       CONFLICT,
  abandoned_not_resumable:        CONFLICT,
  not_resumable:                  CONFLICT,
  resume_window_exceeded:         CONFLICT,
  budget_exceeded:                MONEY,
  ceiling_exceeded:               MONEY,
  spend_limit_reached:            MONEY,
  insufficient_funds:             MONEY,
  provider_offline:               BUSY,
  provider_busy:                  BUSY,
  requester_limit:                { status: 429, type: "rate_limit_error" },
  provider_unconfigured:          { status: 503, type: "api_error" },
  provider_manual:                BUSY,
  work_declined:                  FAILED,
  acceptance_timeout:             TIMEOUT,
  deadline_exceeded:              TIMEOUT,
  provider_timeout:               TIMEOUT,
  provider_failed:                FAILED,
  provider_bad_output:            FAILED,
  cancelled:                      { status: 499, type: "api_error" },
  overloaded:                     BUSY,
  internal:                       { status: 500, type: "api_error" },
} as const satisfies FaultTable<AnthropicWord>;
